/** Softmax over the last dimension. */
import {
  defineOp,
  type Dispatch,
  elementCount,
  type Op,
  sameShape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { f32, movedBytes, requireF32, requireFit } from "../operands.ts";
import { type None, shapes } from "../pointwise/pointwise.ts";
import { rowKernel } from "../text/reduction.ts";

/** Invocations of the workgroup that shares one row. */
const SIZE = 64;

/** Definition of `softmax`. */
export const softmaxOp: Op<None> = defineOp<None>({
  name: "softmax",
  infer(inputs): readonly TensorType[] {
    requireF32("softmax", inputs, ["x"]);
    const { shape } = inputs[0]!;
    requireFit("softmax", { x: inputs[0] }, shape.length > 0, "[..., C] is needed");
    return [f32(shape)];
  },
  reference({ inputs }, [x]): readonly Float32Array[] {
    const { shape } = inputs[0]!;
    const width = shape[shape.length - 1]!;
    const y = new Float32Array(x!.length);
    for (let at = 0; at < y.length; at += width) {
      const row = x!.subarray(at, at + width);
      const greatest = row.reduce((a, b) => Math.max(a, b), -Infinity);
      const powers = Float64Array.from(row, (value) => Math.exp(value - greatest));
      const sum = powers.reduce((a, b) => a + b, 0);
      y.set(powers.map((power) => power / sum), at);
    }
    return [y];
  },
  lower: ({ inputs: [x], outputs: [y] }, target): readonly Dispatch[] => [
    rowKernel("softmax", target, {
      read: { x: x! },
      write: { y: y! },
      ...rowsOf(x!),
      size: SIZE,
      body: ({ each, reduced }) =>
        `${reduced("top", "x[base + c]", "-3.0e38", "max")}
${reduced("sum", "exp(x[base + c] - top)")}
let share = 1.0 / sum;
${each("y[base + c] = exp(x[base + c] - top) * share;")}`,
    }),
  ],
  vjp: ({ outputs: [y] }, [dy]) => [softmaxGradient(y!, dy!)],
  cost: (call) => ({ flops: 5 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: shapes([[2, 5, 7]], [[3, 131]]),
});

/** Rows of [..., C] and their width. */
export function rowsOf({ shape }: TensorType): { readonly rows: number; readonly width: number } {
  return { rows: elementCount(shape.slice(0, -1)), width: shape.at(-1)! };
}

/**
 * Softmax over the last dimension: y[..., c] = exp(x[..., c] - max) / sum over k of exp(x[..., k] - max).
 * @param x [..., C], f32
 * @returns the same shape
 * @throws {TypeError} if x is a single number
 */
export function softmax(x: Tensor): Tensor {
  return softmaxOp([x], {})[0]!;
}

/** Definition of `softmaxGradient`. */
export const softmaxGradientOp: Op<None> = defineOp<None>({
  name: "softmaxGradient",
  infer(inputs): readonly TensorType[] {
    requireF32("softmaxGradient", inputs, ["y", "dy"]);
    const [y, dy] = inputs as readonly [TensorType, TensorType];
    const fits = y.shape.length > 0 && sameShape(y.shape, dy.shape);
    requireFit("softmaxGradient", { y, dy }, fits, "one shape [..., C] is needed");
    return [f32(y.shape)];
  },
  reference({ inputs }, [y, dy]): readonly Float32Array[] {
    const width = inputs[0]!.shape.at(-1)!;
    const dx = new Float32Array(y!.length);
    for (let at = 0; at < dx.length; at += width) {
      let sum = 0;
      for (let c = at; c < at + width; c++) sum += y![c]! * dy![c]!;
      for (let c = at; c < at + width; c++) dx[c] = y![c]! * (dy![c]! - sum);
    }
    return [dx];
  },
  lower: ({ inputs: [y, dy], outputs: [dx] }, target): readonly Dispatch[] => [
    rowKernel("softmaxGradient", target, {
      read: { y: y!, dy: dy! },
      write: { dx: dx! },
      ...rowsOf(y!),
      size: SIZE,
      body: ({ each, reduced }) =>
        `${reduced("mean", "y[base + c] * dy[base + c]")}
${each("dx[base + c] = y[base + c] * (dy[base + c] - mean);")}`,
    }),
  ],
  cost: (call) => ({ flops: 4 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: shapes([[2, 5, 7], [2, 5, 7]], [[3, 131], [3, 131]]),
});

/**
 * The cotangent of softmax: dx[..., c] = y[..., c] (dy[..., c] - sum over k of y[..., k] dy[..., k]).
 * @param y the result of softmax [..., C], f32
 * @param dy its cotangent, the same shape
 * @returns the same shape
 * @throws {TypeError} if the shapes differ
 */
export function softmaxGradient(y: Tensor, dy: Tensor): Tensor {
  return softmaxGradientOp([y, dy], {})[0]!;
}
