import { CheckpointError, quoteName } from "./checkpoint_error.ts";

/** Bytes that can be read at any offset: a file, a blob, an array. */
export interface ByteSource {
  /** What messages call it, usually the file name. */
  readonly name: string;
  /** Number of bytes when the source was opened. */
  readonly size: number;
  /**
   * Reads bytes offset to offset + length.
   * @param offset first byte, 0 to size
   * @param length number of bytes, at least 0
   * @returns exactly `length` bytes, fewer only where the source ends; the caller does not change them
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  /**
   * Reads the same bytes into an array, where a source can do so without an array of its own.
   * @param offset first byte, 0 to size
   * @param into where they go, all of it
   * @returns how many bytes were read: all, fewer only where the source ends
   */
  readInto?(offset: number, into: Uint8Array): Promise<number>;
  /** The files that lie beside it, where that is known: a checkpoint may be cut into several. */
  readonly beside?: FilesBeside;
}

/** The files of the folder in which a source lies. */
export interface FilesBeside {
  /** Their names without folders, in any order. */
  names(): Promise<readonly string[]>;
  /**
   * Opens one of them; it is closed with the source beside which it lies.
   * @param name one of `names`
   */
  open(name: string): Promise<ByteSource>;
}

/** Bytes read at a time, which bounds what a read holds beside its result; a multiple of every element size. */
export const PIECE_BYTES = 4 * 1024 * 1024;

/**
 * A blob (in a browser: a file that the user chose) as a byte source; nothing is read before it is asked for.
 * @param blob the bytes
 * @param name what messages call it
 * @returns the source
 */
export function blobByteSource(blob: Blob, name: string): ByteSource {
  return {
    name,
    size: blob.size,
    async read(offset: number, length: number): Promise<Uint8Array> {
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new CheckpointError(
          `Cannot read ${quoteName(name)}: ${length} bytes at byte ${offset} were refused (${reason})`,
          { cause },
        );
      }
    },
  };
}

/**
 * An array as a byte source; reads are views of it, not copies.
 * @param bytes the bytes, unchanged as long as the source is in use
 * @param name what messages call it
 * @returns the source
 */
export function bytesByteSource(bytes: Uint8Array, name: string): ByteSource {
  return {
    name,
    size: bytes.length,
    read: (offset: number, length: number): Promise<Uint8Array> =>
      Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

/**
 * Reads a range and insists on all of it.
 * @param source where to read
 * @param offset first byte, 0 to source.size
 * @param length number of bytes
 * @param what what the bytes are, for the message: `the header`, `tensor "out.2.weight"`
 * @returns exactly `length` bytes, not to be changed
 * @throws {CheckpointError} if the source gives another number of bytes, as a file does that was cut in the meantime
 */
export async function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
  what: string,
): Promise<Uint8Array> {
  const bytes = await source.read(offset, length);
  requireAll(source, offset, bytes.length, length, what);
  return bytes;
}

/**
 * Fills an array and insists on all of it: at once where the source can write into it, else in pieces of 4 MiB.
 * @param source where to read
 * @param offset first byte, 0 to source.size
 * @param into where the bytes go
 * @param what what the bytes are, for the message: `tensor "out.2.weight"`
 * @throws {CheckpointError} as readExactly
 */
export async function readInto(source: ByteSource, offset: number, into: Uint8Array, what: string): Promise<void> {
  if (source.readInto) {
    requireAll(source, offset, await source.readInto(offset, into), into.length, what);
    return;
  }
  for (let at = 0; at < into.length; at += PIECE_BYTES) {
    const part = into.subarray(at, at + PIECE_BYTES);
    part.set(await readExactly(source, offset + at, part.length, what));
  }
}

function requireAll(source: ByteSource, offset: number, found: number, length: number, what: string): void {
  if (found === length) return;
  throw new CheckpointError(
    `Cannot read ${quoteName(source.name)}: ${what} gave ${found} bytes at byte ${offset}, ${length} are ` +
      "needed; the file was changed while it was being read",
  );
}
