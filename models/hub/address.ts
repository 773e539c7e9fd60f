/** Addresses of model repositories at the Hugging Face Hub: `hf:OWNER/NAME[@REVISION]`. */
import { UsageError } from "../../parameters/mod.ts";

/** Where the Hub is, unless another endpoint is given. */
export const HUB_ENDPOINT = "https://huggingface.co";

/** The branch that repositories have by default. */
const MAIN = "main";

/** A model repository at one revision. */
export interface HubAddress {
  /** The user or organisation that publishes it. */
  readonly owner: string;
  /** The repository. */
  readonly name: string;
  /** A branch, a tag or a commit; `main` where none is given. */
  readonly revision: string;
}

/**
 * Reads `hf:OWNER/NAME[@REVISION]`, or the address of a page, `https://huggingface.co/OWNER/NAME[/tree/REVISION]`.
 * @returns undefined if the text is neither
 * @throws {UsageError} if it begins with `hf:` and goes on otherwise
 */
export function readHubAddress(text: string): HubAddress | undefined {
  const page = /^https:\/\/huggingface\.co\/([^/?#]+\/[^/?#]+)(?:\/tree\/([^?#]+?))?\/?$/.exec(text);
  if (!page && !/^hf:/i.test(text)) return undefined;
  const [, owner, name, revision = MAIN] = /^([^/@]+)\/([^/@]+)(?:@(.*))?$/.exec(
    page ? page[1] + (page[2] === undefined ? "" : `@${decodeURIComponent(page[2])}`) : text.slice("hf:".length),
  ) ?? [];
  if (owner !== undefined && name !== undefined && isName(owner) && isName(name) && isRevision(revision)) {
    return { owner, name, revision };
  }
  throw new UsageError(`"${text}" is no address of a model, hf:OWNER/NAME or hf:OWNER/NAME@REVISION is needed`);
}

/** The address as it is written; `main` goes without saying. */
export function formatHubAddress({ owner, name, revision }: HubAddress): string {
  return `hf:${owner}/${name}${revision === MAIN ? "" : `@${revision}`}`;
}

/** The page of the repository, to be opened in a browser. */
export function hubPage({ owner, name }: HubAddress): string {
  return `${HUB_ENDPOINT}/${owner}/${name}`;
}

/**
 * The name of the folder that holds the files of a repository: `OWNER--NAME`, with `@REVISION` if that is not `main`. No
 * two addresses share one, as names at the Hub have no `--`.
 */
export function hubFolderName({ owner, name, revision }: HubAddress): string {
  return `${owner}--${name}${revision === MAIN ? "" : `@${encodeURIComponent(revision)}`}`;
}

/**
 * The address that lists all files of a repository, as JSON.
 * @param endpoint the Hub or a mirror of it, without `/` at its end
 */
export function hubListingUrl({ owner, name, revision }: HubAddress, endpoint: string): string {
  return `${endpoint}/api/models/${owner}/${name}/tree/${encodeURIComponent(revision)}?recursive=true`;
}

/**
 * The address of one file.
 * @param path its path in the repository
 * @param endpoint the Hub or a mirror of it, without `/` at its end
 */
export function hubFileUrl({ owner, name, revision }: HubAddress, path: string, endpoint: string): string {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return `${endpoint}/${owner}/${name}/resolve/${encodeURIComponent(revision)}/${encoded}`;
}

/** Names at the Hub: letters, digits, `_`, `-` and `.`, no two of the last two in a row. */
function isName(text: string): boolean {
  return /^[A-Za-z0-9_][\w.-]{0,95}$/.test(text) && !/--|\.\.|[.-]$/.test(text);
}

/** Names of branches and tags, and commits, as far as they can be a part of an address. */
function isRevision(text: string): boolean {
  return /^\w[\w./-]{0,254}$/.test(text) && !/\.\.|\/\/|[./]$/.test(text);
}
