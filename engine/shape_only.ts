/** Tensors without elements, for recordings that are planned and never run. */
import type { DeviceTensor, DType, Shape, TensorType } from "./tensor.ts";

/** Stands where a tensor on a device would be: it has a type and no elements. */
export class ShapeOnly implements DeviceTensor {
  readonly shape: Shape;
  readonly dtype: DType;

  /**
   * Holds a type.
   * @param type what the tensor would be
   */
  constructor({ shape, dtype }: TensorType) {
    [this.shape, this.dtype] = [shape, dtype];
  }

  /**
   * Refuses, as there are no values.
   * @throws {Error} always
   */
  read(): never {
    throw new Error("Cannot read a tensor that has a shape and no values");
  }

  /**
   * Refuses, as there are no values.
   * @throws {Error} always
   */
  keep(): never {
    return this.read();
  }

  /** Does nothing. */
  free(): void {}
}
