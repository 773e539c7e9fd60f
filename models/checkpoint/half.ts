/**
 * Widens binary16 (1 sign, 5 exponent, 10 fraction bits) to f32, exactly; infinities stay, NaNs keep their bits.
 * @param bits [n] binary16 patterns
 * @param out [n] where to write, a new array by default
 * @returns out
 * @throws {RangeError} if out has another length
 */
export function f16ToF32(bits: Uint16Array, out: Float32Array = new Float32Array(bits.length)): Float32Array {
  requireLength("f16ToF32", bits.length, out.length);
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i]!;
    const sign = (half & 0x8000) << 16;
    const magnitude = half & 0x7fff;
    if (magnitude >= 0x7c00) {
      words[i] = sign | 0x7f800000 | ((magnitude & 0x3ff) << 13);
    } else if (magnitude >= 0x400) {
      words[i] = sign | ((magnitude << 13) + 0x38000000); // exponent bias 15 -> 127
    } else if (magnitude === 0) {
      words[i] = sign;
    } else {
      // magnitude * 2^-24 with its leading one at bit 31 - clz32: shift that bit to the hidden place, bit 23.
      const shift = Math.clz32(magnitude) - 8;
      words[i] = sign | (((125 - shift) << 23) + (magnitude << shift));
    }
  }
  return out;
}

/**
 * Narrows f32 to binary16, to nearest with ties to even; from 65520 on the result is infinite, NaNs stay NaN.
 * @param values [n]
 * @param out [n] where to write, a new array by default
 * @returns out, binary16 patterns
 * @throws {RangeError} if out has another length
 */
export function f32ToF16(values: Float32Array, out: Uint16Array = new Uint16Array(values.length)): Uint16Array {
  requireLength("f32ToF16", values.length, out.length);
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const sign = (word >>> 16) & 0x8000;
    const magnitude = word & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      out[i] = sign | 0x7c00 | (((magnitude >>> 13) & 0x3ff) || 0x200); // never an infinity
    } else if (magnitude >= 0x477ff000) {
      out[i] = sign | 0x7c00;
    } else if (magnitude >= 0x38800000) {
      const rebiased = magnitude - 0x38000000;
      out[i] = sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13);
    } else if (magnitude < 0x33000000) {
      out[i] = sign; // below 2^-25, half of the smallest subnormal
    } else {
      const significand = (magnitude & 0x7fffff) | 0x800000;
      const shift = 126 - (magnitude >>> 23); // 14 to 24: units of 2^-24
      const kept = significand >>> shift;
      const rest = significand & ((1 << shift) - 1);
      const half = 1 << (shift - 1);
      out[i] = sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
    }
  }
  return out;
}

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
