/** Names of PyTorch's element types, as storages and as values of their own. */
import { DTYPE_BITS, type SafetensorsDtype } from "../safetensors_dtype.ts";

/** Element types by the names of PyTorch's storage classes. */
export const STORAGE_DTYPES: Readonly<Record<string, SafetensorsDtype>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  UntypedStorage: "U8",
  BoolStorage: "BOOL",
  ComplexFloatStorage: "C64",
};

/** Bytes of an element by the names of storage classes whose numbers mean nothing by themselves, or are not read. */
export const OPAQUE_STORAGES: Readonly<Record<string, number>> = {
  ComplexDoubleStorage: 16,
  QInt8Storage: 1,
  QUInt8Storage: 1,
  QInt32Storage: 4,
  QUInt4x2Storage: 1,
  QUInt2x4Storage: 1,
};

/** Element types by their own names; those without a counterpart only stand beside a network. */
export const ELEMENT_DTYPES: readonly (readonly [name: string, dtype: SafetensorsDtype | undefined])[] = [
  ["float64", "F64"],
  ["double", "F64"],
  ["float32", "F32"],
  ["float", "F32"],
  ["float16", "F16"],
  ["half", "F16"],
  ["bfloat16", "BF16"],
  ["float8_e4m3fn", "F8_E4M3"],
  ["float8_e5m2", "F8_E5M2"],
  ["float8_e4m3fnuz", "F8_E4M3FNUZ"],
  ["float8_e5m2fnuz", "F8_E5M2FNUZ"],
  ["float8_e8m0fnu", "F8_E8M0"],
  ["int64", "I64"],
  ["long", "I64"],
  ["int32", "I32"],
  ["int", "I32"],
  ["int16", "I16"],
  ["short", "I16"],
  ["int8", "I8"],
  ["uint8", "U8"],
  ["uint16", "U16"],
  ["uint32", "U32"],
  ["uint64", "U64"],
  ["bool", "BOOL"],
  ["complex64", "C64"],
  ["cfloat", "C64"],
  ["complex128", undefined],
  ["qint8", undefined],
  ["quint8", undefined],
  ["qint32", undefined],
];

/** One block of numbers in a file; tensors are views of it. */
export interface Storage {
  /** Its name in the file. */
  readonly key: string;
  /** Type of the elements; undefined if it is known by its width only. */
  readonly dtype: SafetensorsDtype | undefined;
  /** Name of its class in PyTorch. */
  readonly type: string;
  /** Number of elements. */
  readonly length: number;
  /** Bytes of an element; undefined if the class is not known. */
  readonly width: number | undefined;
  /** The elements, where they stand in the pickle itself; undefined if they turn out to be no bytes. */
  readonly inline?: () => Uint8Array | undefined;
}

/**
 * Bytes of an element of a storage class.
 * @param type name of the class
 * @returns undefined if the class is not known
 */
export function storageWidth(type: string): number | undefined {
  const dtype = Object.hasOwn(STORAGE_DTYPES, type) ? STORAGE_DTYPES[type] : undefined;
  if (dtype !== undefined) return DTYPE_BITS[dtype] / 8;
  return Object.hasOwn(OPAQUE_STORAGES, type) ? OPAQUE_STORAGES[type] : undefined;
}

/**
 * Bytes of a storage.
 * @param storage any
 * @returns number of elements times bytes per element; undefined if its class is not known
 */
export function storageBytes({ width, length }: Storage): number | undefined {
  return width === undefined ? undefined : length * width;
}
