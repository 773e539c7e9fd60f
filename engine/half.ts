/** Half precision: the conversion of single numbers, and the order in which matrices of them lie on a device. */
import { elementCount, formatShape, halfMatrices, halfWordCount, type Shape } from "./tensor.ts";

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
 * Rounds the elements of a tensor to binary16 and lays them in pairs of rows, see `halfWordCount`.
 * @param values elements, outermost dimension first; from 65520 on they become infinite
 * @param shape [..., K, N]
 * @returns the words
 * @throws {TypeError} if the number of elements does not fit the shape, or it has fewer than two dimensions
 */
export function packHalf(values: Float32Array, shape: Shape): Uint32Array<ArrayBuffer> {
  const { count, rows, columns } = halfMatrices(shape);
  requireElements("pack", values.length, elementCount(shape), shape);
  const bits = f32ToF16(values);
  const words = new Uint32Array(halfWordCount(shape));
  let at = 0;
  for (let row = 0; row < count * rows; row++) {
    const second = row % rows % 2 === 1;
    if (second) at -= columns;
    const shift = second ? 16 : 0;
    for (let column = 0; column < columns; column++) words[at++]! |= bits[row * columns + column]! << shift;
  }
  return words;
}

/**
 * The elements of an f16 tensor as f32, exactly: the inverse of `packHalf`.
 * @param words as many as `halfWordCount` says
 * @param shape [..., K, N]
 * @returns elements, outermost dimension first
 * @throws {TypeError} if the number of words does not fit the shape, or it has fewer than two dimensions
 */
export function unpackHalf(words: Uint32Array, shape: Shape): Float32Array<ArrayBuffer> {
  const { count, rows, columns } = halfMatrices(shape);
  requireElements("unpack", words.length, halfWordCount(shape), shape);
  const bits = new Uint16Array(elementCount(shape));
  let at = 0;
  for (let row = 0; row < count * rows; row++) {
    const second = row % rows % 2 === 1;
    if (second) at -= columns;
    const shift = second ? 16 : 0;
    for (let column = 0; column < columns; column++) bits[row * columns + column] = words[at++]! >>> shift;
  }
  const values = new Float32Array(bits.length);
  f16ToF32(bits, values);
  return values;
}

function requireElements(action: string, found: number, needed: number, shape: Shape): void {
  if (found === needed) return;
  throw new TypeError(
    `Cannot ${action} an f16 tensor of shape ${formatShape(shape)}: ${found} ` +
      `${action === "pack" ? "elements" : "words"} were given, ${needed} are needed`,
  );
}

function requireLength(conversion: string, needed: number, found: number): void {
  if (found !== needed) {
    throw new RangeError(`Cannot run ${conversion}: out has ${found} elements, ${needed} are needed`);
  }
}
