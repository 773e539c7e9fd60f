/**
 * What a tensor is: a shape and an element type. Inside a trace it has an identity and no memory; on a device it has
 * memory (see `runtime.ts`). All tensors are contiguous, outermost dimension first; images are [N, H, W, C].
 */

/** Element type of a tensor; every element is one 4-byte word. */
export type DType = "f32" | "u32";

/** Extents, outermost first; the empty shape is a single number. Images are [N, H, W, C]. */
export type Shape = readonly number[];

/** Shape and element type, the part of a tensor that is known before anything runs. */
export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A value inside a trace: identity and type, no memory. */
export interface Tensor extends TensorType {
  readonly id: number;
}

/** A tensor whose elements are known on the host, such as a blur matrix, a mask or a table. */
export interface HostTensor extends TensorType {
  readonly data: Float32Array | Uint32Array;
}

/** A tensor in the memory of a runtime. */
export interface DeviceTensor extends TensorType {
  /**
   * Copies the elements to the host. `u32` tensors give the same bits in a Float32Array.
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
  readonly scalar: string;
}

/** A number of a formula: fixed while tracing, or supplied at every run. */
export type Coefficient = number | Scalar;

/** Number of elements of a shape: the product of its extents. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Bytes that a tensor of this type takes on a device: 4 per element, and at least 4. */
export function byteLength({ shape }: TensorType): number {
  return 4 * Math.max(1, elementCount(shape));
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
 * Names host data as a tensor, to be used with `constant` inside a trace.
 * @param data the elements, outermost dimension first
 * @param shape extents; their product is `data.length`
 * @throws {TypeError} if the extents and the number of elements disagree
 */
export function hostTensor(data: Float32Array | Uint32Array, shape: Shape): HostTensor {
  if (data.length !== elementCount(shape)) {
    throw new TypeError(
      `Cannot make a tensor of shape ${formatShape(shape)}: ${data.length} elements were given, ` +
        `${elementCount(shape)} are needed`,
    );
  }
  return { shape, dtype: data instanceof Float32Array ? "f32" : "u32", data };
}
