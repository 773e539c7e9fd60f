/** Floats of 8 bits, as checkpoints store them; all their numbers are numbers of f16, too. */
import type { SafetensorsDtype } from "./safetensors_dtype.ts";

/** How the bits of one byte are read: sign, exponent, mantissa from the highest bit on. */
interface Layout {
  readonly mantissaBits: number;
  readonly bias: number;
  /** Whether the highest exponent means infinity and NaN, as in IEEE 754. */
  readonly hasInfinity?: boolean;
  /** Whether the only NaN is the pattern of -0, which does not exist. */
  readonly isUnsignedZero?: boolean;
}

const LAYOUTS = {
  F8_E4M3: { mantissaBits: 3, bias: 7 },
  F8_E5M2: { mantissaBits: 2, bias: 15, hasInfinity: true },
  F8_E4M3FNUZ: { mantissaBits: 3, bias: 8, isUnsignedZero: true },
  F8_E5M2FNUZ: { mantissaBits: 2, bias: 16, isUnsignedZero: true },
} as const satisfies Readonly<Partial<Record<SafetensorsDtype, Layout>>>;

/** A type of 8-bit floats that can be read. */
export type F8Dtype = keyof typeof LAYOUTS;

/**
 * Tells whether a type is one of 8-bit floats that can be read.
 * @param dtype any type name
 */
export function isF8(dtype: string): dtype is F8Dtype {
  return Object.hasOwn(LAYOUTS, dtype);
}

/**
 * The number that a byte stands for: (-1)^s 2^(e - bias) (1 + m / 2^k), without the 1 and with e = 1 where the exponent
 * is 0. E4M3 has no infinities, and NaN only where all other bits are set (Micikevicius et al. 2022, arXiv:2209.05433).
 */
function numberOf(byte: number, { mantissaBits, bias, hasInfinity, isUnsignedZero }: Layout): number {
  const steps = 1 << mantissaBits;
  const sign = byte & 0x80 ? -1 : 1;
  const exponent = (byte & 0x7f) >> mantissaBits;
  const mantissa = byte & (steps - 1);
  if (isUnsignedZero && byte === 0x80) return NaN;
  if (hasInfinity && exponent === 0x7f >> mantissaBits) return mantissa === 0 ? sign * Infinity : NaN;
  if (!hasInfinity && !isUnsignedZero && (byte & 0x7f) === 0x7f) return NaN;
  const fraction = exponent === 0 ? mantissa / steps : 1 + mantissa / steps;
  return sign * fraction * 2 ** (Math.max(1, exponent) - bias);
}

const TABLES = new Map<F8Dtype, Float32Array>();

/**
 * Widens 8-bit floats to f32, exactly.
 * @param dtype their type
 * @param bytes [n] patterns
 * @returns [n]
 */
export function f8ToF32(dtype: F8Dtype, bytes: Uint8Array): Float32Array {
  let table = TABLES.get(dtype);
  if (table === undefined) {
    const layout = LAYOUTS[dtype];
    TABLES.set(dtype, table = Float32Array.from({ length: 256 }, (_, byte) => numberOf(byte, layout)));
  }
  const values = new Float32Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) values[i] = table[bytes[i]!]!;
  return values;
}
