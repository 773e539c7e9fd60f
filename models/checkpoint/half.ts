/** Conversions between f32 and the two formats of 16 bits that checkpoints use. */
export { f16ToF32, f32ToF16 } from "../../engine/mod.ts";

/**
 * Widens bfloat16 (the upper 16 bits of an f32) to f32, exactly.
 * @param bits [n] bfloat16 patterns
 * @param out [n] where to write, a new array by default
 * @returns out
 * @throws {RangeError} if out has another length
 */
export function bf16ToF32(bits: Uint16Array, out: Float32Array = new Float32Array(bits.length)): Float32Array {
  requireLength("bf16ToF32", bits.length, out.length);
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return out;
}

/**
 * Narrows f32 to bfloat16, to nearest with ties to even; overflow gives infinity, NaNs stay NaN.
 * @param values [n]
 * @param out [n] where to write, a new array by default
 * @returns out, bfloat16 patterns
 * @throws {RangeError} if out has another length
 */
export function f32ToBf16(values: Float32Array, out: Uint16Array = new Uint16Array(values.length)): Uint16Array {
  requireLength("f32ToBf16", values.length, out.length);
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if ((word & 0x7fffffff) > 0x7f800000) {
      const upper = word >>> 16;
      out[i] = (upper & 0x7f) === 0 ? upper | 0x40 : upper; // never an infinity
    } else {
      out[i] = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
    }
  }
  return out;
}

function requireLength(conversion: string, needed: number, found: number): void {
  if (found !== needed) {
    throw new RangeError(`Cannot run ${conversion}: out has ${found} elements, ${needed} are needed`);
  }
}
