import { createHash } from "node:crypto";
import type { ByteSource } from "../models/mod.ts";
import { FileSource } from "./file_source.ts";

/** Bytes hashed at a time. */
const PIECE_BYTES = 4 * 2 ** 20;

/**
 * The SHA-256 of a whole source, read in pieces. Where other files were opened beside it, as for a checkpoint in several,
 * that of a text with the SHA-256 of each on a line of its own, sorted.
 *
 * @param source What to read.
 * @param onProgress Called with the bytes hashed so far and in all; it may throw to stop.
 * @returns 64 hexadecimal digits, lower case.
 * @throws FileError As the source's `read`.
 */
export async function sha256Of(
  source: ByteSource,
  onProgress?: (done: number, total: number) => void,
): Promise<string> {
  const parts = source instanceof FileSource ? source.parts : [];
  if (parts.length > 1) return await sha256OfParts(parts);
  return await sha256OfBytes(source, onProgress);
}

async function sha256OfParts(parts: readonly FileSource[]): Promise<string> {
  const lines: string[] = [];
  for (const part of parts) lines.push(`${await sha256OfBytes(part)}\n`);
  return createHash("sha256").update(lines.sort().join("")).digest("hex");
}

async function sha256OfBytes(
  source: ByteSource,
  onProgress?: (done: number, total: number) => void,
): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < source.size;) {
    const piece = await source.read(at, Math.min(PIECE_BYTES, source.size - at));
    if (piece.length === 0) break;
    hash.update(piece);
    at += piece.length;
    onProgress?.(at, source.size);
  }
  return hash.digest("hex");
}

/**
 * The SHA-256 of a file.
 *
 * @returns 64 hexadecimal digits, lower case.
 * @throws FileError If it cannot be read.
 */
export async function sha256OfFile(path: string): Promise<string> {
  using source = await FileSource.open(path);
  return await sha256Of(source);
}
