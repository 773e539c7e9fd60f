/** Cotangents of elementwise functions: that of the result times the slope. */
import {
  defineOp,
  elementCount,
  formatShape,
  type Op,
  sameShape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { floatBits, movedBytes, requireF32 } from "../operands.ts";
import { elementwise } from "../text/wgsl.ts";

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

/**
 * WGSL function `siluSlope(v: f32) -> f32`: s + v s (1 - s) with s = 1 / (1 + exp(-v)), from a power that cannot overflow:
 * s and 1 - s are 1 and e over 1 + e, in the order of the sign.
 */
export const SILU_SLOPE_WGSL = `fn siluSlope(v: f32) -> f32 {
  let e = exp(-abs(v));
  let positive = v >= 0.0;
  let sigmoid = select(e, 1.0, positive) / (1.0 + e);
  let rest = select(1.0, e, positive) / (1.0 + e);
  return sigmoid + v * sigmoid * rest;
}`;

/** Derivative of SiLU in f64: s + v s (1 - s) with s = 1 / (1 + exp(-v)). */
export function siluSlopeOf(value: number): number {
  const sigmoid = 1 / (1 + Math.exp(-value));
  return sigmoid + value * sigmoid * (1 - sigmoid);
}

/** Definition of `siluGradient`. */
export const siluGradientOp: Op<None> = defineOp<None>({
  name: "siluGradient",
  infer: (inputs) => inferSlope("siluGradient", inputs),
  reference: (_call, [x, dy]) => [x!.map((v, i) => dy![i]! * siluSlopeOf(v))],
  lower: ({ inputs, outputs }, target) => [
    elementwise("siluGradient", target, {
      read: { x: inputs[0]!, dy: inputs[1]! },
      write: { y: outputs[0]! },
      declarations: SILU_SLOPE_WGSL,
      body: "y[i] = dy[i] * siluSlope(x[i]);",
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

/** Definition of `clampGradient`. */
export const clampGradientOp: Op<{ readonly low: number; readonly high: number }> = defineOp<
  { readonly low: number; readonly high: number }
>({
  name: "clampGradient",
  infer: (inputs) => inferSlope("clampGradient", inputs),
  reference: ({ attrs: { low, high } }, [x, dy]) => [
    x!.map((v, i) => Number.isNaN(v) ? v : v < low || v > high ? 0 : dy![i]!),
  ],
  // The bits tell NaN, as some compilers take comparisons with it for false or true as they like.
  lower: ({ inputs, outputs, attrs: { low, high } }, target) => [
    elementwise("clampGradient", target, {
      read: { x: inputs[0]!, dy: inputs[1]! },
      write: { y: outputs[0]! },
      params: { low: floatBits(low), high: floatBits(high) },
      body: `let v = x[i];
let is_nan = (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
let inside = v >= bitcast<f32>(params.low) && v <= bitcast<f32>(params.high);
y[i] = select(select(0.0, dy[i], inside), v, is_nan);`,
    }),
  ],
  vjp: ({ inputs: [x], attrs: { low, high } }, [g], wanted) => [
    undefined,
    wanted[1] ? clampGradient(x!, g!, low, high) : undefined,
  ],
  cost: (call) => ({ flops: 2 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[1, 5, 7, 3], [1, 5, 7, 3]], attrs: { low: -0.5, high: 0.75 } },
    { inputs: [[2, 33], [2, 33]], attrs: { low: 0.25, high: 0.25 } },
  ],
});

/**
 * The cotangent of clamp: dy inside the limits, both included, and 0 outside; NaN in x stays NaN.
 * @param x what was limited, any shape, f32
 * @param dy cotangent of the result, the same shape
 * @param low smallest result of the clamp
 * @param high greatest result of the clamp
 * @returns the same shape
 * @throws {TypeError} if the shapes differ
 */
export function clampGradient(x: Tensor, dy: Tensor, low: number, high: number): Tensor {
  return clampGradientOp([x, dy], { low, high })[0]!;
}

/** Definition of `reluGradient`. */
export const reluGradientOp: Op<None> = defineOp<None>({
  name: "reluGradient",
  infer: (inputs) => inferSlope("reluGradient", inputs),
  reference: (_call, [x, dy]) => [x!.map((v, i) => Number.isNaN(v) ? v : v > 0 ? dy![i]! : 0)],
  lower: ({ inputs, outputs }, target) => [
    elementwise("reluGradient", target, {
      read: { x: inputs[0]!, dy: inputs[1]! },
      write: { y: outputs[0]! },
      body: `let v = x[i];
let is_nan = (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;
y[i] = select(select(0.0, dy[i], v > 0.0), v, is_nan);`,
    }),
  ],
  vjp: ({ inputs: [x] }, [g], wanted) => [undefined, wanted[1] ? reluGradient(x!, g!) : undefined],
  cost: (call) => ({ flops: elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [{ inputs: [[2, 5, 7, 3], [2, 5, 7, 3]], attrs: {} }, { inputs: [[131], [131]], attrs: {} }],
});

/**
 * The cotangent of relu: dy where x > 0, else 0; NaN in x stays NaN.
 * @param x input or result of the rectifier, any shape, f32
 * @param dy cotangent of the result, the same shape
 * @returns the same shape
 * @throws {TypeError} if the shapes differ
 */
export function reluGradient(x: Tensor, dy: Tensor): Tensor {
  return reluGradientOp([x, dy], {})[0]!;
}
