/** A tensor of one number. */
import {
  defineOp,
  elementCount,
  formatShape,
  type Op,
  type Shape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { floatBits, movedBytes, requireF32 } from "../operands.ts";
import { elementwise } from "../text/wgsl.ts";

/** Definition of `fill`. */
export const fillOp: Op<{ readonly shape: Shape; readonly value: number }> = defineOp<
  { readonly shape: Shape; readonly value: number }
>({
  name: "fill",
  infer(inputs, { shape, value }): readonly TensorType[] {
    requireF32("fill", inputs, []);
    if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 1)) {
      throw new RangeError(`Cannot build fill: the shape is ${formatShape(shape)}, positive integers are needed`);
    }
    if (!Number.isFinite(Math.fround(value))) {
      throw new RangeError(`Cannot build fill: the value is ${value}, a number that is finite in f32 is needed`);
    }
    return [{ shape, dtype: "f32" }];
  },
  reference: ({ attrs: { shape, value } }) => [new Float32Array(elementCount(shape)).fill(value)],
  lower: ({ outputs, attrs: { value } }, target) => [
    elementwise("fill", target, {
      read: {},
      write: { y: outputs[0]! },
      params: { value: floatBits(value) },
      body: "y[i] = bitcast<f32>(params.value);",
    }),
  ],
  vjp: () => [],
  cost: (call) => ({ flops: 0, bytes: movedBytes(call) }),
  examples: [
    { inputs: [], attrs: { shape: [3, 5, 7], value: -0.3 } },
    { inputs: [], attrs: { shape: [1], value: 1 } },
  ],
});

/**
 * A tensor whose elements are all one number.
 * @param shape positive extents
 * @param value finite in f32
 * @returns that shape, f32
 * @throws {RangeError} if an extent is no positive integer or the value is not finite
 */
export function fill(shape: Shape, value: number): Tensor {
  return fillOp([], { shape, value })[0]!;
}
