/** What the Hub says of the files of a repository. */

/** A file of a repository. */
export interface HubFile {
  /** Its path in the repository, with `/` between folders; it leads nowhere else. */
  readonly path: string;
  /** Its size in bytes. */
  readonly size: number;
  /** SHA-256 of a large file, 64 hexadecimal digits; undefined for a small one, of which the Hub tells none. */
  readonly sha256: string | undefined;
}

/**
 * Reads a listing, `[{type: "file", path, size, lfs?: {oid, size}}, {type: "directory", path}, ...]`: `lfs` is there for
 * large files, and its `oid` is their SHA-256.
 * @param listing what `JSON.parse` gave
 * @returns the files, without the folders
 * @throws {TypeError} if it is no listing, or names a path outside of the repository
 */
export function readHubListing(listing: unknown): readonly HubFile[] {
  if (!Array.isArray(listing)) throw new TypeError(`the server sent ${kindOf(listing)} instead of a list of files`);
  return listing.flatMap((entry: unknown, index) => {
    if (typeof entry !== "object" || entry === null) {
      throw new TypeError(`entry ${index} of the list of files is ${kindOf(entry)}, an object is needed`);
    }
    const { type, path, size, lfs } = entry as Readonly<Record<string, unknown>>;
    if (typeof path !== "string" || !staysInside(path)) {
      throw new TypeError(
        `the list of files names ${JSON.stringify(path) ?? "no path"}, a path inside the repository is needed`,
      );
    }
    return type === "file" ? [fileOf(path, size, lfs)] : [];
  });
}

function fileOf(path: string, listed: unknown, lfs: unknown): HubFile {
  const large = (typeof lfs === "object" ? lfs ?? {} : {}) as Readonly<Record<string, unknown>>;
  const size = large.size ?? listed;
  if (!Number.isSafeInteger(size) || size as number < 0) {
    throw new TypeError(`the size of "${path}" is ${JSON.stringify(size) ?? "not given"}, a number of bytes is needed`);
  }
  const { oid } = large;
  if (oid === undefined) return { path, size: size as number, sha256: undefined };
  const [, sha256] = typeof oid === "string" ? /^(?:sha256:)?([0-9a-f]{64})$/i.exec(oid) ?? [] : [];
  if (sha256 !== undefined) return { path, size: size as number, sha256: sha256.toLowerCase() };
  throw new TypeError(`the SHA-256 of "${path}" is ${JSON.stringify(oid)}, 64 hexadecimal digits are needed`);
}

/** Whether a path leads to a place below the folder that it is appended to, on every system. */
function staysInside(path: string): boolean {
  if (/^[A-Za-z]:|\p{Cc}/u.test(path)) return false;
  return path.split(/[\\/]/).every((part) => part !== "" && part !== "." && part !== "..");
}

function kindOf(value: unknown): string {
  return value === null
    ? "null"
    : Array.isArray(value)
    ? "a list"
    : typeof value === "object"
    ? "an object"
    : `a ${typeof value}`;
}
