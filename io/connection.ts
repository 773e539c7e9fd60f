/** Connections to servers: what of them may be tried again, where they lead, and how long they may be silent. */
import { FileError } from "./file_error.ts";

/** A connection failed in a way that the next may not. */
export class Interruption extends Error {}

/** A server refused; `status` says how, and so does `code` where the server has words for it, as the Hub does. */
export class ServerRefusal extends FileError {
  /** Status of the answer, 300 to 499. */
  readonly status: number;
  /** What `X-Error-Code` said; empty if there was none. */
  readonly code: string;

  /**
   * Keeps what the server said.
   * @param message The message for the user.
   * @param response The answer.
   */
  constructor(message: string, { status, headers }: Response) {
    super(message);
    this.status = status;
    this.code = headers.get("X-Error-Code") ?? "";
  }
}

/** How often an address may lead to another one. */
const MOST_REDIRECTS = 10;

const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * Reads an address of the web.
 * @throws FileError If it is none.
 */
export function requireWebAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new FileError(`Cannot download "${address}": an address that begins with http: or https: is needed`);
}

/**
 * Asks an address, and where its answer leads to, relative or not.
 *
 * @param address An `http:` or `https:` URL.
 * @param init Headers, which all servers on the way see, and what stops it.
 * @param ask What sends one request; for tests.
 * @returns The answer that leads nowhere else.
 * @throws FileError If the way goes round, is too long, leaves encryption, or leads to no address of the web.
 */
export async function followRedirects(
  address: string,
  init: Pick<RequestInit, "headers" | "signal">,
  ask: (url: string, init: RequestInit) => Promise<Response> = fetch,
): Promise<Response> {
  const way = [address];
  for (;;) {
    const here = way.at(-1)!;
    const response = await ask(here, { ...init, redirect: "manual" });
    const location = response.headers.get("Location");
    if (!REDIRECTS.includes(response.status) || location === null) return response;
    await response.body?.cancel();
    const next = URL.canParse(location, here) ? new URL(location, here) : undefined;
    const reason = next?.protocol !== "https:" && next?.protocol !== "http:"
      ? `it leads to "${location}", an address that begins with http: or https: is needed`
      : here.startsWith("https:") && next.protocol !== "https:"
      ? `it leads to "${next}", which is not encrypted; name that address if you trust it`
      : way.includes(next.href)
      ? `it leads to "${next}", and from there on round in a circle`
      : way.length > MOST_REDIRECTS
      ? `it leads to more than ${MOST_REDIRECTS} other addresses, one after the other`
      : undefined;
    if (reason !== undefined) throw new FileError(`Cannot download "${address}": ${reason}`);
    way.push(next!.href);
  }
}

/**
 * Refuses answers that are neither a file nor a part of one.
 * @param what What is to be done, for the message.
 * @throws Interruption If the server is overloaded or at fault, so that it may be asked again.
 * @throws ServerRefusal If it refuses.
 */
export function requireAnswer(what: string, url: string, response: Response): void {
  const { status } = response;
  if (status === 200 || status === 206) return;
  if (status === 408 || status === 429 || status >= 500) throw new Interruption(`the server answered ${status}`);
  throw new ServerRefusal(`Cannot ${what} "${url}": the server answered ${status}; check the address`, response);
}

/** Ends a connection that brings nothing for too long, and on the caller's signal. */
export class Watch implements Disposable {
  readonly #controller = new AbortController();
  readonly #idle: number;
  readonly #outer: AbortSignal | undefined;
  readonly #stop = (): void => this.#controller.abort();

  constructor(idle: number, outer: AbortSignal | undefined) {
    this.#idle = idle;
    this.#outer = outer;
    outer?.addEventListener("abort", this.#stop);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Waits for the network no longer than the idle time; says whose fault it was if nothing comes. */
  async during<T>(wait: () => Promise<T>): Promise<T> {
    this.#outer?.throwIfAborted();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#stop();
    }, this.#idle);
    try {
      return await wait();
    } catch (cause) {
      this.#outer?.throwIfAborted();
      if (late) throw new Interruption(`nothing came for ${this.#idle / 1000} s`, { cause });
      if (cause instanceof Deno.errors.NotCapable || cause instanceof FileError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Interruption(`the connection failed (${reason})`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes the connection, whatever is left of the answer. */
  [Symbol.dispose](): void {
    this.#outer?.removeEventListener("abort", this.#stop);
    this.#stop();
  }
}

/**
 * Waits, unless the signal comes first.
 * @throws The reason of the signal.
 */
export async function pauseFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
