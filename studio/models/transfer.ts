/** Fetching a file whose size is known, over connections that may break: each goes on where the last one stopped. */

/** Where the bytes go. */
export interface Target {
  /** How many are there. */
  readonly size: number;
  /** What tells the version of the file to which they belong: a strong entity tag, or a date; undefined if nothing does. */
  readonly validator: string | undefined;
  /** Adds bytes behind those that are there. */
  append(bytes: Uint8Array<ArrayBuffer>): void;
  /** Lets go of all bytes, as those of another version come. */
  restart(validator: string | undefined): Promise<void>;
}

/** How a file is fetched. */
export interface TransferOptions {
  /** Size of the file. */
  readonly bytes: number;
  /** Told the bytes that are there. */
  readonly onProgress?: (done: number) => void;
  /** Stops it; what has arrived stays. */
  readonly signal?: AbortSignal;
  /** Connections in a row that may bring nothing new. */
  readonly attempts?: number;
  /** Milliseconds before the second connection, doubled for each further one that brings nothing. */
  readonly pause?: number;
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly idle?: number;
}

/** A connection failed in a way that the next may not. */
class Broken extends Error {}

/** The server has something else than the file; what has arrived is worth nothing. */
export class WrongFile extends Error {}

/**
 * Fetches what is missing of a file.
 * @param address of the file
 * @throws {WrongFile} if the server has something else
 * @throws {Error} if it refuses, or connections bring nothing new; the reason of the signal
 */
export async function transfer(address: string, target: Target, options: TransferOptions): Promise<void> {
  const { bytes, attempts = 5, pause = 1000, signal } = options;
  let [furthest, failures] = [target.size, 0];
  while (target.size !== bytes) {
    try {
      await connect(address, target, options);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Broken)) throw error;
      failures = target.size > furthest ? 0 : failures + 1;
      furthest = Math.max(furthest, target.size);
      if (failures >= attempts) {
        throw new Error(
          `Cannot download "${address}": ${error.message}, ${attempts} times in a row; what has arrived is kept, go on ` +
            "when the connection is better",
          { cause: error },
        );
      }
      await pauseFor(failures === 0 ? 0 : pause * 2 ** (failures - 1), signal);
    }
  }
}

/** One connection, to the end of the file. */
async function connect(address: string, target: Target, options: TransferOptions): Promise<void> {
  const { bytes, onProgress, signal, idle = 30_000 } = options;
  const silence = new AbortController();
  const within = async <T>(wait: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => silence.abort(), idle);
    try {
      return await wait;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const isSilent = silence.signal.aborted;
      throw new Broken(isSilent ? `nothing came for ${idle / 1000} s` : `the connection failed (${reason})`, { cause });
    } finally {
      clearTimeout(timer);
    }
  };
  const signals = signal ? [signal, silence.signal] : [silence.signal];
  try {
    const init = { headers: rangeOf(target), cache: "no-store", signal: AbortSignal.any(signals) } as const;
    const response = await within(fetch(address, init));
    await settle(address, target, response, bytes);
    onProgress?.(target.size);
    const reader = response.body!.getReader();
    for (;;) {
      const { done, value } = await within(reader.read());
      if (done) break;
      if (target.size + value.length > bytes) throw other(address, `the server sends more than the ${bytes} bytes`);
      target.append(value);
      onProgress?.(target.size);
    }
    if (target.size < bytes) throw new Broken("the connection ended early");
  } finally {
    // Whatever is left of the answer is not waited for.
    silence.abort();
  }
}

/** Asks for what is missing, on condition that the file is still the same. */
function rangeOf({ size, validator }: Target): Record<string, string> {
  if (size === 0) return {};
  return { range: `bytes=${size}-`, ...validator === undefined ? {} : { "if-range": validator } };
}

/** Makes the target ready for what an answer brings. */
async function settle(address: string, target: Target, response: Response, bytes: number): Promise<void> {
  const { status, headers } = response;
  if (status === 408 || status === 429 || status >= 500) throw new Broken(`the server answered ${status}`);
  if (status === 416) {
    await target.restart(undefined);
    throw new Broken("the server has no bytes from there on");
  }
  if (status !== 200 && status !== 206) {
    throw new Error(`Cannot download "${address}": the server answered ${status}; it is not offered there any more`);
  }
  if (headers.get("content-type")?.startsWith("text/html")) {
    throw other(address, "the server sent a web page instead of a file");
  }
  if (status === 206) {
    const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
    if (Number(from) !== target.size) {
      await target.restart(undefined);
      throw new Broken("the server sent another part than the one that was asked for");
    }
    requireSize(address, total, bytes);
    return;
  }
  // Bytes are counted as the browser unpacks them, and the length as they are sent.
  if (!headers.has("content-encoding")) requireSize(address, headers.get("content-length") ?? "*", bytes);
  const tag = headers.get("etag");
  await target.restart(tag?.startsWith('"') ? tag : headers.get("last-modified") ?? undefined);
}

function requireSize(address: string, found: string | undefined, bytes: number): void {
  if (found === undefined || found === "*" || Number(found) === bytes) return;
  throw other(address, `the server has ${found} bytes, ${bytes} are needed`);
}

function other(address: string, found: string): WrongFile {
  return new WrongFile(`Cannot download "${address}": ${found}; it is another file, and nothing of it was kept`);
}

/** Waits, unless the signal comes first, whose reason is then thrown. */
async function pauseFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", end, { once: true });
  });
}
