/** Bits per element of every type name the format knows, also of those that are only recognised. */
export const DTYPE_BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

/** A type name of the format; `readFloat32` and its kin read a subset. */
export type SafetensorsDtype = keyof typeof DTYPE_BITS;

/** Types that can be written, in the order in which their tensors lie in a written file: larger elements first. */
export const WRITABLE_DTYPES = ["I64", "F64", "F32", "I32", "BF16", "F16", "U8"] as const;

/** A type that can be read and written. */
export type WritableDtype = typeof WRITABLE_DTYPES[number];

/** Header bytes that the format allows. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Tensors in one file; published checkpoints have a few thousand, a hostile header could hold a million. */
export const MAX_TENSORS = 100_000;

/** Dimensions of one tensor. */
export const MAX_RANK = 64;

/**
 * Tells whether a string is a type name of the format.
 * @param name any string
 * @returns true for F32, BOOL, F8_E4M3, ...
 */
export function isDtype(name: string): name is SafetensorsDtype {
  return Object.hasOwn(DTYPE_BITS, name);
}

/**
 * Bytes of a tensor: product of the shape times the bits of an element, over 8.
 * @param dtype element type
 * @param shape any rank, also empty; dimensions are non-negative integers
 * @returns the byte count, or why there is none: beyond 2^53 - 1 bits, or not a whole number of bytes
 */
export function tensorBytes(dtype: SafetensorsDtype, shape: readonly number[]): number | "overflow" | "fraction" {
  let bits: number = DTYPE_BITS[dtype];
  for (const dimension of shape) {
    bits *= dimension;
    if (bits > Number.MAX_SAFE_INTEGER) return "overflow";
  }
  return bits % 8 === 0 ? bits / 8 : "fraction";
}
