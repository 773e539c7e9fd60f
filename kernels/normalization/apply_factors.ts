/** The factors of a group norm on their own: what kernels apply while loading, for the cotangents of what they load. */
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
import { movedBytes, requireF32 } from "../operands.ts";
import { elementwise, flatGrid, kernel } from "../text/wgsl.ts";

type None = Record<string, never>;

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
  const { images, channels } = x.shape.length < 2 ? { images: 0, channels: 0 } : rowsOf(x);
  if (images > 0 && sameShape(factors.shape, [3, images, channels])) return;
  throw new TypeError(
    `Cannot build ${op}: x has shape ${formatShape(x.shape)} and the factors ${formatShape(factors.shape)}, ` +
      "[N, ..., C] and [3, N, C] are needed",
  );
}

/** Where the origin of element i of x stands among the factors. */
function factorAt(i: number, { rows, channels }: Rows): number {
  return Math.floor(i / (rows * channels)) * channels + i % channels;
}

/** WGSL of the same: `at`, and the distance `plane` between origins, factors and summands. */
const FACTOR_AT = `let at = i / (params.rows * params.channels) * params.channels + i % params.channels;
let plane = params.images * params.channels;`;

/** Definition of `applyFactors`. */
export const applyFactorsOp: Op<None> = defineOp<None>({
  name: "applyFactors",
  infer(inputs): readonly TensorType[] {
    requireF32("applyFactors", inputs, ["x", "factors"]);
    const [x, factors] = [inputs[0]!, inputs[1]!];
    checkFactors("applyFactors", x, factors);
    return [{ shape: x.shape, dtype: "f32" }];
  },
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
  // Mapping: an invocation computes one element.
  lower: ({ inputs: [x, factors], outputs: [y] }, target) => [
    elementwise("applyFactors", target, {
      read: { x: x!, factors: factors! },
      write: { y: y! },
      params: { ...rowsOf(x!) },
      body: `${FACTOR_AT}
y[i] = fma(x[i] - factors[at], factors[plane + at], factors[2u * plane + at]);`,
    }),
  ],
  vjp: ({ inputs: [x, factors] }, [dy]) => applyFactorsGradient(x!, factors!, dy!),
  cost: (call) => ({ flops: 3 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[2, 19, 7], [3, 2, 7]], attrs: {} },
    { inputs: [[1, 5, 3, 33], [3, 1, 33]], attrs: {} },
  ],
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
    const [x, factors, dy] = [inputs[0]!, inputs[1]!, inputs[2]!];
    checkFactors("applyFactorsGradient", x, factors);
    if (!sameShape(x.shape, dy.shape)) {
      throw new TypeError(
        `Cannot build applyFactorsGradient: x has shape ${formatShape(x.shape)}, dy has ${formatShape(dy.shape)}, ` +
          "one shape is needed",
      );
    }
    return [{ shape: x.shape, dtype: "f32" }, { shape: factors.shape, dtype: "f32" }];
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
    sumKernel({ x: x!, factors: factors!, dy: dy! }, dFactors!, target),
  ],
  cost: (call) => ({ flops: 5 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[2, 19, 7], [3, 2, 7], [2, 19, 7]], attrs: {} },
    { inputs: [[1, 5, 3, 33], [3, 1, 33], [1, 5, 3, 33]], attrs: {} },
  ],
});

/**
 * The cotangents of the factors. Mapping: a workgroup of 128 takes 16 channels of an image, 8 rows at a time, and adds
 * the sums of the 8 in a fixed tree; 1 KiB of shared memory.
 */
function sumKernel(
  { x, factors, dy }: { readonly x: Tensor; readonly factors: Tensor; readonly dy: Tensor },
  out: Tensor,
  target: Target,
): Dispatch {
  const { images, rows, channels } = rowsOf(x);
  const blocks = Math.ceil(channels / SUM_CHANNELS);
  return kernel({
    label: "applyFactorsGradient.factors",
    read: { x, factors, dy },
    write: { out },
    params: { images, rows, channels, blocks },
    workgroupSize: SUM_CHANNELS * SUM_ROWS,
    workgroups: flatGrid(images * blocks, target),
    declarations: `var<workgroup> sums: array<vec2f, ${SUM_CHANNELS * SUM_ROWS}>;`,
    body: `let index = group.y * groups.x + group.x;
if (index >= params.images * params.blocks) { return; }
let image = index / params.blocks;
let channel = (index - image * params.blocks) * ${SUM_CHANNELS}u + lane % ${SUM_CHANNELS}u;
let inside = channel < params.channels;
let at = image * params.channels + min(channel, params.channels - 1u);
let origin = factors[at];
var sum = vec2f();
for (var row = lane / ${SUM_CHANNELS}u; row < params.rows; row += ${SUM_ROWS}u) {
  let i = (image * params.rows + row) * params.channels + min(channel, params.channels - 1u);
  sum += dy[i] * vec2f(x[i] - origin, 1.0);
}
sums[lane] = sum;
workgroupBarrier();
for (var half = ${SUM_CHANNELS * SUM_ROWS / 2}u; half >= ${SUM_CHANNELS}u; half = half >> 1u) {
  if (lane < half) { sums[lane] += sums[lane + half]; }
  workgroupBarrier();
}
if (lane < ${SUM_CHANNELS}u && inside) {
  let plane = params.images * params.channels;
  out[at] = -sums[lane].y * factors[plane + at];
  out[plane + at] = sums[lane].x;
  out[2u * plane + at] = sums[lane].y;
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
