/** Commands on folders: which files are meant, where their results go, and which of these are there already. */
import { FileError, type Interrupt, join } from "../io/mod.ts";
import { CheckpointError } from "../models/mod.ts";
import { UsageError } from "../parameters/mod.ts";
import { fileStem, type FolderNames, PictureQuestion, sortFolder } from "../restoration/mod.ts";
import { type Arguments } from "./arguments.ts";
import { resultName } from "./outputs.ts";
import type { Reporter } from "./progress.ts";

/**
 * Lists a folder, without the folders in it and hidden files.
 * @returns the paths of its files
 * @throws {FileError} if it cannot be read, or two of its files would have one result
 */
export async function listFolder(folder: string): Promise<FolderNames> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (!isDirectory && !name.startsWith(".")) names.push(name);
    }
  } catch (error) {
    throw new FileError(`Cannot read the folder "${folder}": ${(error as Error).message}`, { cause: error });
  }
  const sorted = sortFolder(names.map((name) => join(folder, name)));
  for (const group of [sorted.pictures, sorted.measurements]) requireDistinct(folder, group);
  return sorted;
}

function requireDistinct(folder: string, paths: readonly string[]): void {
  const known = new Map<string, string>();
  for (const path of paths) {
    const stem = fileStem(path);
    const other = known.get(stem);
    if (other !== undefined) {
      throw new FileError(
        `Cannot take the folder "${folder}": "${other}" and "${path}" have one name; rename one of them`,
      );
    }
    known.set(stem, path);
  }
}

/**
 * The folder for the results of a folder, made if it is not there.
 * @throws {UsageError} if none was named, or it is the folder that is read
 * @throws {FileError} if it cannot be made
 */
export async function resultFolder(args: Arguments): Promise<string> {
  const input = args.operands[0]!;
  const folder = resultName(args);
  if (folder === undefined) {
    throw new UsageError(`"${input}" is a folder, a folder for the results is needed: give its name after it`);
  }
  try {
    await Deno.mkdir(folder, { recursive: true });
    if (await Deno.realPath(folder) !== await Deno.realPath(input)) return folder;
  } catch (error) {
    throw new FileError(`Cannot make the folder "${folder}": ${(error as Error).message}`, { cause: error });
  }
  throw new UsageError(`results of "${input}" cannot go into the same folder; name another one`);
}

/** What came of the files of a folder. */
export interface FolderCounts {
  readonly made: number;
  readonly kept: number;
  readonly failed: number;
}

/**
 * Goes through the files of a folder; what is wrong with one of them is told, and the others are done.
 * @param work does one of them, and says whether anything was made
 * @param phase shown after each file, where it is given
 * @throws whatever is not about one file
 */
export async function forEachFile<T extends { readonly path: string }>(
  files: readonly T[],
  { reporter, interrupt, phase }: {
    readonly reporter: Reporter;
    readonly interrupt: Interrupt;
    readonly phase?: string;
  },
  work: (file: T, index: number) => Promise<boolean>,
): Promise<FolderCounts> {
  const counts = { made: 0, kept: 0, failed: 0 };
  for (const [index, file] of files.entries()) {
    await interrupt.check();
    try {
      counts[await work(file, index) ? "made" : "kept"]++;
    } catch (error) {
      if (!isOfOneFile(error)) throw error;
      counts.failed++;
      reporter.note(`error: "${file.path}": ${error.message}`);
    }
    if (phase !== undefined) reporter.step(phase, index + 1, files.length);
  }
  reporter.done();
  return counts;
}

/** Whether an error is about one file of a folder: it cannot be read or written, or does not fit the task. */
function isOfOneFile(error: unknown): error is Error {
  return error instanceof FileError || error instanceof CheckpointError || error instanceof RangeError ||
    error instanceof TypeError || error instanceof PictureQuestion;
}
