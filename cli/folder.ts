/** Commands on folders: which files are meant, where their results go, and which of these are there already. */
import { FileError, writeAtomically } from "../io/mod.ts";
import { CheckpointError } from "../models/mod.ts";
import { type Arguments } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import { fileStem } from "./outputs.ts";
import { resultName } from "./result_name.ts";

/** Whether a path is that of a folder. */
export async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
}

/** Pictures and measurements of a folder. */
export interface FolderFiles {
  /** Paths of PNG and JPEG files, sorted by name; masks are left out. */
  readonly pictures: readonly string[];
  /** Paths of measurements, sorted by name. */
  readonly measurements: readonly string[];
  /** The mask NAME-mask.png of a picture NAME, by the path of the picture. */
  readonly masks: ReadonlyMap<string, string>;
}

/** Ending of the name of a mask without extension. */
export const MASK_ENDING = "-mask";

/**
 * Lists a folder, without the folders in it and hidden files.
 * @throws {FileError} if it cannot be read, or two of its files would have one result
 */
export async function listFolder(folder: string): Promise<FolderFiles> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (!isDirectory && !name.startsWith(".")) names.push(name);
    }
  } catch (error) {
    throw new FileError(`Cannot read the folder "${folder}": ${(error as Error).message}`, { cause: error });
  }
  // By code units, the same order in every locale.
  names.sort();
  const paths = (pattern: RegExp): string[] =>
    names.filter((name) => pattern.test(name)).map((name) => join(folder, name));
  const all = paths(/\.(png|jpe?g)$/i);
  const stems = new Map(all.map((path) => [fileStem(path), path]));
  const baseOf = (path: string): string | undefined =>
    fileStem(path).endsWith(MASK_ENDING) ? stems.get(fileStem(path).slice(0, -MASK_ENDING.length)) : undefined;
  const masks = new Map(all.flatMap((path) => {
    const base = baseOf(path);
    return base === undefined ? [] : [[base, path] as const];
  }));
  const pictures = all.filter((path) => baseOf(path) === undefined);
  const measurements = paths(/\.safetensors$/i);
  for (const group of [pictures, measurements]) requireDistinct(folder, group);
  return { pictures, measurements, masks };
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

/** A path in a folder. */
export function join(folder: string, name: string): string {
  return `${folder.replace(/[\\/]+$/, "") || "/"}/${name}`.replace(/^\/\//, "/");
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

/** A seed for each file of a folder, which does not depend on the other files: a hash of name and seed. */
export function seedOf(path: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const byte of new TextEncoder().encode(fileStem(path))) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/**
 * Whether a result is there that was made of the same file in the same way. The record is written last, so a result
 * without one is made again.
 * @param record path of the JSON file beside the result
 * @param wanted entries that it must hold, besides the names of the files that were made
 */
export async function isMade(
  record: string,
  wanted: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  try {
    const found = JSON.parse(await Deno.readTextFile(record)) as Record<string, unknown>;
    if (Object.entries(wanted).some(([key, value]) => JSON.stringify(found[key]) !== JSON.stringify(value))) {
      return false;
    }
    for (const file of found["files"] as string[]) if (!(await Deno.stat(file)).isFile) return false;
    return true;
  } catch {
    return false;
  }
}

/** Writes a record beside a result, complete or not at all. */
export async function writeRecord(path: string, record: Readonly<Record<string, unknown>>): Promise<void> {
  await writeAtomically(path, new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`));
}

/** Whether an error is about one file of a folder: it cannot be read or written, or does not fit the task. */
export function isOfOneFile(error: unknown): error is Error {
  return error instanceof FileError || error instanceof CheckpointError || error instanceof RangeError ||
    error instanceof TypeError;
}
