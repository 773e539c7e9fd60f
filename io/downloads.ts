/** The folder of downloads: what is there of the published checkpoints and folders. */
import {
  describeCheckpoint,
  formatHubAddress,
  type HubAddress,
  hubFolderName,
  type KnownCheckpoint,
  openCheckpoint,
  OpenQuestionsError,
  readHubAddress,
} from "../models/mod.ts";
import { describeFileFailure, FileError } from "./file_error.ts";
import { FileSource } from "./file_source.ts";
import { join } from "./output_files.ts";

/** Where downloads are looked for and put, below the current folder. */
export const DEFAULT_DOWNLOADS = "models-downloaded";

/**
 * What is there of something published: nothing; the beginning of a download; all of it, of a size that fits; a file of
 * another size; one whose hash was compared.
 */
export type Presence = "absent" | "partial" | "present" | "other size" | "hash agrees" | "other hash";

/** What is in a folder of downloads. */
export interface Found {
  /** Where it is or would be. */
  readonly path: string;
  /** What is there. */
  readonly presence: Presence;
  /** Bytes of a file; undefined of a folder, or where nothing is. */
  readonly size: number | undefined;
}

/**
 * Looks for a checkpoint by its file name and size: published sizes are exact; elsewhere it has parameters of 4 bytes,
 * with up to a hundredth and a megabyte for names and alignment.
 * @param folder Where it may be.
 * @throws FileError If the folder cannot be read.
 */
export async function findCheckpoint(
  { file, bytes, parameters }: Pick<KnownCheckpoint, "file" | "bytes" | "parameters">,
  folder: string,
): Promise<Found> {
  const path = join(folder, file);
  const found = await statOf(path);
  if (!found?.isFile) return { path, presence: await beginning(path), size: undefined };
  const { size } = found;
  const fits = bytes === undefined ? size >= 4 * parameters && size <= 4.04 * parameters + 1e6 : size === bytes;
  return { path, presence: fits ? "present" : "other size", size };
}

/**
 * Looks for the folder of a repository of the Hub by its name; it gets it when it is complete.
 * @param folder Where it may be.
 * @throws FileError If the folder cannot be read.
 */
export async function findHubFolder(address: HubAddress, folder: string): Promise<Found> {
  const path = join(folder, hubFolderName(address));
  const isThere = (await statOf(path))?.isDirectory === true;
  return { path, presence: isThere ? "present" : await beginning(path), size: undefined };
}

/**
 * The path of a model: for `hf:OWNER/NAME` that of its folder among the downloads, else what was given.
 * @param model What a command line names.
 * @throws FileError If the folder was not fetched.
 */
export async function modelPath(model: string): Promise<string> {
  const address = readHubAddress(model);
  if (!address) return model;
  const { path, presence } = await findHubFolder(address, DEFAULT_DOWNLOADS);
  if (presence === "present") return path;
  const name = formatHubAddress(address);
  throw new FileError(
    `Cannot open "${name}": there is no "${path}", where a download of it would be; ` +
      `"deno task models fetch ${name}" fetches it`,
  );
}

/**
 * Says whether a file that no hash vouches for holds the tensors of a published checkpoint.
 * @param path The file.
 * @param name The checkpoint, as in `KNOWN_CHECKPOINTS`.
 * @returns A sentence.
 * @throws FileError If the file cannot be read.
 */
export async function contentOf(path: string, name: string): Promise<string> {
  using source = await FileSource.open(path);
  try {
    describeCheckpoint(await openCheckpoint(source), { as: name });
  } catch (error) {
    if (!(error instanceof OpenQuestionsError)) {
      return `The file was kept, but: ${error instanceof Error ? error.message : error}`;
    }
  }
  return `It holds the tensors of ${name}`;
}

async function beginning(path: string): Promise<Presence> {
  return await statOf(`${path}.part`) === undefined ? "absent" : "partial";
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw new FileError(`Cannot read "${path}": ${describeFileFailure(error)}`, { cause: error });
  }
}
