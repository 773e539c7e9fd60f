import type { Checkpoint } from "./checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { FLOAT_DTYPES, floatView } from "./checkpoint_file.ts";
import { f32ToBf16, f32ToF16 } from "./half.ts";

/** Element types that weights can be converted to, by the names that safetensors has for them. */
export const CONVERTED_DTYPES = ["F32", "F16", "BF16"] as const;

/** An element type that weights can be converted to. */
export type ConvertedDtype = typeof CONVERTED_DTYPES[number];

/**
 * The elements of a tensor of real numbers in another type, as little-endian bytes, piece by piece. The values are those
 * of PyTorch's `to`: widening is exact; narrowing rounds to nearest, ties to even, and goes by way of f32.
 * @param file the checkpoint
 * @param name tensor name
 * @param dtype wanted type; where the tensor has it already, the bytes pass as they are
 * @returns pieces of at most 8 MiB, each to be used before the next is asked for
 * @throws {CheckpointError} if the tensor holds no real numbers, if a finite number has no finite counterpart, or as
 * `Checkpoint.readPieces`
 */
export async function* convertedPieces(
  file: Checkpoint,
  name: string,
  dtype: ConvertedDtype,
): AsyncGenerator<Uint8Array, void> {
  const stored = file.tensors.get(name)?.dtype;
  if (stored === undefined || stored === dtype) return yield* file.readPieces(name);
  if (!FLOAT_DTYPES.includes(stored)) {
    throw new CheckpointError(
      `Cannot convert tensor ${quoteName(name)} of ${quoteName(file.name)}: its type is ${stored}, one of ` +
        `${FLOAT_DTYPES.join(", ")} is needed`,
    );
  }
  for await (const piece of file.readPieces(name)) {
    const read = floatView(stored, piece);
    const values = read instanceof Float32Array ? read : new Float32Array(read);
    const converted = dtype === "F32" ? values : dtype === "F16" ? f32ToF16(values) : f32ToBf16(values);
    requireFinite(file, name, values, converted, dtype);
    yield new Uint8Array(converted.buffer, converted.byteOffset, converted.byteLength);
  }
}

/** Refuses to make infinities of weights: a network with one gives nothing else. */
function requireFinite(
  file: Checkpoint,
  name: string,
  values: Float32Array,
  converted: Float32Array | Uint16Array,
  dtype: ConvertedDtype,
): void {
  if (converted instanceof Float32Array) return;
  const exponent = dtype === "F16" ? 0x7c00 : 0x7f80;
  for (let i = 0; i < converted.length; i++) {
    if ((converted[i]! & 0x7fff) !== exponent || !Number.isFinite(values[i]!)) continue;
    throw new CheckpointError(
      `Cannot convert tensor ${quoteName(name)} of ${quoteName(file.name)} to ${dtype}: ${values[i]} is beyond its ` +
        "range; choose another type",
    );
  }
}
