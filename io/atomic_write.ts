import { describeFileFailure, FileError } from "./file_error.ts";

/** A file under construction: nothing is visible at `path` before `commit`, nothing is left behind after `abort`. */
export interface AtomicWriter {
  /** Where the finished file will be. */
  readonly path: string;
  /** Appends bytes; on a failure the temporary file is removed and FileError is thrown. */
  write(bytes: Uint8Array): Promise<void>;
  /** Flushes to the disk and renames to `path`, replacing what was there. */
  commit(): Promise<void>;
  /** Closes and removes the temporary file; does nothing after `commit` or an earlier `abort`. */
  abort(): Promise<void>;
}

/**
 * Starts a file that appears at its path complete or not at all: the bytes go to a temporary name in the same folder,
 * are flushed, and the temporary file is renamed. Whoever handles an interrupt keeps the writer and calls `abort`.
 *
 * @param path Path of the finished file; its folder must exist. A symbolic link is followed, not replaced.
 * @param name Name of the temporary file where a process that was killed may leave it, and another shall replace it; by
 *   default one that no other has.
 * @returns The writer, with its temporary file created.
 * @throws FileError If the path is a directory or the folder is missing or not writable.
 */
export async function atomicWriter(path: string, name?: string): Promise<AtomicWriter> {
  const target = await resolveTarget(path);
  const folder = folderOf(target);
  // A name of its own, not the target's with a suffix: that could exceed the length limit of the file system.
  const temporary = folder + (name ?? `.${crypto.randomUUID()}.tmp`);
  let file: Deno.FsFile;
  try {
    file = await Deno.open(temporary, { write: true, create: true, truncate: true, createNew: name === undefined });
  } catch (error) {
    const shown = folder === "" ? "." : folder;
    const reason = error instanceof Deno.errors.NotFound
      ? `the folder "${shown}" does not exist; create it or choose another`
      : `the folder "${shown}" is not writable: ${describeFileFailure(error)}`;
    throw new FileError(`Cannot write "${path}": ${reason}`, { cause: error });
  }
  return new TemporaryFile(path, target, temporary, file);
}

/**
 * Writes a whole file so that it appears complete or not at all.
 *
 * @param path Path of the file; its folder must exist.
 * @param bytes The contents.
 * @throws FileError If the folder is missing or not writable or the disk is full; nothing is left behind.
 */
export async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const writer = await atomicWriter(path);
  await writer.write(bytes);
  await writer.commit();
}

class TemporaryFile implements AtomicWriter {
  readonly path: string;
  readonly #target: string;
  readonly #temporary: string;
  readonly #file: Deno.FsFile;
  #state: "open" | "committed" | "aborted" = "open";

  constructor(path: string, target: string, temporary: string, file: Deno.FsFile) {
    this.path = path;
    this.#target = target;
    this.#temporary = temporary;
    this.#file = file;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#requireOpen();
    try {
      for (let written = 0; written < bytes.length;) {
        written += await this.#file.write(bytes.subarray(written));
      }
    } catch (error) {
      await this.#fail(error);
    }
  }

  async commit(): Promise<void> {
    this.#requireOpen();
    try {
      await this.#file.sync();
      this.#requireOpen();
      this.#file.close();
      await Deno.rename(this.#temporary, this.#target);
      this.#state = "committed";
    } catch (error) {
      await this.#fail(error);
    }
  }

  async abort(): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "aborted";
    try {
      this.#file.close();
    } catch (error) {
      // Closed already when the rename failed; the file must still be removed.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
    try {
      await Deno.remove(this.#temporary);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  #requireOpen(): void {
    if (this.#state !== "open") {
      throw new FileError(`Cannot write "${this.path}": the file was ${this.#state} already; start it again`);
    }
  }

  async #fail(error: unknown): Promise<never> {
    await this.abort();
    if (error instanceof FileError) throw error;
    throw new FileError(`Cannot write "${this.path}": ${describeFileFailure(error)}`, { cause: error });
  }
}

/** The file that a write to `path` should replace: `path`, or the file a symbolic link points to. */
async function resolveTarget(path: string): Promise<string> {
  let target = path;
  let isDirectory = /[\\/]$/.test(path) || path === "";
  try {
    target = await Deno.realPath(path);
    isDirectory ||= (await Deno.stat(target)).isDirectory;
  } catch {
    // Nothing there yet, or it may be written but not read: the write itself reports what is wrong.
    target = path;
  }
  if (isDirectory) throw new FileError(`Cannot write "${path}": it names a directory, a file name is needed`);
  return target;
}

/** The folder part of a path with its separator; empty for a bare file name. */
function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), Deno.build.os === "windows" ? path.lastIndexOf("\\") : -1) + 1);
}
