/** Arrays of NumPy inside a pickle. */
import {
  PickleBytes,
  PickleForeign,
  PickleLeaf,
  PickleObject,
  type PickleRefusal,
  PickleTuple,
  type PickleValue,
} from "./pickle_values.ts";
import { isCount, TensorView } from "./pytorch_objects.ts";
import { DTYPE_BITS, MAX_RANK, type SafetensorsDtype, tensorBytes } from "../safetensors_dtype.ts";

/** Element types by kind and bytes of an element. */
const DTYPES: Readonly<Record<string, SafetensorsDtype>> = {
  f8: "F64",
  f4: "F32",
  f2: "F16",
  i8: "I64",
  i4: "I32",
  i2: "I16",
  i1: "I8",
  u8: "U64",
  u4: "U32",
  u2: "U16",
  u1: "U8",
  b1: "BOOL",
  c8: "C64",
};

/** `numpy.dtype(code, align, copy)`, whose state holds the byte order. */
class NumpyType extends PickleObject {
  override readonly kind = "an element type of NumPy";
  /** Whether the most significant byte comes first; unless the state says otherwise, as on the writer's machine. */
  bigEndian = false;

  constructor(readonly dtype: SafetensorsDtype) {
    super();
  }

  /** `(version, byte order, subtype, names, fields, size, alignment, flags)`. */
  override build(state: PickleValue): boolean {
    this.bigEndian = state instanceof PickleTuple && state.items[1] === ">";
    return true;
  }
}

/**
 * An array of NumPy. One of plain numbers, least significant byte first, is read as a tensor; any other is a leaf.
 */
export class NumpyArray extends PickleObject {
  override readonly kind = "an array of NumPy";
  /** The same as a tensor, as soon as the pickle has said what it holds. */
  tensor: TensorView | undefined;

  /** `(version, shape, dtype, whether the first index runs fastest, bytes)`. */
  override build(state: PickleValue): boolean {
    const [, shape, type, isFortran, data] = state instanceof PickleTuple ? state.items : [];
    this.fill(shape, type, isFortran === true, data);
    return true;
  }

  /**
   * Takes what the array holds, if it is plain.
   * @param shape tuple of extents
   * @param type element type
   * @param isFortran whether the first index runs fastest
   * @param data the elements
   */
  fill(
    shape: PickleValue | undefined,
    type: PickleValue | undefined,
    isFortran: boolean,
    data: PickleValue | undefined,
  ): void {
    const items = shape instanceof PickleTuple ? shape.items : [-1];
    if (items.length > MAX_RANK || !items.every(isCount)) return;
    if (!(type instanceof NumpyType) || !(data instanceof PickleBytes)) return;
    const width = DTYPE_BITS[type.dtype] / 8;
    if (type.bigEndian && width > 1) return;
    if (tensorBytes(type.dtype, items) !== data.length) return;
    const length = data.length / width;
    const storage = { key: "", dtype: type.dtype, type: "", length, width, inline: () => data.bytes() };
    this.tensor = new TensorView(storage, type.dtype, 0, items, stridesOf(items, isFortran));
  }
}

/** Elements from one index to the next in an array without gaps. */
function stridesOf(shape: readonly number[], isFortran: boolean): number[] {
  const stride = new Array<number>(shape.length);
  let step = 1;
  for (let k = 0; k < shape.length; k++) {
    const i = isFortran ? k : shape.length - 1 - k;
    stride[i] = step;
    step *= Math.max(1, shape[i]!);
  }
  return stride;
}

/** `numpy.dtype(code, align, copy)`. */
function numpyType([code]: readonly PickleValue[]): PickleValue {
  const dtype = typeof code === "string" && Object.hasOwn(DTYPES, code) ? DTYPES[code] : undefined;
  return dtype === undefined ? new PickleLeaf("an element type of NumPy") : new NumpyType(dtype);
}

/** `numpy.core.numeric._frombuffer(bytes, dtype, shape, order)`, as protocol 5 writes arrays. */
function fromBuffer([data, type, shape, order]: readonly PickleValue[]): PickleValue {
  const array = new NumpyArray();
  array.fill(shape, type, order === "F", data);
  return array;
}

/** `_codecs.encode(text, encoding)`: how protocol 2 writes bytes. */
function encode(args: readonly PickleValue[]): PickleValue {
  const [text, encoding] = args;
  const isBytes = typeof text === "string" && (encoding === "latin1" || encoding === "latin-1");
  return isBytes ? new PickleBytes(text) : new PickleForeign("_codecs.encode", "call", args);
}

type Call = (args: readonly PickleValue[], refuse: PickleRefusal) => PickleValue;

/** What arrays of NumPy are made with, by name in Python. */
export const NUMPY_FUNCTIONS: Readonly<Record<string, Call>> = {
  "_codecs.encode": encode,
  "numpy.dtype": numpyType,
  ...Object.fromEntries(["numpy.core", "numpy._core"].flatMap((core): [string, Call][] => [
    [`${core}.multiarray._reconstruct`, () => new NumpyArray()],
    [`${core}.multiarray.scalar`, () => new PickleLeaf("a number of NumPy")],
    [`${core}.numeric._frombuffer`, fromBuffer],
  ])),
};
