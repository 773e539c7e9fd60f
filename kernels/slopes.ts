/** The cotangent of an elementwise function: that of the result times the slope at x. */
import {
  defineOp,
  elementCount,
  formatShape,
  type Op,
  sameShape,
  type Tensor,
  type TensorType,
} from "../engine/mod.ts";
import { movedBytes, requireF32 } from "./operands.ts";
import { elementwise } from "./wgsl.ts";

type None = Record<string, never>;

function inferSlope(name: string, inputs: readonly TensorType[]): readonly TensorType[] {
  requireF32(name, inputs, ["x", "dy"]);
  const [x, dy] = [inputs[0]!, inputs[1]!];
  if (!sameShape(x.shape, dy.shape)) {
    throw new TypeError(
      `Cannot build ${name}: x has shape ${formatShape(x.shape)}, dy has ${formatShape(dy.shape)}; one shape is needed`,
    );
  }
  return [{ shape: x.shape, dtype: "f32" }];
}

/** Definition of `siluGradient`. */
export const siluGradientOp: Op<None> = defineOp<None>({
  name: "siluGradient",
  infer: (inputs) => inferSlope("siluGradient", inputs),
  reference: (_call, [x, dy]) => [
    x!.map((v, i) => {
      const sigmoid = 1 / (1 + Math.exp(-v));
      return dy![i]! * (sigmoid + v * sigmoid * (1 - sigmoid));
    }),
  ],
  lower: ({ inputs, outputs }, target) => [
    elementwise("siluGradient", target, {
      read: { x: inputs[0]!, dy: inputs[1]! },
      write: { y: outputs[0]! },
      // From a power that cannot overflow: sigmoid and 1 - sigmoid are 1 and e over 1 + e, in the order of the sign.
      body: `let v = x[i];
let e = exp(-abs(v));
let sigmoid = select(e, 1.0, v >= 0.0) / (1.0 + e);
let rest = select(1.0, e, v >= 0.0) / (1.0 + e);
y[i] = dy[i] * (sigmoid + v * sigmoid * rest);`,
    }),
  ],
  cost: (call) => ({ flops: 9 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [{ inputs: [[2, 5, 7, 3], [2, 5, 7, 3]], attrs: {} }, { inputs: [[131], [131]], attrs: {} }],
});

/**
 * The cotangent of silu: dy (s + x s (1 - s)) with s = 1 / (1 + exp(-x)).
 * @param x where silu was evaluated, any shape, f32
 * @param dy cotangent of silu(x), the same shape
 * @returns the same shape
 * @throws {TypeError} if the shapes differ
 */
export function siluGradient(x: Tensor, dy: Tensor): Tensor {
  return siluGradientOp([x, dy], {})[0]!;
}
