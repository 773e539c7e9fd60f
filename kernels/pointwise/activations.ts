/** Activations of networks and limits of the image range, with their cotangents: that of the result times the slope. */
import { hostTensor, type Op, type Shape, type Tensor } from "../../engine/mod.ts";
import { floatBits, requireValues } from "../operands.ts";
import { type None, pointwise, shapes } from "./pointwise.ts";

/** WGSL function `silu(v: f32) -> f32`: v / (1 + exp(-v)), from a power that cannot overflow; NaN stays NaN. */
export const SILU_WGSL = `fn silu(v: f32) -> f32 {
  let e = exp(-abs(v));
  return v * (select(e, 1.0, v >= 0.0) / (1.0 + e));
}`;

/** SiLU in f64: v / (1 + exp(-v)). */
export function siluOf(value: number): number {
  return value / (1 + Math.exp(-value));
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

/** The bits tell NaN: some compilers turn comparisons of floats into a minimum and a maximum, which drop it. */
const IS_NAN = `let v = x[i];
let is_nan = (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u;`;

/** Definition of `silu`. */
export const siluOp: Op<None> = pointwise({
  name: "silu",
  inputs: ["x"],
  kernel: () => ({ declarations: SILU_WGSL, body: "y[i] = silu(x[i]);" }),
  software: (_, v) => siluOf(v),
  gradient: ({ inputs }, [dy]) => [siluGradient(inputs[0]!, dy!)],
  flops: 4,
  examples: shapes([[2, 5, 7, 3]], [[131]]),
});

/**
 * The sigmoid linear unit x / (1 + exp(-x)).
 * @param x any shape, f32
 * @returns the same shape
 */
export function silu(x: Tensor): Tensor {
  return siluOp([x], {})[0]!;
}

/** Definition of `siluGradient`. */
export const siluGradientOp: Op<None> = pointwise({
  name: "siluGradient",
  inputs: ["x", "dy"],
  kernel: () => ({ declarations: SILU_SLOPE_WGSL, body: "y[i] = dy[i] * siluSlope(x[i]);" }),
  software: (_, v, dy) => dy * siluSlopeOf(v),
  flops: 9,
  examples: shapes([[2, 5, 7, 3], [2, 5, 7, 3]], [[131], [131]]),
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

/** Definition of `relu`. */
export const reluOp: Op<None> = pointwise({
  name: "relu",
  inputs: ["x"],
  kernel: `${IS_NAN}
y[i] = select(max(v, 0.0), v, is_nan);`,
  // Comparisons with NaN are false, so a NaN passes through and can be found where it arose.
  software: (_, v) => v < 0 ? 0 : v,
  gradient: ({ outputs: [y] }, [dy]) => [reluGradient(y!, dy!)],
  examples: shapes([[2, 5, 7, 3]], [[131]]),
});

/**
 * The rectifier max(x, 0); NaN stays NaN.
 * @param x any shape, f32
 * @returns the same shape
 */
export function relu(x: Tensor): Tensor {
  return reluOp([x], {})[0]!;
}

/** Definition of `reluGradient`. */
export const reluGradientOp: Op<None> = pointwise({
  name: "reluGradient",
  inputs: ["x", "dy"],
  kernel: `${IS_NAN}
y[i] = select(select(0.0, dy[i], v > 0.0), v, is_nan);`,
  software: (_, v, dy) => Number.isNaN(v) ? v : v > 0 ? dy : 0,
  gradient: ({ inputs: [x] }, [g], wanted) => [undefined, wanted[1] ? reluGradient(x!, g!) : undefined],
  examples: shapes([[2, 5, 7, 3], [2, 5, 7, 3]], [[131], [131]]),
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

/** Limits of a clamp. */
export interface Limits {
  /** Least value of the result. */
  readonly low: number;
  /** Greatest value of the result. */
  readonly high: number;
}

const limitBits = ({ low, high }: Limits): Record<string, number> => ({ low: floatBits(low), high: floatBits(high) });

/** Definition of `clamp`. */
export const clampOp: Op<Limits> = pointwise<Limits>({
  name: "clamp",
  inputs: ["x"],
  shape([x], { low, high }): Shape {
    const isRange = Number.isFinite(low) && Number.isFinite(high) && low <= high;
    requireValues("clamp", { low, high }, isRange, "finite numbers low <= high are needed");
    return x!.shape;
  },
  kernel: ({ attrs }) => ({
    params: limitBits(attrs),
    body: `${IS_NAN}
let low = bitcast<f32>(params.low);
let high = bitcast<f32>(params.high);
y[i] = select(clamp(v, low, high), v, is_nan);`,
  }),
  software: ({ low, high }, v) => v < low ? low : v > high ? high : v,
  gradient: ({ inputs: [x], attrs: { low, high } }, [dy]) => [clampGradient(x!, dy!, low, high)],
  flops: 2,
  examples: [
    { inputs: [[1, 5, 7, 3]], attrs: { low: -0.5, high: 1 } },
    { inputs: [[2, 33]], attrs: { low: 0.25, high: 0.25 } },
  ],
});

/**
 * The nearest number in [low, high], as x0 is limited to the image range; NaN stays NaN.
 * @param x any shape, f32
 * @param low smallest result
 * @param high greatest result
 * @returns the same shape
 * @throws {RangeError} if low > high or a limit is not finite
 */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  return clampOp([x], { low, high })[0]!;
}

/** Definition of `clampGradient`. */
export const clampGradientOp: Op<Limits> = pointwise<Limits>({
  name: "clampGradient",
  inputs: ["x", "dy"],
  kernel: ({ attrs }) => ({
    params: limitBits(attrs),
    body: `${IS_NAN}
let inside = v >= bitcast<f32>(params.low) && v <= bitcast<f32>(params.high);
y[i] = select(select(0.0, dy[i], inside), v, is_nan);`,
  }),
  software: ({ low, high }, v, dy) => Number.isNaN(v) ? v : v < low || v > high ? 0 : dy,
  gradient: ({ inputs: [x], attrs: { low, high } }, [g], wanted) => [
    undefined,
    wanted[1] ? clampGradient(x!, g!, low, high) : undefined,
  ],
  flops: 2,
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

/** The nearest integer; of two equally near ones the even one. */
function nearestEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + Math.abs(floor % 2) : Math.round(value);
}

/** Definition of `roundStraight`. */
export const roundStraightOp: Op<None> = pointwise({
  name: "roundStraight",
  inputs: ["x"],
  kernel: "y[i] = round(x[i]);",
  software: (_, v) => nearestEven(v),
  // The derivative is 0 almost everywhere and of no use; that of the straight line through the steps is 1.
  gradient: (_call, [dy]) => [dy],
  examples: [
    { inputs: [[2, 5, 7, 3]], attrs: {} },
    { inputs: [hostTensor(Float32Array.of(-2.5, -1.5, -0.5, -0.2, 0.5, 1.5, 2.5, 2.6, 1e7), [9])], attrs: {} },
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
