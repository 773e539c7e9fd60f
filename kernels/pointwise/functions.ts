/** Functions of one number, element by element: powers of e, square roots and reciprocals. */
import { type HostTensor, hostTensor, type Op, type Tensor } from "../../engine/mod.ts";
import { mul, weightedSum } from "./elementwise.ts";
import { type None, pointwise } from "./pointwise.ts";

/** Positive numbers for the examples, and for `reciprocal` some negative ones. */
function awayFromZero(count: number, alternating: boolean): HostTensor {
  const data = Float32Array.from({ length: count }, (_, i) => {
    const size = 0.3 + (i * 389 % 1021) / 700;
    return alternating && i % 3 === 1 ? -size : size;
  });
  return hostTensor(data, [count]);
}

function defineFunction(
  name: string,
  { wgsl, value, slope, examples }: {
    /** The value at `v` in WGSL. */
    readonly wgsl: string;
    readonly value: (v: number) => number;
    /** The cotangent of x from that of y, and y. */
    readonly slope: (y: Tensor, dy: Tensor) => Tensor;
    readonly examples: readonly HostTensor[];
  },
): Op<None> {
  return pointwise({
    name,
    inputs: ["x"],
    kernel: `let v = x[i];\ny[i] = ${wgsl};`,
    software: (_, v) => value(v),
    gradient: ({ outputs: [y] }, [dy]) => [slope(y!, dy!)],
    examples: examples.map((given) => ({ inputs: [given], attrs: {} })),
  });
}

/** Definition of `exp`. */
export const expOp: Op<None> = defineFunction("exp", {
  wgsl: "exp(v)",
  value: Math.exp,
  slope: (y, dy) => mul(dy, y),
  examples: [awayFromZero(67, true), awayFromZero(131, false)],
});

/**
 * The power of e: exp(x).
 * @param x any shape, f32
 * @returns the same shape
 */
export function exp(x: Tensor): Tensor {
  return expOp([x], {})[0]!;
}

/** Definition of `sqrt`. */
export const sqrtOp: Op<None> = defineFunction("sqrt", {
  wgsl: "sqrt(v)",
  value: Math.sqrt,
  slope: (y, dy) => weightedSum([[0.5, mul(dy, reciprocalOrZero(y))]]),
  examples: [awayFromZero(67, false), awayFromZero(131, false)],
});

/**
 * The square root; its gradient counts as 0 at 0.
 * @param x any shape, f32, not negative
 * @returns the same shape
 */
export function sqrt(x: Tensor): Tensor {
  return sqrtOp([x], {})[0]!;
}

/** Definition of `reciprocal`. */
export const reciprocalOp: Op<None> = defineFunction("reciprocal", {
  wgsl: "1.0 / v",
  value: (v) => 1 / v,
  slope: (y, dy) => weightedSum([[-1, mul(dy, mul(y, y))]]),
  examples: [awayFromZero(67, true), awayFromZero(131, true)],
});

/**
 * The reciprocal 1 / x.
 * @param x any shape, f32, not 0
 * @returns the same shape
 */
export function reciprocal(x: Tensor): Tensor {
  return reciprocalOp([x], {})[0]!;
}

/** Definition of `reciprocalOrZero`. */
export const reciprocalOrZeroOp: Op<None> = defineFunction("reciprocalOrZero", {
  wgsl: "select(1.0 / v, 0.0, v == 0.0)",
  value: (v) => v === 0 ? 0 : 1 / v,
  slope: (y, dy) => weightedSum([[-1, mul(dy, mul(y, y))]]),
  examples: [awayFromZero(67, true), hostTensor(Float32Array.of(0.5, -2, 1.5), [3, 1])],
});

/**
 * The reciprocal 1 / x, and 0 where x is 0.
 * @param x any shape, f32
 * @returns the same shape
 */
export function reciprocalOrZero(x: Tensor): Tensor {
  return reciprocalOrZeroOp([x], {})[0]!;
}
