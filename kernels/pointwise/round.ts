/** Rounding, as quantisation does it, with a gradient that looks past it. */
import { defineOp, elementCount, type Op, type Tensor, type TensorType } from "../../engine/mod.ts";
import { movedBytes, requireF32 } from "../operands.ts";
import { elementwise } from "../text/wgsl.ts";

/** The nearest integer; of two equally near ones the even one. */
function nearestEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + Math.abs(floor % 2) : Math.round(value);
}

/** Definition of `roundStraight`. */
export const roundStraightOp: Op<Record<string, never>> = defineOp<Record<string, never>>({
  name: "roundStraight",
  infer(inputs): readonly TensorType[] {
    requireF32("roundStraight", inputs, ["x"]);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference: (_call, [x]) => [x!.map(nearestEven)],
  lower: ({ inputs, outputs }, target) => [
    elementwise("roundStraight", target, {
      read: { x: inputs[0]! },
      write: { y: outputs[0]! },
      body: "y[i] = round(x[i]);",
    }),
  ],
  // The derivative is 0 almost everywhere and of no use; that of the straight line through the steps is 1.
  vjp: (_call, [dy]) => [dy],
  cost: (call) => ({ flops: elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[2, 5, 7, 3]], attrs: {} },
    {
      inputs: [{ shape: [9], dtype: "f32", data: Float32Array.of(-2.5, -1.5, -0.5, -0.2, 0.5, 1.5, 2.5, 2.6, 1e7) }],
      attrs: {},
    },
  ],
});

/**
 * The nearest integer, halves to the even one. Its gradient is that of the identity: the cotangent goes straight through
 * (Bengio, Leonard, Courville, Estimating or Propagating Gradients Through Stochastic Neurons, 2013).
 * @param x any shape, f32
 * @returns the same shape
 */
export function roundStraight(x: Tensor): Tensor {
  return roundStraightOp([x], {})[0]!;
}
