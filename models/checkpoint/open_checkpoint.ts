import { type ByteSource, readExactly } from "./byte_source.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { FORMAT_BYTES, looksLikeJson } from "./foreign_format.ts";
import { openPytorch } from "./pytorch.ts";
import type { OpenCheckpointOptions } from "./pytorch_file.ts";
import { LEGACY_TEXT, openPytorchLegacy } from "./pytorch_legacy.ts";
import { openSafetensors } from "./safetensors.ts";
import { MAX_HEADER_BYTES } from "./safetensors_dtype.ts";
import { openIndex, openWithOtherShards } from "./shards.ts";

/**
 * Opens a checkpoint of any format: safetensors, PyTorch's zip archive, the format PyTorch wrote before 1.6, or the index
 * of several such files or one of them. The first bytes say which, never the name. No tensor is read, and nothing that
 * the file asks for is run.
 * @param source the file
 * @param options which state dict of a PyTorch file is meant, where there are several
 * @returns the open file
 * @throws {CheckpointError} if it violates its format, naming the place; or if one of several files is missing
 */
export async function openCheckpoint(source: ByteSource, options: OpenCheckpointOptions = {}): Promise<Checkpoint> {
  const start = await startOf(source);
  const openShard = async (part: ByteSource): Promise<Checkpoint> =>
    await openAlone(part, await startOf(part), options);
  if (looksLikeJson(start) && !isHeaderLength(start)) return await openIndex(source, openShard);
  const whole = source.beside && await openWithOtherShards(source, source.beside, openShard);
  if (whole !== undefined) return whole;
  return await openAlone(source, start, options);
}

async function startOf(source: ByteSource): Promise<Uint8Array> {
  return await readExactly(source, 0, Math.min(FORMAT_BYTES, source.size), "the first bytes");
}

/** Opens a file without those beside it. */
async function openAlone(source: ByteSource, start: Uint8Array, options: OpenCheckpointOptions): Promise<Checkpoint> {
  if (isZip(start)) return await openPytorch(source, options);
  return isPickle(start) ? await openPytorchLegacy(source, options) : await openSafetensors(source);
}

/** A zip archive; a safetensors file may begin with the same eight bytes, but the ninth is then the `{` of its header. */
function isZip(start: Uint8Array): boolean {
  const [p, k, third, fourth] = start;
  const record = (third === 3 && fourth === 4) || (third === 5 && fourth === 6);
  return p === 0x50 && k === 0x4b && record && start[8] !== 0x7b;
}

/** A pickle of protocol 2 or later, or the number that a PyTorch file of an older protocol begins with. */
function isPickle(start: Uint8Array): boolean {
  if (start.length < 9) return false;
  if (LEGACY_TEXT.every((byte, i) => start[i] === byte)) return true;
  return start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5 && !isHeaderLength(start);
}

/** Whether the first eight bytes may be the length of a safetensors header. */
function isHeaderLength(start: Uint8Array): boolean {
  if (start.length < 8) return false;
  return new DataView(start.buffer, start.byteOffset).getBigUint64(0, true) <= BigInt(MAX_HEADER_BYTES);
}
