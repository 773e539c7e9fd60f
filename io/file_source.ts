import { type ByteSource, checkpointsAmong, type FilesBeside } from "../models/mod.ts";
import { describeFileFailure, FileError } from "./file_error.ts";

/** A regular file on disk as a random-access byte source. */
export class FileSource implements ByteSource {
  /** Path as it was given. */
  readonly name: string;
  /** Length in bytes at the time of opening. */
  readonly size: number;
  /** The files of the folder in which it lies. */
  readonly beside: FilesBeside;
  readonly #file: Deno.FsFile;
  /** What was opened beside it. */
  readonly #opened: FileSource[] = [];
  // Seek and read are two calls on one shared position, so reads wait for each other.
  #last: Promise<unknown> = Promise.resolve();

  private constructor(name: string, size: number, file: Deno.FsFile) {
    this.name = name;
    this.size = size;
    this.#file = file;
    this.beside = { names: () => filesIn(folderOf(name)), open: (other) => this.#openBeside(other) };
  }

  /** The file itself and what was opened beside it: all that a checkpoint in several files was read from. */
  get parts(): readonly FileSource[] {
    const parts = [this, ...this.#opened.flatMap((source) => source.parts)];
    return [...new Map(parts.map((part) => [part.name, part] as const)).values()];
  }

  async #openBeside(name: string): Promise<FileSource> {
    const path = folderOf(this.name) + name;
    const known = this.parts.find((part) => part.name === path);
    if (known !== undefined) return known;
    const source = await FileSource.open(path);
    this.#opened.push(source);
    return source;
  }

  /**
   * Opens a file for reading.
   *
   * @param path File path.
   * @returns The open source; `close` it after use.
   * @throws FileError If the path is missing, unreadable, a directory, another special file, or empty.
   */
  static async open(path: string): Promise<FileSource> {
    let file: Deno.FsFile | undefined;
    try {
      // Opening a named pipe would wait for a writer, so the kind is looked at first.
      const info = await Deno.stat(path);
      if (info.isDirectory) {
        throw new FileError(`Cannot read "${path}": it is a directory, a file is needed; name a file in it`);
      }
      if (!info.isFile) throw new FileError(`Cannot read "${path}": it is a device or pipe, a regular file is needed`);
      if (info.size === 0) throw new FileError(`Cannot read "${path}": the file is empty`);
      file = await Deno.open(path, { read: true });
      const { size } = await file.stat();
      return new FileSource(path, size, file);
    } catch (error) {
      file?.close();
      if (error instanceof FileError) throw error;
      throw new FileError(`Cannot read "${path}": ${describeFileFailure(error)}`, { cause: error });
    }
  }

  /**
   * Reads the bytes `offset` to `offset + length`; concurrent calls are allowed.
   *
   * @param offset First byte, 0 to `size`.
   * @param length Number of bytes, at least 0.
   * @returns A new array of `length` bytes, fewer only where the file ends.
   * @throws RangeError If a number is negative or not a safe integer.
   * @throws FileError If the disk fails or the source is closed.
   */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    this.#requireSpan(offset, length);
    const bytes = new Uint8Array(Math.min(length, Math.max(0, this.size - offset)));
    return bytes.subarray(0, await this.#inTurn(offset, bytes));
  }

  /**
   * Reads the bytes from `offset` on into an array; concurrent calls are allowed.
   *
   * @param offset First byte, 0 to `size`.
   * @param into Where they go, all of it.
   * @returns How many bytes were read: `into.length`, fewer only where the file ends.
   * @throws RangeError If the offset is negative or not a safe integer.
   * @throws FileError If the disk fails or the source is closed.
   */
  async readInto(offset: number, into: Uint8Array): Promise<number> {
    this.#requireSpan(offset, into.length);
    return await this.#inTurn(offset, into.subarray(0, Math.max(0, this.size - offset)));
  }

  #requireSpan(offset: number, length: number): void {
    if ([offset, length].every((value) => Number.isSafeInteger(value) && value >= 0)) return;
    throw new RangeError(
      `Cannot read "${this.name}": ${length} bytes at byte ${offset} were asked for, whole numbers from 0 are needed`,
    );
  }

  async #inTurn(offset: number, into: Uint8Array): Promise<number> {
    const filled = this.#last.then(() => this.#readNow(offset, into));
    this.#last = filled.catch(() => {});
    return await filled;
  }

  async #readNow(offset: number, into: Uint8Array): Promise<number> {
    let filled = 0;
    try {
      await this.#file.seek(offset, Deno.SeekMode.Start);
      while (filled < into.length) {
        const count = await this.#file.read(into.subarray(filled));
        if (count === null) break;
        filled += count;
      }
    } catch (error) {
      throw new FileError(`Cannot read "${this.name}": ${describeFileFailure(error)}`, { cause: error });
    }
    return filled;
  }

  /** Closes the file and what was opened beside it; a second call does nothing. */
  close(): void {
    this.#opened.forEach((source) => source.close());
    try {
      this.#file.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  /** Closes the file at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** The folder of a path, with the separator at its end; "" for the current one. */
function folderOf(path: string): string {
  return path.slice(0, 1 + Math.max(path.lastIndexOf("/"), Deno.build.os === "windows" ? path.lastIndexOf("\\") : -1));
}

/** Names of the files in a folder; links count as files. */
async function filesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder || ".")) if (!isDirectory) names.push(name);
  } catch (error) {
    throw new FileError(`Cannot read the folder "${folder || "."}": ${describeFileFailure(error)}`, { cause: error });
  }
  return names.sort();
}

/**
 * The checkpoint that a path names: the path itself, or for a folder the only checkpoint in it (the index of one in
 * several files, or the file of weights; safetensors before others).
 *
 * @param path A file or a folder.
 * @throws FileError If the folder has none, or several that are equally likely.
 */
export async function checkpointPath(path: string): Promise<string> {
  if (!await Deno.stat(path).then(({ isDirectory }) => isDirectory, () => false)) return path;
  const folder = /[\/\\]$/.test(path) ? path : `${path}/`;
  const found = checkpointsAmong(await filesIn(folder));
  if (found.length === 1) return folder + found[0];
  throw new FileError(
    found.length === 0
      ? `Cannot read "${path}": it is a directory, a file is needed; no file of weights is in it`
      : `Cannot read "${path}": it is a directory with several files of weights, name one: ${
        found.slice(0, 8).join(", ")
      }${found.length > 8 ? ", ..." : ""}`,
  );
}
