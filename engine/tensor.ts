/**
 * What a tensor is: a shape and an element type. Inside a trace it has an identity and no memory; on a device it has
 * memory (see `runtime.ts`). All tensors are contiguous, outermost dimension first; images are [N, H, W, C].
 */

/**
 * Element type of a tensor. `f32` and `u32` elements are one 4-byte word each. `f16` is for constant matrices
 * [..., K, N], such as the weights of a network: two rows share a word, see `halfWordCount`; kernels read the words with
 * `unpack2x16float`, and the host sees f32 elements.
 */
export type DType = "f32" | "f16" | "u32";

/** Extents, outermost first; the empty shape is a single number. Images are [N, H, W, C]. */
export type Shape = readonly number[];

/** Shape and element type, the part of a tensor that is known before anything runs. */
export interface TensorType {
  /** Extents. */
  readonly shape: Shape;
  /** Element type. */
  readonly dtype: DType;
}

/** A value inside a trace: identity and type, no memory. */
export interface Tensor extends TensorType {
  /** Tells the values of a trace apart. */
  readonly id: number;
}

/** A tensor whose elements are known on the host, such as a blur matrix, a mask or a table. */
export interface HostTensor extends TensorType {
  /** The elements in order, u32 in a Uint32Array. */
  readonly data: Float32Array | Uint32Array;
}

/** A tensor in the memory of a runtime. */
export interface DeviceTensor extends TensorType {
  /**
   * Copies the elements to the host. `u32` tensors give the same bits in a Float32Array, `f16` tensors their values.
   * @throws {StaleTensorError} if the stage that made it has run again, or the tensor was freed
   */
  read(): Promise<Float32Array<ArrayBuffer>>;
  /** A copy that outlives the next run of the stage; the caller frees it. */
  keep(): DeviceTensor;
  /** Gives the memory back; results of a stage belong to the stage and are not affected. */
  free(): void;
}

/** A number supplied anew at every run of a stage. */
export interface Scalar {
  /** Its name in the stage. */
  readonly scalar: string;
}

/** A number of a formula: fixed while tracing, or supplied at every run. */
export type Coefficient = number | Scalar;

/** Number of elements of a shape: the product of its extents. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/**
 * Rows, columns and number of the matrices that an f16 tensor consists of.
 * @throws {TypeError} if the shape has fewer than two dimensions
 */
export function halfMatrices(
  shape: Shape,
): { readonly count: number; readonly rows: number; readonly columns: number } {
  const [rows, columns] = shape.slice(-2);
  if (rows === undefined || columns === undefined) {
    throw new TypeError(`Cannot make an f16 tensor of shape ${formatShape(shape)}: [..., K, N] is needed`);
  }
  return { count: elementCount(shape.slice(0, -2)), rows, columns };
}

/**
 * Number of 32-bit words of an f16 tensor [..., K, N]: ceil(K / 2) N for each matrix. Word (k / 2) N + n holds element
 * (k, n) in its low half and (k + 1, n) in its high half, zero beyond an odd K: one load and `unpack2x16float` give two
 * neighbours of a column on every adapter.
 * @throws {TypeError} if the shape has fewer than two dimensions
 */
export function halfWordCount(shape: Shape): number {
  const { count, rows, columns } = halfMatrices(shape);
  return count * Math.ceil(rows / 2) * columns;
}

/** Number of 32-bit words that hold the elements of a tensor: one each, or one for two where they are f16. */
export function wordCount({ shape, dtype }: TensorType): number {
  return dtype === "f16" ? halfWordCount(shape) : elementCount(shape);
}

/** Bytes that a tensor of this type takes on a device: 4 per word, and at least 4. */
export function byteLength(type: TensorType): number {
  return 4 * Math.max(1, wordCount(type));
}

/** Whether two shapes have the same rank and extents. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

/** A shape as text: `[1, 64, 64, 3]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/**
 * The type of elements that are given as an array.
 * @param data the elements, outermost dimension first; for `f16` the words that hold them
 * @param shape extents
 * @param dtype by default the array's own
 * @throws {TypeError} if the extents and the number of words, or the array and the element type disagree
 */
export function typeOfData(data: Float32Array | Uint32Array, shape: Shape, dtype?: DType): TensorType {
  const own: DType = data instanceof Float32Array ? "f32" : "u32";
  const type = { shape, dtype: dtype ?? own };
  if (own !== (type.dtype === "f32" ? "f32" : "u32")) {
    throw new TypeError(
      `Cannot make an ${type.dtype} tensor of shape ${formatShape(shape)} from a ${data.constructor.name}`,
    );
  }
  const needed = wordCount(type);
  if (data.length === needed) return type;
  throw new TypeError(
    `Cannot make a tensor of shape ${formatShape(shape)}: ${data.length} ` +
      `${type.dtype === "f16" ? "words" : "elements"} were given, ${needed} are needed`,
  );
}

/**
 * Names host data as a tensor, to be used with `constant` inside a trace.
 * @param data the elements, outermost dimension first; for `f16` the words that hold them, as `packHalf` gives them
 * @param shape extents; their product is the number of elements
 * @param dtype element type, by default the array's own
 * @throws {TypeError} if the extents and the number of words, or the array and the element type disagree
 */
export function hostTensor(data: Float32Array | Uint32Array, shape: Shape, dtype?: DType): HostTensor {
  return { ...typeOfData(data, shape, dtype), data };
}
