/** The SHA-256 of what is too large to be held at once. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

/** Bytes that are read at once. */
const PART_BYTES = 4 << 20;

/** Bytes that can be read part by part. */
export interface Readable {
  /** How many there are. */
  readonly size: number;
  /** Reads `length` bytes from `offset` on. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/**
 * The SHA-256 of all bytes.
 * @param onProgress told the bytes that are done; may throw to stop
 * @returns 64 hexadecimal digits, lower case
 */
export async function sha256Of({ size, read }: Readable, onProgress?: (done: number) => void): Promise<string> {
  const hash = sha256.create();
  for (let at = 0; at < size; at += PART_BYTES) {
    const length = Math.min(PART_BYTES, size - at);
    hash.update(await read(at, length));
    onProgress?.(at + length);
  }
  return bytesToHex(hash.digest());
}

/** The SHA-256 of a text in UTF-8. */
export function sha256OfText(text: string): string {
  return bytesToHex(sha256(new TextEncoder().encode(text)));
}

/** A blob that is read part by part. */
export function readableBlob(blob: Blob): Readable {
  return {
    size: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}
