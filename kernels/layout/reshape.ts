/** The same elements under another shape. */
import {
  defineOp,
  elementCount,
  formatShape,
  type Op,
  sameShape,
  type Shape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { arePositive, requireValues } from "../operands.ts";

/** Definition of `reshape`. */
export const reshapeOp: Op<{ readonly shape: Shape }> = defineOp<{ readonly shape: Shape }>({
  name: "reshape",
  infer(inputs, { shape }): readonly TensorType[] {
    const x = inputs[0];
    if (!x || inputs.length > 1) {
      throw new TypeError(`Cannot build reshape: ${inputs.length} inputs were given, 1 is needed (x)`);
    }
    const found = { "the new shape": formatShape(shape) };
    requireValues("reshape", found, arePositive(shape), "positive integers are needed");
    if (elementCount(shape) !== elementCount(x.shape)) {
      throw new TypeError(
        `Cannot build reshape: x has shape ${formatShape(x.shape)} with ${elementCount(x.shape)} elements, ` +
          `the new shape ${formatShape(shape)} needs ${elementCount(shape)}`,
      );
    }
    if (x.dtype === "f16" && !sameShape(shape.slice(-2), x.shape.slice(-2))) {
      throw new TypeError(
        `Cannot build reshape: x has shape ${formatShape(x.shape)} and pairs of rows in its f16 words, the new shape ` +
          `${formatShape(shape)} must end in the same two extents`,
      );
    }
    return [{ shape, dtype: x.dtype }];
  },
  reference: (_call, [x]) => [x!],
  lower: () => [],
  vjp: ({ inputs }, [dy]) => [reshape(dy!, inputs[0]!.shape)],
  cost: () => ({ flops: 0, bytes: 0 }),
  examples: [
    { inputs: [[2, 3, 5]], attrs: { shape: [6, 5] } },
    { inputs: [[7]], attrs: { shape: [1, 7, 1] } },
  ],
  alias: true,
});

/**
 * The same elements in the same order under another shape; it costs nothing.
 * @param x any shape and element type
 * @param shape positive extents with the same product
 * @returns a tensor of that shape
 * @throws {TypeError} if the number of elements differs
 * @throws {RangeError} if an extent is not a positive integer
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  return reshapeOp([x], { shape })[0]!;
}
