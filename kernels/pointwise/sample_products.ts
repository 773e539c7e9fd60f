/** Arithmetic of iterative solvers on batches: inner products and steps whose length every sample has for itself. */
import {
  defineOp,
  type Dispatch,
  elementCount,
  type HostTensor,
  hostTensor,
  type Op,
  type OpDef,
  sameShape,
  type Shape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { byName, f32, floatBits, movedBytes, requireF32, requireFit, requireValues } from "../operands.ts";
import { rowKernel } from "../text/reduction.ts";
import { fill, mul } from "./elementwise.ts";
import { reciprocalOrZero } from "./functions.ts";
import { type None, pointwise, shapes } from "./pointwise.ts";

/** Invocations of the workgroup that sums one sample. */
const SIZE = 256;

/** Definition of the sums of products over samples: of two operands, or the root of that of one with itself. */
function defineSum(
  name: string,
  names: readonly [string, string?],
  gradient: NonNullable<OpDef<None>["vjp"]>,
): Op<None> {
  const [a, b = a] = names;
  const root = a === b;
  return defineOp<None>({
    name,
    infer(inputs): readonly TensorType[] {
      requireF32(name, inputs, root ? [a] : [a, b]);
      const [{ shape }, other = inputs[0]!] = inputs as readonly [TensorType, TensorType?];
      const fits = shape.length > 0 && sameShape(shape, other.shape);
      requireFit(name, byName([a, b], inputs), fits, "one shape [N, ...] is needed");
      return [f32(shape.slice(0, 1))];
    },
    reference({ outputs: [y] }, [left, right = left]): readonly Float32Array[] {
      const samples = elementCount(y!.shape);
      const size = left!.length / samples;
      return [
        Float32Array.from({ length: samples }, (_, n) => {
          let sum = 0;
          for (let i = n * size; i < (n + 1) * size; i++) sum += left![i]! * right![i]!;
          return root ? Math.sqrt(sum) : sum;
        }),
      ];
    },
    lower({ inputs, outputs: [y] }, target): readonly Dispatch[] {
      const rows = y!.shape[0]!;
      return [
        rowKernel(name, target, {
          read: byName([a, b], inputs),
          write: { y: y! },
          rows,
          width: elementCount(inputs[0]!.shape) / rows,
          size: SIZE,
          body: ({ reduced }) =>
            `${reduced("sum", `${a}[base + c] * ${b}[base + c]`)}
if (lane == 0u && row < params.rows) { y[row] = ${root ? "sqrt(sum)" : "sum"}; }`,
        }),
      ];
    },
    vjp: gradient,
    cost: (call) => ({ flops: 2 * elementCount(call.inputs[0]!.shape), bytes: movedBytes(call) }),
    examples: root ? shapes([[3, 5, 7, 3]], [[2, 1031]]) : shapes([[3, 5, 7, 3], [3, 5, 7, 3]], [[2, 1031], [2, 1031]]),
  });
}

/** Definition of `sampleDot`. */
export const sampleDotOp: Op<None> = defineSum("sampleDot", ["a", "b"], ({ inputs: [a, b] }, [dy], wanted) => [
  wanted[0] ? scaleSamples(b!, dy!) : undefined,
  wanted[1] ? scaleSamples(a!, dy!) : undefined,
]);

/**
 * The inner product of every sample: y[n] = sum over i of a[n, i] b[n, i].
 * @param a [N, ...], f32
 * @param b the same shape
 * @returns [N]
 * @throws {TypeError} if the shapes differ
 */
export function sampleDot(a: Tensor, b: Tensor): Tensor {
  return sampleDotOp([a, b], {})[0]!;
}

/** Definition of `sampleNorm`. */
export const sampleNormOp: Op<None> = defineSum("sampleNorm", ["x"], ({ inputs: [x], outputs: [y] }, [dy]) => [
  scaleSamples(x!, mul(dy!, reciprocalOrZero(y!))),
]);

/**
 * The length of every sample, as a loss of samplers: y[n] = sqrt(sum over i of x[n, i]^2). Its gradient x / y is 0 where
 * the sample is 0.
 * @param x [N, ...], f32
 * @returns [N]
 * @throws {TypeError} if x is a single number
 */
export function sampleNorm(x: Tensor): Tensor {
  return sampleNormOp([x], {})[0]!;
}

/**
 * The sum of every sample: y[n] = sum over i of x[n, i].
 * @param x [N, ...], f32
 * @returns [N]
 * @throws {TypeError} if x is a single number
 */
export function sampleSum(x: Tensor): Tensor {
  return sampleDot(x, fill(x.shape, 1));
}

/**
 * The sum of the squares of every sample: y[n] = sum over i of x[n, i]^2.
 * @param x [N, ...], f32
 * @returns [N]
 * @throws {TypeError} if x is a single number
 */
export function sampleSquares(x: Tensor): Tensor {
  return sampleDot(x, x);
}

/** Definition of `scaleSamples`. */
export const scaleSamplesOp: Op<None> = pointwise({
  name: "scaleSamples",
  inputs: ["x", "factors"],
  shape([x, factors]): Shape {
    const fits = x!.shape.length > 0 && sameShape(factors!.shape, [x!.shape[0]!]);
    requireFit("scaleSamples", { x, factors }, fits, "[N, ...] and [N] are needed");
    return x!.shape;
  },
  kernel: ({ inputs: [x] }) => ({
    params: { size: elementCount(x!.shape) / x!.shape[0]! },
    body: "y[i] = x[i] * factors[i / params.size];",
  }),
  software: {
    reference(_call, [x, factors]): readonly Float32Array[] {
      const size = x!.length / factors!.length;
      return [x!.map((value, i) => value * factors![Math.floor(i / size)]!)];
    },
  },
  gradient: ({ inputs: [x, factors] }, [dy], wanted) => [
    wanted[0] ? scaleSamples(dy!, factors!) : undefined,
    wanted[1] ? sampleDot(dy!, x!) : undefined,
  ],
  examples: shapes([[3, 5, 7, 2], [3]], [[131], [131]]),
});

/**
 * Every sample times a number of its own: y[n, i] = factors[n] x[n, i].
 * @param x [N, ...], f32
 * @param factors [N], f32
 * @returns [N, ...]
 * @throws {TypeError} if the shapes do not fit
 */
export function scaleSamples(x: Tensor, factors: Tensor): Tensor {
  return scaleSamplesOp([x, factors], {})[0]!;
}

/** Attributes of `addRatioOp`. */
export interface AddRatioAttrs {
  /** 1 or -1. */
  readonly sign: 1 | -1;
  /** Numerators up to this count as 0. */
  readonly floor: number;
}

/** Numerators and denominators of the examples, and their attributes. */
const RATIOS = [
  { inputs: [vector(0.5, 1e-12, 2), vector(-0.75, 0, 3)], attrs: { sign: 1, floor: 1e-10 } },
  { inputs: [vector(0, 1.5), vector(0, 0.5)], attrs: { sign: -1, floor: 0 } },
] as const;

function vector(...values: readonly number[]): HostTensor {
  return hostTensor(Float32Array.from(values), [values.length]);
}

/**
 * Definition of `ratioSlopes`: of numerators and denominators [N] the signed ratio of `addRatio` and its derivatives by
 * both, [N] each; all 0 where the numerator is at most `floor`.
 */
export const ratioSlopesOp: Op<AddRatioAttrs> = pointwise<AddRatioAttrs>({
  name: "ratioSlopes",
  inputs: ["numerator", "denominator"],
  outputs: ["ratio", "up", "down"],
  kernel: ({ attrs: { sign, floor } }) => ({
    params: { sign: floatBits(sign), floor: floatBits(floor) },
    body: `let top = numerator[i];
var slope = 0.0;
var quotient = 0.0;
if (top > bitcast<f32>(params.floor)) {
  slope = bitcast<f32>(params.sign) / denominator[i];
  quotient = top / denominator[i];
}
ratio[i] = slope * top;
up[i] = slope;
down[i] = -slope * quotient;`,
  }),
  software: {
    reference({ attrs: { sign, floor } }, [numerator, denominator]): readonly Float32Array[] {
      const each = (value: (top: number, bottom: number) => number): Float32Array =>
        numerator!.map((top, n) => top > Math.fround(floor) ? sign * value(top, denominator![n]!) : 0);
      return [
        each((top, bottom) => top / bottom),
        each((_, bottom) => 1 / bottom),
        each((top, bottom) => -top / bottom ** 2),
      ];
    },
  },
  flops: 4,
  examples: RATIOS,
});

/** Definition of `addRatio`. */
export const addRatioOp: Op<AddRatioAttrs> = pointwise<AddRatioAttrs>({
  name: "addRatio",
  inputs: ["x", "direction", "numerator", "denominator"],
  shape([x, direction, numerator, denominator], { floor }): Shape {
    const ratio = [x!.shape[0] ?? 0];
    const fits = sameShape(x!.shape, direction!.shape) && sameShape(numerator!.shape, ratio) &&
      sameShape(denominator!.shape, ratio);
    const operands = { x, direction, numerator, denominator };
    requireFit("addRatio", operands, fits, "[N, ...] twice and [N] twice are needed");
    requireValues("addRatio", { floor }, floor >= 0 && Number.isFinite(floor), "a number of at least 0 is needed");
    return x!.shape;
  },
  kernel: ({ inputs: [x], attrs: { sign, floor } }) => ({
    params: { size: elementCount(x!.shape) / x!.shape[0]!, sign: floatBits(sign), floor: floatBits(floor) },
    body: `let sample = i / params.size;
let top = numerator[sample];
var ratio = 0.0;
if (top > bitcast<f32>(params.floor)) { ratio = bitcast<f32>(params.sign) * top / denominator[sample]; }
y[i] = x[i] + ratio * direction[i];`,
  }),
  software: {
    reference({ attrs: { sign, floor } }, [x, direction, numerator, denominator]): readonly Float32Array[] {
      const size = x!.length / numerator!.length;
      const ratios = numerator!.map((top, n) => top > Math.fround(floor) ? sign * top / denominator![n]! : 0);
      return [x!.map((value, i) => value + ratios[Math.floor(i / size)]! * direction![i]!)];
    },
  },
  gradient({ inputs: [, direction, numerator, denominator], attrs }, [dy], wanted): readonly (Tensor | undefined)[] {
    const [ratio, ofNumerator, ofDenominator] = ratioSlopesOp([numerator!, denominator!], attrs);
    const along = wanted[2] || wanted[3] ? sampleDot(dy!, direction!) : undefined;
    return [
      dy,
      wanted[1] ? scaleSamples(dy!, ratio!) : undefined,
      wanted[2] ? scaleSamples(along!, ofNumerator!) : undefined,
      wanted[3] ? scaleSamples(along!, ofDenominator!) : undefined,
    ];
  },
  flops: 2,
  examples: RATIOS.map(({ inputs, attrs }, index) => {
    const shape = [[3, 5, 7, 2], [2, 67]][index]!;
    return { inputs: [shape, shape, ...inputs], attrs };
  }),
});

/**
 * A step of its own length for every sample: x + sign (numerator/denominator) direction, and x where the numerator is
 * at most `floor`, which ends the iteration of that sample and spares it a division of nothing by nothing.
 * @param terms.x [N, ...], f32
 * @param terms.direction the same shape
 * @param terms.numerator [N]
 * @param terms.denominator [N]
 * @returns [N, ...]
 * @throws {TypeError} if the shapes do not fit
 * @throws {RangeError} if floor is negative or not finite
 */
export function addRatio(
  terms: {
    readonly x: Tensor;
    readonly direction: Tensor;
    readonly numerator: Tensor;
    readonly denominator: Tensor;
  },
  attrs: AddRatioAttrs,
): Tensor {
  return addRatioOp([terms.x, terms.direction, terms.numerator, terms.denominator], attrs)[0]!;
}
