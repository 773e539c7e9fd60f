/** Arithmetic of iterative solvers on batches: inner products and steps whose length every sample has for itself. */
import {
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  type Op,
  sameShape,
  type Target,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { floatBits, movedBytes, requireF32 } from "../operands.ts";
import { elementwise, flatGrid, kernel } from "../text/wgsl.ts";
import { mul } from "./elementwise.ts";
import { fill } from "./fill.ts";
import { reciprocalOrZero } from "./functions.ts";

/** Invocations of the workgroup that sums one sample. */
const SIZE = 256;

/**
 * The sum of the products of a and b, or the root of the sum of the squares of x, for every sample.
 * Mapping: a workgroup sums one sample, an invocation every 256th product; a fixed tree adds the 256 sums. 1,024 bytes of
 * shared memory.
 */
function sumKernel(
  label: string,
  read: { readonly a: Tensor; readonly b: Tensor } | { readonly x: Tensor },
  y: Tensor,
  target: Target,
): Dispatch {
  const first = "x" in read ? read.x : read.a;
  const samples = first.shape[0]!;
  return kernel({
    label,
    read: { ...read },
    write: { y },
    params: { samples, size: elementCount(first.shape) / samples },
    workgroupSize: SIZE,
    workgroups: flatGrid(samples, target),
    declarations: `var<workgroup> sums: array<f32, ${SIZE}>;`,
    body: `let sample = group.y * groups.x + group.x;
if (sample >= params.samples) { return; }
let base = sample * params.size;
var sum = 0.0;
for (var i = lane; i < params.size; i += ${SIZE}u) {
  sum += ${"x" in read ? "x[base + i] * x[base + i]" : "a[base + i] * b[base + i]"};
}
sums[lane] = sum;
workgroupBarrier();
for (var half = ${SIZE / 2}u; half > 0u; half = half >> 1u) {
  if (lane < half) { sums[lane] += sums[lane + half]; }
  workgroupBarrier();
}
if (lane == 0u) { y[sample] = ${"x" in read ? "sqrt(sums[0])" : "sums[0]"}; }`,
  });
}

/** Definition of `sampleDot`. */
export const sampleDotOp: Op<Record<string, never>> = defineOp<Record<string, never>>({
  name: "sampleDot",
  infer(inputs): readonly TensorType[] {
    requireF32("sampleDot", inputs, ["a", "b"]);
    const [a, b] = [inputs[0]!, inputs[1]!];
    if (a.shape.length === 0 || !sameShape(a.shape, b.shape)) {
      throw new TypeError(
        `Cannot build sampleDot: a has shape ${formatShape(a.shape)}, b has ${formatShape(b.shape)}, ` +
          `one shape [N, ...] is needed`,
      );
    }
    return [{ shape: [a.shape[0]!], dtype: "f32" }];
  },
  reference({ inputs }, [a, b]): readonly Float32Array[] {
    const samples = inputs[0]!.shape[0]!;
    const size = a!.length / samples;
    return [
      Float32Array.from({ length: samples }, (_, n) => {
        let sum = 0;
        for (let i = n * size; i < (n + 1) * size; i++) sum += a![i]! * b![i]!;
        return sum;
      }),
    ];
  },
  lower({ inputs, outputs }, target): readonly Dispatch[] {
    return [sumKernel("sampleDot", { a: inputs[0]!, b: inputs[1]! }, outputs[0]!, target)];
  },
  vjp: ({ inputs: [a, b] }, [dy], wanted) => [
    wanted[0] ? scaleSamples(b!, dy!) : undefined,
    wanted[1] ? scaleSamples(a!, dy!) : undefined,
  ],
  cost: (call) => ({ flops: 2 * elementCount(call.inputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[3, 5, 7, 3], [3, 5, 7, 3]], attrs: {} },
    { inputs: [[2, 1031], [2, 1031]], attrs: {} },
  ],
});

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

/** Definition of `scaleSamples`. */
export const scaleSamplesOp: Op<Record<string, never>> = defineOp<Record<string, never>>({
  name: "scaleSamples",
  infer(inputs): readonly TensorType[] {
    requireF32("scaleSamples", inputs, ["x", "factors"]);
    const [x, factors] = [inputs[0]!, inputs[1]!];
    if (x.shape.length === 0 || !sameShape(factors.shape, [x.shape[0]!])) {
      throw new TypeError(
        `Cannot build scaleSamples: x has shape ${formatShape(x.shape)}, factors has ${formatShape(factors.shape)}, ` +
          `[N, ...] and [N] are needed`,
      );
    }
    return [{ shape: x.shape, dtype: "f32" }];
  },
  reference(_call, [x, factors]): readonly Float32Array[] {
    const size = x!.length / factors!.length;
    return [x!.map((value, i) => value * factors![Math.floor(i / size)]!)];
  },
  lower: ({ inputs: [x, factors], outputs: [y] }, target) => [
    elementwise("scaleSamples", target, {
      read: { x: x!, factors: factors! },
      write: { y: y! },
      params: { size: elementCount(x!.shape) / x!.shape[0]! },
      body: "y[i] = x[i] * factors[i / params.size];",
    }),
  ],
  vjp: ({ inputs: [x, factors] }, [dy], wanted) => [
    wanted[0] ? scaleSamples(dy!, factors!) : undefined,
    wanted[1] ? sampleDot(dy!, x!) : undefined,
  ],
  cost: (call) => ({ flops: elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[3, 5, 7, 2], [3]], attrs: {} },
    { inputs: [[131], [131]], attrs: {} },
  ],
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

/**
 * Definition of `ratioSlopes`: of numerators and denominators [N] the signed ratio of `addRatio` and its derivatives by
 * both, [N] each; all 0 where the numerator is at most `floor`.
 */
export const ratioSlopesOp: Op<AddRatioAttrs> = defineOp<AddRatioAttrs>({
  name: "ratioSlopes",
  infer(inputs): readonly TensorType[] {
    requireF32("ratioSlopes", inputs, ["numerator", "denominator"]);
    const [a, b] = [inputs[0]!, inputs[1]!];
    if (!sameShape(a.shape, b.shape)) {
      throw new TypeError(
        `Cannot build ratioSlopes: numerator has shape ${formatShape(a.shape)}, denominator has ` +
          `${formatShape(b.shape)}, one shape is needed`,
      );
    }
    return [0, 1, 2].map(() => ({ shape: a.shape, dtype: "f32" as const }));
  },
  reference({ attrs: { sign, floor } }, [numerator, denominator]): readonly Float32Array[] {
    const each = (value: (top: number, bottom: number) => number): Float32Array =>
      numerator!.map((top, n) => top > Math.fround(floor) ? sign * value(top, denominator![n]!) : 0);
    return [
      each((top, bottom) => top / bottom),
      each((_, bottom) => 1 / bottom),
      each((top, bottom) => -top / bottom ** 2),
    ];
  },
  lower: ({ inputs: [numerator, denominator], outputs: [ratio, up, down], attrs: { sign, floor } }, target) => [
    elementwise("ratioSlopes", target, {
      read: { numerator: numerator!, denominator: denominator! },
      write: { ratio: ratio!, up: up!, down: down! },
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
  ],
  cost: (call) => ({ flops: 4 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    {
      inputs: [
        { shape: [3], dtype: "f32", data: Float32Array.of(0.5, 1e-12, 2) },
        { shape: [3], dtype: "f32", data: Float32Array.of(-0.75, 0, 3) },
      ],
      attrs: { sign: 1, floor: 1e-10 },
    },
    {
      inputs: [
        { shape: [2], dtype: "f32", data: Float32Array.of(0, 1.5) },
        { shape: [2], dtype: "f32", data: Float32Array.of(0, 0.5) },
      ],
      attrs: { sign: -1, floor: 0 },
    },
  ],
});

/** Definition of `addRatio`. */
export const addRatioOp: Op<AddRatioAttrs> = defineOp<AddRatioAttrs>({
  name: "addRatio",
  infer(inputs, { floor }): readonly TensorType[] {
    requireF32("addRatio", inputs, ["x", "direction", "numerator", "denominator"]);
    const [x, direction, numerator, denominator] = inputs as readonly [TensorType, TensorType, TensorType, TensorType];
    const ratio = [x.shape[0] ?? 0];
    const fits = sameShape(x.shape, direction.shape) && sameShape(numerator.shape, ratio) &&
      sameShape(denominator.shape, ratio);
    if (!fits) {
      throw new TypeError(
        `Cannot build addRatio: the shapes are ${inputs.map(({ shape }) => formatShape(shape)).join(", ")}, ` +
          `[N, ...] twice and [N] twice are needed`,
      );
    }
    if (!(floor >= 0 && Number.isFinite(floor))) {
      throw new RangeError(`Cannot build addRatio: floor is ${floor}, a number of at least 0 is needed`);
    }
    return [{ shape: x.shape, dtype: "f32" }];
  },
  reference({ attrs: { sign, floor } }, [x, direction, numerator, denominator]): readonly Float32Array[] {
    const size = x!.length / numerator!.length;
    const ratios = numerator!.map((top, n) => top > Math.fround(floor) ? sign * top / denominator![n]! : 0);
    return [x!.map((value, i) => value + ratios[Math.floor(i / size)]! * direction![i]!)];
  },
  lower({ inputs, outputs, attrs: { sign, floor } }, target): readonly Dispatch[] {
    const [x, direction, numerator, denominator] = inputs as readonly [Tensor, Tensor, Tensor, Tensor];
    return [
      elementwise("addRatio", target, {
        read: { x, direction, numerator, denominator },
        write: { y: outputs[0]! },
        params: { size: elementCount(x.shape) / x.shape[0]!, sign: floatBits(sign), floor: floatBits(floor) },
        body: `let sample = i / params.size;
let top = numerator[sample];
var ratio = 0.0;
if (top > bitcast<f32>(params.floor)) { ratio = bitcast<f32>(params.sign) * top / denominator[sample]; }
y[i] = x[i] + ratio * direction[i];`,
      }),
    ];
  },
  vjp({ inputs: [, direction, numerator, denominator], attrs }, [dy], wanted): readonly (Tensor | undefined)[] {
    const [ratio, ofNumerator, ofDenominator] = ratioSlopesOp([numerator!, denominator!], attrs);
    const along = wanted[2] || wanted[3] ? sampleDot(dy!, direction!) : undefined;
    return [
      dy,
      wanted[1] ? scaleSamples(dy!, ratio!) : undefined,
      wanted[2] ? scaleSamples(along!, ofNumerator!) : undefined,
      wanted[3] ? scaleSamples(along!, ofDenominator!) : undefined,
    ];
  },
  cost: (call) => ({ flops: 2 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    {
      inputs: [
        [3, 5, 7, 2],
        [3, 5, 7, 2],
        { shape: [3], dtype: "f32", data: Float32Array.of(0.5, 1e-12, 2) },
        { shape: [3], dtype: "f32", data: Float32Array.of(-0.75, 0, 3) },
      ],
      attrs: { sign: 1, floor: 1e-10 },
    },
    {
      inputs: [
        [2, 67],
        [2, 67],
        { shape: [2], dtype: "f32", data: Float32Array.of(0, 1.5) },
        { shape: [2], dtype: "f32", data: Float32Array.of(0, 0.5) },
      ],
      attrs: { sign: -1, floor: 0 },
    },
  ],
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

/** Definition of `sampleNorm`. */
export const sampleNormOp: Op<Record<string, never>> = defineOp<Record<string, never>>({
  name: "sampleNorm",
  infer(inputs): readonly TensorType[] {
    requireF32("sampleNorm", inputs, ["x"]);
    const { shape } = inputs[0]!;
    if (shape.length === 0) throw new TypeError("Cannot build sampleNorm: x has shape [], [N, ...] is needed");
    return [{ shape: [shape[0]!], dtype: "f32" }];
  },
  reference({ inputs }, [x]): readonly Float32Array[] {
    const samples = inputs[0]!.shape[0]!;
    const size = x!.length / samples;
    return [
      Float32Array.from({ length: samples }, (_, n) => {
        let sum = 0;
        for (let i = n * size; i < (n + 1) * size; i++) sum += x![i]! ** 2;
        return Math.sqrt(sum);
      }),
    ];
  },
  lower: ({ inputs, outputs }, target) => [sumKernel("sampleNorm", { x: inputs[0]! }, outputs[0]!, target)],
  vjp: ({ inputs: [x], outputs: [y] }, [dy]) => [scaleSamples(x!, mul(dy!, reciprocalOrZero(y!)))],
  cost: (call) => ({ flops: 2 * elementCount(call.inputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[3, 5, 7, 3]], attrs: {} },
    { inputs: [[2, 1031]], attrs: {} },
  ],
});

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
