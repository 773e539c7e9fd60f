import type { ByteSource } from "../models/mod.ts";
import { describeFileFailure, FileError } from "./file_error.ts";

/** A regular file on disk as a random-access byte source. */
export class FileSource implements ByteSource {
  /** Path as it was given. */
  readonly name: string;
  /** Length in bytes at the time of opening. */
  readonly size: number;
  readonly #file: Deno.FsFile;
  // Seek and read are two calls on one shared position, so reads wait for each other.
  #last: Promise<unknown> = Promise.resolve();

  private constructor(name: string, size: number, file: Deno.FsFile) {
    this.name = name;
    this.size = size;
    this.#file = file;
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

  /** Closes the file; a second call does nothing. */
  close(): void {
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
