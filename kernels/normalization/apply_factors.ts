/** The factors of a group norm on their own: what kernels apply while loading, for the cotangents of what they load. */
import {
  defineOp,
  type Dispatch,
  elementCount,
  type Op,
  sameShape,
  type Shape,
  type Target,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { f32, movedBytes, requireF32, requireFit, requireOneShape } from "../operands.ts";
import { SILU_WGSL } from "../pointwise/activations.ts";
import { type None, pointwise, type PointwiseKernel, shapes } from "../pointwise/pointwise.ts";
import { treeReduction } from "../text/reduction.ts";
import { elementwise, flatGrid, kernel, type KernelSource } from "../text/wgsl.ts";

/** Images, rows of an image and channels of [N, ..., C]. */
interface Rows {
  readonly images: number;
  readonly rows: number;
  readonly channels: number;
}

function rowsOf({ shape }: TensorType): Rows {
  const [images, channels] = [shape[0]!, shape.at(-1)!];
  return { images, rows: elementCount(shape) / (images * channels), channels };
}

function checkFactors(op: string, x: TensorType, factors: TensorType): void {
  const fits = x.shape.length >= 2 && sameShape(factors.shape, [3, x.shape[0]!, x.shape.at(-1)!]);
  requireFit(op, { x, factors }, fits, "[N, ..., C] and [3, N, C] are needed");
}

/** Where the origin of element i of x stands among the factors. */
function factorAt(i: number, { rows, channels }: Rows): number {
  return Math.floor(i / (rows * channels)) * channels + i % channels;
}

/** WGSL of the same: `at`, and the distance `plane` between origins, factors and summands. */
const FACTOR_AT = `let at = i / (params.rows * params.channels) * params.channels + i % params.channels;
let plane = params.images * params.channels;`;

/** Rows that one invocation normalises: its factors are loaded once for all of them. */
const STRIP = 16;

/**
 * (x - o) f + g with the factors of each channel, followed by SiLU if asked for.
 * Mapping: an invocation takes one channel of 16 consecutive rows; neighbouring invocations take neighbouring channels.
 */
export function factorsApplied(x: TensorType, silu: boolean): PointwiseKernel {
  const { images, rows, channels } = rowsOf(x);
  const strips = Math.ceil(rows / STRIP);
  return {
    ...(silu ? { label: "applyFactors.silu", declarations: SILU_WGSL } : {}),
    count: images * strips * channels,
    params: { rows, channels, strips, outputs: images * channels },
    body: `let strip = i / params.channels;
let c = i - strip * params.channels;
let image = strip / params.strips;
let first = (strip - image * params.strips) * ${STRIP}u + image * params.rows;
let end = min(first + ${STRIP}u, (image + 1u) * params.rows);
let factor = image * params.channels + c;
let origin = factors[factor];
let a = factors[params.outputs + factor];
let b = factors[2u * params.outputs + factor];
for (var row = first; row < end; row += 1u) {
  let at = row * params.channels + c;
  let v = fma(x[at] - origin, a, b);
  y[at] = ${silu ? "silu(v)" : "v"};
}`,
  };
}

/** Definition of `applyFactors`. */
export const applyFactorsOp: Op<None> = pointwise({
  name: "applyFactors",
  inputs: ["x", "factors"],
  shape([x, factors]): Shape {
    checkFactors("applyFactors", x!, factors!);
    return x!.shape;
  },
  kernel: ({ inputs: [x] }) => factorsApplied(x!, false),
  software: {
    reference({ inputs }, [x, factors]): readonly Float32Array[] {
      const rows = rowsOf(inputs[0]!);
      const plane = rows.images * rows.channels;
      return [
        x!.map((value, i) => {
          const at = factorAt(i, rows);
          return (value - factors![at]!) * factors![plane + at]! + factors![2 * plane + at]!;
        }),
      ];
    },
  },
  gradient: ({ inputs: [x, factors] }, [dy]) => applyFactorsGradient(x!, factors!, dy!),
  flops: 3,
  examples: shapes([[2, 19, 7], [3, 2, 7]], [[1, 5, 3, 33], [3, 1, 33]]),
});

/**
 * An image normalised by factors of its channels: y = (x - o) f + g.
 * @param x [N, ..., C], f32
 * @param factors [3, N, C]: origin o and factors f, g of each image and channel; see `groupNormFactors`
 * @returns the shape of x
 * @throws {TypeError} if the shapes do not fit
 */
export function applyFactors(x: Tensor, factors: Tensor): Tensor {
  return applyFactorsOp([x, factors], {})[0]!;
}

/** Channels of a workgroup that sums over rows, and how many rows it takes at once. */
const [SUM_CHANNELS, SUM_ROWS] = [16, 8];

/** Definition of `applyFactorsGradient`; its results are the cotangents of x and of the factors. */
export const applyFactorsGradientOp: Op<None> = defineOp<None>({
  name: "applyFactorsGradient",
  infer(inputs): readonly TensorType[] {
    requireF32("applyFactorsGradient", inputs, ["x", "factors", "dy"]);
    const [x, factors, dy] = inputs as readonly [TensorType, TensorType, TensorType];
    checkFactors("applyFactorsGradient", x, factors);
    requireOneShape("applyFactorsGradient", { x, dy });
    return [f32(x.shape), f32(factors.shape)];
  },
  reference({ inputs }, [x, factors, dy]): readonly Float32Array[] {
    const rows = rowsOf(inputs[0]!);
    const plane = rows.images * rows.channels;
    const dx = dy!.map((value, i) => value * factors![plane + factorAt(i, rows)]!);
    const sums = new Float64Array(3 * plane);
    for (const [i, value] of dy!.entries()) {
      const at = factorAt(i, rows);
      sums[at]! -= value * factors![plane + at]!;
      sums[plane + at]! += value * (x![i]! - factors![at]!);
      sums[2 * plane + at]! += value;
    }
    return [dx, Float32Array.from(sums)];
  },
  lower: ({ inputs: [x, factors, dy], outputs: [dx, dFactors] }, target) => [
    elementwise("applyFactorsGradient.x", target, {
      read: { factors: factors!, dy: dy! },
      write: { dx: dx! },
      params: { ...rowsOf(x!) },
      body: `${FACTOR_AT}
dx[i] = dy[i] * factors[plane + at];`,
    }),
    factorSums("applyFactorsGradient.factors", target, {
      read: { x: x!, factors: factors!, dy: dy! },
      write: { dFactors: dFactors! },
      sizes: rowsOf(x!),
      together: SUM_ROWS,
      begin: "let origin = factors[image * params.channels + channel];",
      term: "dy[at] * vec2f(1.0, x[at] - origin)",
    }),
  ],
  cost: (call) => ({ flops: 5 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: shapes([[2, 19, 7], [3, 2, 7], [2, 19, 7]], [[1, 5, 3, 33], [3, 1, 33], [1, 5, 3, 33]]),
});

/** What is summed over the rows of an image; see `factorSums`. */
interface FactorSums extends Pick<KernelSource, "read" | "write"> {
  readonly sizes: Rows;
  /** Rows that a workgroup takes at once, a power of two; 1: an invocation takes a channel by itself. */
  readonly together: number;
  /** Lines that come before the loop over rows. */
  readonly begin?: string;
  /** Expression of dv and dv (x - o) of element `at`. */
  readonly term: string;
}

/**
 * The cotangents of factors, `dFactors`: do = -a sum dv, da = sum dv (x - o) and db = sum dv. Mapping: a workgroup takes
 * 16 channels of an image, several rows at a time, and adds their sums in a fixed tree; 8 bytes of shared memory for each
 * invocation.
 */
export function factorSums(
  label: string,
  target: Target,
  { read, write, sizes, together, begin = "", term }: FactorSums,
): Dispatch {
  const { images, rows, channels } = sizes;
  const blocks = Math.ceil(channels / SUM_CHANNELS);
  const size = SUM_CHANNELS * together;
  return kernel({
    label,
    read,
    write,
    params: { images, rows, channels, blocks },
    workgroupSize: size,
    workgroups: flatGrid(images * blocks, target),
    ...(together > 1 ? { declarations: `var<workgroup> shared_sums: array<vec2f, ${size}>;` } : {}),
    body: `let index = group.y * groups.x + group.x;
if (index >= params.images * params.blocks) { return; }
let image = index / params.blocks;
let own = (index - image * params.blocks) * ${SUM_CHANNELS}u + lane % ${SUM_CHANNELS}u;
let channel = min(own, params.channels - 1u);
${begin}
var sum = vec2f();
for (var row = lane / ${SUM_CHANNELS}u; row < params.rows; row += ${together}u) {
  let at = (image * params.rows + row) * params.channels + channel;
  sum += ${term};
}
${
      together > 1
        ? `shared_sums[lane] = sum;\n${
          treeReduction("shared_sums", size, { results: SUM_CHANNELS })
        }\nsum = shared_sums[lane];`
        : ""
    }
if (lane < ${SUM_CHANNELS}u && own < params.channels) {
  let plane = params.images * params.channels;
  let to = image * params.channels + channel;
  dFactors[to] = -factors[plane + to] * sum.x;
  dFactors[plane + to] = sum.y;
  dFactors[2u * plane + to] = sum.x;
}`,
  });
}

/**
 * The cotangents of `applyFactors`: f dy of x, and of the factors the sums over the rows of each image of -f dy,
 * (x - o) dy and dy.
 * @param x [N, ..., C], f32
 * @param factors [3, N, C]
 * @param dy the shape of x
 * @returns cotangents of x and of the factors, of their shapes
 * @throws {TypeError} if the shapes do not fit
 */
export function applyFactorsGradient(x: Tensor, factors: Tensor, dy: Tensor): readonly [Tensor, Tensor] {
  return applyFactorsGradientOp([x, factors, dy], {}) as readonly [Tensor, Tensor];
}
