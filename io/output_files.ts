/** The files that a run writes: checks before the work, writing after it. */
import { type SafetensorsContents, writeSafetensors } from "../models/mod.ts";
import { UsageError } from "../parameters/mod.ts";
import { atomicWriter, writeAtomically } from "./atomic_write.ts";
import { describeFileFailure, FileError } from "./file_error.ts";

/**
 * Makes sure that files can be written and that none takes the place of another, before any work is done.
 * @param paths what will be written
 * @param inputs what is read
 * @throws {UsageError} if a file would replace one that is read, or another result
 * @throws {FileError} if a folder is missing or not writable, or a name is a folder's
 */
export async function checkWritable(paths: readonly string[], inputs: readonly (string | undefined)[]): Promise<void> {
  const taken = new Map<string, string>();
  for (const input of inputs) if (input !== undefined) taken.set(await identityOf(input), `"${input}", which is read`);
  for (const path of paths) {
    const identity = await identityOf(path);
    const other = taken.get(identity);
    if (other) throw new UsageError(`"${path}" would replace ${other}; choose another name with --out or --trace`);
    taken.set(identity, `"${path}", another result`);
    await (await atomicWriter(path)).abort();
  }
}

/** The same for two names of one file. */
async function identityOf(path: string): Promise<string> {
  const cut = Math.max(path.lastIndexOf("/"), Deno.build.os === "windows" ? path.lastIndexOf("\\") : -1) + 1;
  try {
    return await Deno.realPath(path);
  } catch {
    // No such file yet: what counts is the folder it will be in.
    const folder = await Deno.realPath(path.slice(0, cut) || ".").catch(() => path.slice(0, cut));
    return `${folder}/${path.slice(cut)}`;
  }
}

/** A file to be written: its path, undefined if it was not asked for, and how. */
export type Output = readonly [path: string | undefined, write: (path: string) => Promise<void>];

/**
 * Writes files that belong together, one after the other.
 * @throws {FileError} if one cannot be written; those that are new are removed then, and none is half-written
 */
export async function writeTogether(outputs: readonly Output[]): Promise<void> {
  const created: string[] = [];
  try {
    for (const [path, write] of outputs) {
      if (path === undefined) continue;
      const existed = await Deno.lstat(path).then(() => true, () => false);
      await write(path);
      if (!existed) created.push(path);
    }
  } catch (error) {
    for (const path of created) await Deno.remove(path);
    throw error;
  }
}

/**
 * Reads a small text file.
 * @throws {FileError} if it cannot be read
 */
export async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new FileError(`Cannot read "${path}": ${describeFileFailure(error)}`, { cause: error });
  }
}

/** Writes a record beside a result, complete or not at all. */
export async function writeRecord(path: string, record: Readonly<Record<string, unknown>>): Promise<void> {
  await writeAtomically(path, new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`));
}

/**
 * Writes a safetensors file tensor by tensor, complete or not at all.
 * @param onBytes told how many bytes were written so far; it may throw to stop
 * @returns the size of the file in bytes
 * @throws {FileError} if the file cannot be written; nothing is left behind then
 */
export async function writeTensors(
  path: string,
  contents: SafetensorsContents,
  onBytes?: (done: number) => Promise<void>,
): Promise<number> {
  const writer = await atomicWriter(path);
  let done = 0;
  try {
    await writeSafetensors(contents, async (bytes) => {
      await writer.write(bytes);
      done += bytes.length;
      await onBytes?.(done);
    });
    await writer.commit();
    return done;
  } finally {
    await writer.abort();
  }
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

/** Whether a path is that of a folder. */
export async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false);
}

/** A path in a folder. */
export function join(folder: string, name: string): string {
  return `${folder.replace(/[\\/]+$/, "") || "/"}/${name}`.replace(/^\/\//, "/");
}
