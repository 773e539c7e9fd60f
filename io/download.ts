import { followRedirects, Interruption, pauseFor, requireAnswer, requireWebAddress, Watch } from "./connection.ts";
import { FileError } from "./file_error.ts";
import { FileSource } from "./file_source.ts";
import { type Origin, PartialFile } from "./partial_file.ts";
import { sha256Of } from "./sha256.ts";

/** Options of `download`. */
export interface DownloadOptions {
  /** Bytes that the file must have, if that is known. */
  readonly bytes?: number;
  /** SHA-256 that the file must have, if that is known: 64 hexadecimal digits. */
  readonly sha256?: string;
  /** Called with the bytes so far and in all, first while they arrive and then while they are hashed; may throw. */
  readonly onProgress?: (phase: "download" | "check", done: number, total: number | undefined) => void;
  /** Called with a sentence when the connection is tried anew or the file begins again. */
  readonly onNote?: (text: string) => void;
  /** Stops the download; what has arrived is kept for the next run. */
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which a connection counts as dead; default 30,000. */
  readonly idle?: number;
  /** Connections in a row that may bring nothing new; default 5. */
  readonly attempts?: number;
  /** Milliseconds before the second connection, doubled for each further one; default 1,000. */
  readonly pause?: number;
}

/** A finished download. */
export interface Downloaded {
  /** Size of the file on disk. */
  readonly bytes: number;
  /** SHA-256 of the file on disk. */
  readonly sha256: string;
  /** Bytes that an earlier run had left and that were not fetched again. */
  readonly resumed: number;
}

/**
 * Fetches a file over HTTP so that it appears at its path complete or not at all. A dropped, stalled or failed
 * connection is tried again from where it stopped (`Range` with `If-Range`), also by a later run; what has arrived is
 * kept in `PATH.part`. A file that has changed at the server meanwhile begins again, and so does one whose server
 * ignores ranges, or gives neither entity tag nor date while no hash is known to check the joined parts with.
 *
 * @param address An `http:` or `https:` URL; redirects are followed, but not from `https:` to `http:`.
 * @param path Path of the finished file; its folder must exist.
 * @param options What the file must be, and what to be told.
 * @throws FileError If the server refuses, gives something else than the file, or cannot be reached; if size or hash
 * are wrong, in which case nothing is kept; if the disk cannot be written.
 * @throws Whatever `onProgress` throws, and the reason of the signal.
 */
export async function download(address: string, path: string, options: DownloadOptions = {}): Promise<Downloaded> {
  const { href: url } = requireWebAddress(address);
  using part = await PartialFile.open(path);
  try {
    await fetchAll(url, part, options);
    await requireSize(url, part, options.bytes);
    const sha256 = await requireHash(url, part, options);
    await part.finish();
    return { bytes: part.size, sha256, resumed: part.inherited };
  } catch (error) {
    await part.tidy();
    throw error;
  }
}

/** Connects until all is there. */
async function fetchAll(url: string, part: PartialFile, options: DownloadOptions): Promise<void> {
  const { attempts = 5, pause = 1000, onNote, signal } = options;
  const usable = part.origin?.url === url && mayResume(part.origin, options);
  if (!usable) await part.restart({ url, validator: undefined, total: undefined });
  let [furthest, idle] = [part.size, 0];
  for (;;) {
    try {
      return await connect(url, part, options);
    } catch (error) {
      if (!(error instanceof Interruption)) throw error;
      idle = part.size > furthest ? 0 : idle + 1;
      furthest = Math.max(furthest, part.size);
      if (idle >= attempts) {
        throw new FileError(
          `Cannot download "${url}": ${error.message}, ${attempts} connections in a row brought nothing new; what has ` +
            `arrived (${part.size} bytes) is kept, try again later`,
          { cause: error },
        );
      }
      onNote?.(`${error.message} after ${part.size} bytes; connecting again`);
      await pauseFor(pause * 2 ** Math.max(0, idle - 1), signal);
    }
  }
}

/** Whether bytes of this origin can be continued without risking a file made of two versions. */
function mayResume({ validator }: Origin, { sha256 }: DownloadOptions): boolean {
  return validator !== undefined || sha256 !== undefined;
}

/** One connection, up to the end of the file. */
async function connect(url: string, part: PartialFile, options: DownloadOptions): Promise<void> {
  if (part.size > 0 && (!part.origin || !mayResume(part.origin, options))) {
    await part.restart({ url, validator: undefined, total: undefined });
  }
  if (part.size > 0 && part.size === part.origin?.total) return;
  using watch = new Watch(options.idle ?? 30_000, options.signal);
  const response = await watch.during(() =>
    followRedirects(url, { headers: requestHeaders(part), signal: watch.signal })
  );
  requireFile(url, response);
  if (response.status === 416) {
    const total = /^bytes \*\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "");
    await requireTotal(url, part, { total: total === null ? undefined : Number(total[1]), bytes: options.bytes });
    await part.restart({ url, validator: undefined, total: undefined });
    throw new Interruption("the server has no bytes from there on; beginning again");
  }
  if (response.status === 206) {
    await requireContinuation(url, response.headers, part);
  } else {
    if (part.size > 0) {
      options.onNote?.("the server sends the file from its beginning: it has changed, or ranges are ignored");
    }
    await part.restart({ url, validator: validatorOf(response.headers), total: lengthOf(response.headers) });
  }
  await requireTotal(url, part, { total: part.origin?.total, bytes: options.bytes });
  await receive(url, response, part, { ...options, watch });
}

function requestHeaders({ size, origin }: PartialFile): Record<string, string> {
  // Byte positions are those of the file, so nothing may be compressed on the way.
  const headers = { "Accept-Encoding": "identity" };
  if (size === 0) return headers;
  const condition = origin?.validator === undefined ? {} : { "If-Range": origin.validator };
  return { ...headers, Range: `bytes=${size}-`, ...condition };
}

/** Refuses answers that are not the file or a part of it; 416 is for the caller. */
function requireFile(url: string, response: Response): void {
  if (response.status !== 416) requireAnswer("download", url, response);
  const coding = response.headers.get("Content-Encoding") ?? "identity";
  const reason = coding !== "identity"
    ? `the server sends it as ${coding}, which was not asked for`
    : /^text\/html\b/i.test(response.headers.get("Content-Type") ?? "")
    ? "the server sent a web page instead of a file; open the address in a browser and save the file from there"
    : undefined;
  if (reason !== undefined) throw new FileError(`Cannot download "${url}": ${reason}`);
}

/** Makes sure that a part of a file is the part that is missing, of the version that is there. */
async function requireContinuation(url: string, headers: Headers, part: PartialFile): Promise<void> {
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("Content-Range") ?? "");
  if (range === null || Number(range[1]) !== part.size || part.size === 0) {
    throw new FileError(
      `Cannot download "${url}": the server answered with "${headers.get("Content-Range")}", bytes from ${part.size} ` +
        "on were asked for",
    );
  }
  const total = range[2] === "*" ? undefined : Number(range[2]);
  const differs = <T>(known: T | undefined, found: T | undefined): boolean =>
    known !== undefined && found !== undefined && known !== found;
  if (!differs(part.origin?.validator, validatorOf(headers)) && !differs(part.origin?.total, total)) return;
  await part.restart({ url, validator: undefined, total: undefined });
  throw new Interruption("the file at the server has changed; beginning again");
}

/** Refuses a file of another size than the one that is wanted, and drops what has come of it. */
async function requireTotal(
  url: string,
  part: PartialFile,
  { total, bytes }: { readonly total: number | undefined; readonly bytes: number | undefined },
): Promise<void> {
  if (bytes === undefined || total === undefined || total === bytes) return;
  await part.discard();
  throw new FileError(
    `Cannot download "${url}": the server has ${total} bytes, ${bytes} are expected; it is another file`,
  );
}

/** Writes the body to the partial file. */
async function receive(
  url: string,
  response: Response,
  part: PartialFile,
  { watch, bytes, onProgress }: DownloadOptions & { readonly watch: Watch },
): Promise<void> {
  const total = part.origin?.total ?? bytes;
  const reader = response.body?.getReader();
  onProgress?.("download", part.size, total);
  while (reader) {
    const { done, value } = await watch.during(() => reader.read());
    if (done) break;
    if (total !== undefined && part.size + value.length > total) {
      await part.discard();
      throw new FileError(`Cannot download "${url}": the server sends more than the ${total} bytes of the file`);
    }
    await part.append(value);
    onProgress?.("download", part.size, total);
  }
  if (total !== undefined && part.size < total) throw new Interruption("the connection ended early");
}

/** What makes sure that a range belongs to the same version: a strong entity tag, else a date. */
function validatorOf(headers: Headers): string | undefined {
  const tag = headers.get("ETag");
  return tag !== null && tag.startsWith('"') ? tag : headers.get("Last-Modified") ?? undefined;
}

function lengthOf(headers: Headers): number | undefined {
  const length = headers.get("Content-Length");
  return length !== null && /^\d+$/.test(length) ? Number(length) : undefined;
}

async function requireSize(url: string, part: PartialFile, needed: number | undefined): Promise<void> {
  if (part.size > 0 && (needed === undefined || part.size === needed)) return;
  const { size } = part;
  await part.discard();
  throw new FileError(
    `Cannot download "${url}": ${size} bytes came, ${needed ?? "at least one"} ${
      needed === undefined ? "is" : "are"
    } ` +
      "needed; it is another file",
  );
}

async function requireHash(url: string, part: PartialFile, options: DownloadOptions): Promise<string> {
  using source = await FileSource.open(part.path);
  const found = await sha256Of(source, (done, total) => {
    options.signal?.throwIfAborted();
    options.onProgress?.("check", done, total);
  });
  if (options.sha256 === undefined || found === options.sha256.toLowerCase()) return found;
  await part.discard();
  throw new FileError(
    `Cannot download "${url}": its SHA-256 is ${found}, ${options.sha256} is needed; it is another file, or was ` +
      "damaged on the way; nothing was kept",
  );
}
