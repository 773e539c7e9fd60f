/** Asking the Hub which files a repository has. */
import {
  formatHubAddress,
  type HubAddress,
  type HubFile,
  hubListingUrl,
  hubPage,
  readHubListing,
} from "../models/mod.ts";
import { followRedirects, Interruption, pauseFor, requireAnswer, ServerRefusal, Watch } from "./connection.ts";
import type { DownloadOptions } from "./download.ts";
import { FileError } from "./file_error.ts";

/** Bytes of one page of a listing; at a thousand files a page holds some hundred thousand. */
const MOST_BYTES = 8 * 2 ** 20;

/** Pages of a listing, each of a thousand files. */
const MOST_PAGES = 100;

/** How connections behave. */
export type ConnectionOptions = Pick<DownloadOptions, "onNote" | "signal" | "idle" | "attempts" | "pause">;

/** A page of a listing. */
interface Page {
  readonly files: readonly HubFile[];
  /** Where the next page is; undefined for the last. */
  readonly next: string | undefined;
}

/**
 * Lists the files of a repository. Only the endpoint itself is believed, as the listing says what hashes files must have.
 *
 * @param address The repository.
 * @param endpoint The Hub or a mirror of it, without `/` at its end.
 * @param options How long and how often to try.
 * @returns The files by their paths.
 * @throws FileError If the repository is missing, private or gated; if the server cannot be reached, leads elsewhere, or
 * sends something else than a listing of at most a hundred thousand files.
 * @throws The reason of the signal.
 */
export async function listHubFiles(
  address: HubAddress,
  endpoint: string,
  options: ConnectionOptions = {},
): Promise<ReadonlyMap<string, HubFile>> {
  const files = new Map<string, HubFile>();
  let url: string | undefined = hubListingUrl(address, endpoint);
  for (let page = 0; url !== undefined; page++) {
    if (page === MOST_PAGES) throw failure(address, `it lists more than ${MOST_PAGES} pages of files`);
    const { files: listed, next } = await retried(address, url, options);
    for (const file of listed) {
      if (files.has(file.path)) throw failure(address, `the list of files names "${file.path}" twice`);
      files.set(file.path, file);
    }
    url = next;
  }
  return files;
}

/**
 * Says in a sentence why the Hub refuses a repository or a file of it.
 * @param error Whatever was thrown; other errors are left as they are.
 * @param isListed Whether the files of the repository were listed before.
 */
export function explainRefusal(error: unknown, address: HubAddress, isListed: boolean): unknown {
  if (!(error instanceof ServerRefusal)) return error;
  const { status, code } = error;
  const page = hubPage(address);
  const reason = code === "RevisionNotFound"
    ? `it has no revision "${address.revision}"; ${page} tells which there are`
    : code === "GatedRepo" || status === 403 || isListed && status === 401
    ? `it is gated or private, and tokens are not supported; look at ${page}, and download it there if you may`
    : !isListed && (status === 401 || status === 404)
    ? `there is no such repository, or it is private; look at ${page}; tokens are not supported`
    : undefined;
  return reason === undefined ? error : failure(address, `the server answered ${status}: ${reason}`, error);
}

/** An error that names the repository. */
export function failure(address: HubAddress, reason: string, cause?: unknown): FileError {
  return new FileError(`Cannot fetch "${formatHubAddress(address)}": ${reason}`, { cause });
}

/** Asks for a page until there is an answer. */
async function retried(address: HubAddress, url: string, options: ConnectionOptions): Promise<Page> {
  const { attempts = 5, pause = 1000, onNote, signal } = options;
  for (let attempt = 1;; attempt++) {
    try {
      return await readPage(address, url, options);
    } catch (error) {
      if (!(error instanceof Interruption)) throw explainRefusal(error, address, false);
      if (attempt === attempts) {
        throw failure(address, `${error.message}, ${attempts} times in a row; try again later`, error);
      }
      onNote?.(`${error.message}; asking again for the list of files`);
      await pauseFor(pause * 2 ** (attempt - 1), signal);
    }
  }
}

async function readPage(address: HubAddress, url: string, { idle = 30_000, signal }: ConnectionOptions): Promise<Page> {
  using watch = new Watch(idle, signal);
  const headers = { Accept: "application/json" };
  const response = await watch.during(() => followRedirects(url, { headers, signal: watch.signal }));
  const { origin } = new URL(url);
  if (new URL(response.url).origin !== origin) {
    throw failure(address, `${origin} leads to ${response.url}; name that endpoint if you trust it`);
  }
  requireAnswer("list", url, response);
  const text = await readText(address, response, watch);
  let listing: unknown;
  try {
    listing = JSON.parse(text);
  } catch (error) {
    const sent = /^\s*</.test(text) ? "a web page" : "something";
    throw failure(address, `the server sent ${sent} that is no JSON instead of a list of files`, error);
  }
  try {
    return { files: readHubListing(listing), next: nextOf(address, url, response.headers.get("Link")) };
  } catch (error) {
    throw error instanceof TypeError ? failure(address, error.message, error) : error;
  }
}

async function readText(address: HubAddress, response: Response, watch: Watch): Promise<string> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let [text, size] = ["", 0];
  while (reader) {
    const { done, value } = await watch.during(() => reader.read());
    if (done) break;
    size += value.length;
    if (size > MOST_BYTES) throw failure(address, `the server sent more than ${MOST_BYTES} bytes as a list of files`);
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}

/** The next page, `Link: <URL>; rel="next"`, of the same server. */
function nextOf(address: HubAddress, url: string, link: string | null): string | undefined {
  const [, target] = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? "") ?? [];
  if (target === undefined) return undefined;
  const next = URL.canParse(target, url) ? new URL(target, url) : undefined;
  if (next?.origin === new URL(url).origin) return next.href;
  throw failure(address, `its list of files goes on at "${target}", another server`);
}
