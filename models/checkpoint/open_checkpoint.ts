import { type ByteSource, readExactly } from "./byte_source.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { openPytorch } from "./pytorch.ts";
import type { OpenCheckpointOptions } from "./pytorch_file.ts";
import { openPytorchLegacy } from "./pytorch_legacy.ts";
import { openSafetensors } from "./safetensors.ts";
import { MAX_HEADER_BYTES } from "./safetensors_dtype.ts";

/**
 * Opens a checkpoint of any format: safetensors, PyTorch's zip archive, or the format PyTorch wrote before 1.6. The first
 * bytes say which, never the name. No tensor is read, and nothing that the file asks for is run.
 * @param source the file
 * @param options which state dict of a PyTorch file is meant, where there are several
 * @returns the open file
 * @throws {CheckpointError} if it violates its format, naming the place
 */
export async function openCheckpoint(source: ByteSource, options: OpenCheckpointOptions = {}): Promise<Checkpoint> {
  const start = await readExactly(source, 0, Math.min(9, source.size), "the first bytes");
  if (isZip(start)) return await openPytorch(source, options);
  return isPickle(start) ? await openPytorchLegacy(source, options) : await openSafetensors(source);
}

/** A zip archive; a safetensors file may begin with the same eight bytes, but the ninth is then the `{` of its header. */
function isZip(start: Uint8Array): boolean {
  const [p, k, third, fourth] = start;
  const record = (third === 3 && fourth === 4) || (third === 5 && fourth === 6);
  return p === 0x50 && k === 0x4b && record && start[8] !== 0x7b;
}

/** A pickle of protocol 2 or later; as the length of a safetensors header its first eight bytes would be too large. */
function isPickle(start: Uint8Array): boolean {
  if (start.length < 9 || start[0] !== 0x80 || start[1]! < 2 || start[1]! > 5) return false;
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  return length > BigInt(MAX_HEADER_BYTES);
}
