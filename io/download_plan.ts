/** What is downloaded, and to where: the file of an address, or of a published checkpoint. */
import { KNOWN_CHECKPOINTS, type KnownCheckpoint, requireKnown } from "../models/mod.ts";
import { UsageError } from "../parameters/mod.ts";
import { DEFAULT_DOWNLOADS } from "./downloads.ts";
import { join } from "./output_files.ts";

/** What is fetched, and to where. */
export interface DownloadPlan {
  /** Its address. */
  readonly url: string;
  /** Where the file goes. */
  readonly path: string;
  /** The published checkpoint that it is; undefined of another address. */
  readonly known: KnownCheckpoint | undefined;
  /** SHA-256 that it must have, 64 hexadecimal digits in lower case; undefined where none is known. */
  readonly sha256: string | undefined;
}

/** What may be said of a download besides its target. */
export interface DownloadRequest {
  /** Folder of downloads. */
  readonly folder?: string | undefined;
  /** Path of the file, instead of its name in the folder. */
  readonly out?: string | undefined;
  /** Another address of a published checkpoint. */
  readonly from?: string | undefined;
  /** SHA-256 that the file must have, instead of the published one. */
  readonly sha256?: string | undefined;
}

/**
 * Plans the download of a file; nothing is asked of the network.
 * @param target address, or name of a published checkpoint
 * @throws {UsageError} if there is no such checkpoint, it can be had by a browser alone, the address ends in no name for a
 * file, or the SHA-256 is none
 */
export function planDownload(
  target: string,
  { folder = DEFAULT_DOWNLOADS, out, from, sha256: given }: DownloadRequest = {},
): DownloadPlan {
  const isAddress = /^[a-z][a-z0-9+.-]*:/i.test(target);
  const known = isAddress ? KNOWN_CHECKPOINTS.find((row) => row.download === target) : requireKnown(target);
  if (isAddress && from !== undefined) throw new UsageError("--from belongs to the name of a published checkpoint");
  const url = isAddress ? target : from ?? known!.download;
  if (url === undefined) {
    throw new UsageError(
      `"${known!.name}" has no address of its own: open ${known!.page} in a browser and save ${known!.file} in ` +
        `"${folder}", or name another address with --from URL`,
    );
  }
  const sha256 = given?.toLowerCase() ?? known?.sha256;
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new UsageError(`--sha256 is "${sha256}", 64 hexadecimal digits are needed`);
  }
  return { url, path: out ?? join(folder, known?.file ?? fileNameOf(url)), known, sha256 };
}

/** The last part of an address, as a file may be called. */
function fileNameOf(url: string): string {
  const last = URL.canParse(url) ? new URL(url).pathname.split("/").at(-1)! : "";
  if (/^\w[\w.+-]*$/.test(last)) return last;
  throw new UsageError(`"${url}" does not end in a file name; give one with --out FILE`);
}
