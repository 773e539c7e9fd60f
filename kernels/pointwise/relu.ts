/** The rectifier of feature networks. */
import { defineOp, elementCount, type Op, type Tensor, type TensorType } from "../../engine/mod.ts";
import { movedBytes, requireF32 } from "../operands.ts";
import { elementwise } from "../text/wgsl.ts";
import { reluGradient } from "./slopes.ts";

/** Definition of `relu`. */
export const reluOp: Op<Record<string, never>> = defineOp<Record<string, never>>({
  name: "relu",
  infer(inputs): readonly TensorType[] {
    requireF32("relu", inputs, ["x"]);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  // Comparisons with NaN are false, so a NaN passes through and can be found where it arose.
  reference: (_call, [x]) => [x!.map((v) => v < 0 ? 0 : v)],
  lower: ({ inputs, outputs }, target) => [
    elementwise("relu", target, {
      read: { x: inputs[0]! },
      write: { y: outputs[0]! },
      body: `let v = x[i];
let is_nan = (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
y[i] = select(max(v, 0.0), v, is_nan);`,
    }),
  ],
  vjp: ({ outputs: [y] }, [dy]) => [reluGradient(y!, dy!)],
  cost: (call) => ({ flops: elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [{ inputs: [[2, 5, 7, 3]], attrs: {} }, { inputs: [[131]], attrs: {} }],
});

/**
 * The rectifier max(x, 0); NaN stays NaN.
 * @param x any shape, f32
 * @returns the same shape
 */
export function relu(x: Tensor): Tensor {
  return reluOp([x], {})[0]!;
}
