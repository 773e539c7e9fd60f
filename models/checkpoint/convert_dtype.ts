import type { Checkpoint } from "./checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from "./half.ts";

/** Element types that weights can be converted to, by the names that safetensors has for them. */
export const CONVERTED_DTYPES = ["F32", "F16", "BF16"] as const;

/** An element type that weights can be converted to. */
export type ConvertedDtype = typeof CONVERTED_DTYPES[number];

/** Types of weights, with the arrays that hold their bits. */
const STORED = { F32: Float32Array, F16: Uint16Array, BF16: Uint16Array, F64: Float64Array } as const;

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
  if (!(stored in STORED)) {
    throw new CheckpointError(
      `Cannot convert tensor ${quoteName(name)} of ${quoteName(file.name)}: its type is ${stored}, one of ` +
        `${Object.keys(STORED).join(", ")} is needed`,
    );
  }
  for await (const piece of file.readPieces(name)) {
    const values = toF32(piece, stored as keyof typeof STORED);
    const converted = dtype === "F32" ? values : dtype === "F16" ? f32ToF16(values) : f32ToBf16(values);
    requireFinite(file, name, values, converted, dtype);
    yield new Uint8Array(converted.buffer, converted.byteOffset, converted.byteLength);
  }
}

function toF32(piece: Uint8Array, dtype: keyof typeof STORED): Float32Array {
  const type = STORED[dtype];
  const aligned = piece.byteOffset % type.BYTES_PER_ELEMENT === 0 ? piece : piece.slice();
  const bits = new type(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.length / type.BYTES_PER_ELEMENT);
  if (bits instanceof Float32Array) return bits;
  if (bits instanceof Float64Array) return new Float32Array(bits);
  return dtype === "F16" ? f16ToF32(bits) : bf16ToF32(bits);
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
