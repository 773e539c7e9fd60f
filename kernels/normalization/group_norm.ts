/** Group normalisation with optional scale-shift modulation and SiLU, for channels-last tensors. */
import {
  type Call,
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  type Op,
  sameShape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { SILU_WGSL, siluOf } from "../pointwise/activations.ts";
import { inputGradient } from "../product/conv2d_input_gradient.ts";
import { movedBytes, refuseWanted, requireF32 } from "../operands.ts";
import { reshape } from "../layout/reshape.ts";
import { applyKernel, blockCount, finishKernel, statisticsKernel } from "./group_norm_kernels.ts";
import { groupNormFactorsOp, imageStatistics, modulationCotangent, statisticsCotangents } from "./norm_factors.ts";
import { statisticsGradient } from "./statistics_gradient.ts";

/** Attributes of a group normalisation. */
export interface GroupNormAttrs {
  readonly groups: number;
  readonly eps: number;
  readonly silu: boolean;
}

/** Options of `groupNorm`. */
export interface GroupNormOptions {
  /** Number of groups; it divides the number of channels. */
  readonly groups: number;
  /** Added to the variance, positive. */
  readonly eps: number;
  /** Whether SiLU follows. */
  readonly silu?: boolean;
  /** [N, 2C]: scale (first half) and shift (second half); the normalised value becomes y (1 + scale) + shift. */
  readonly modulation?: Tensor;
}

/** Rows whose statistics one invocation gathers. */
const STATISTICS_STRIP = 32;

/** Sizes of a normalised tensor [N, rows, C]. */
interface NormSizes {
  readonly images: number;
  /** Pixels of one image. */
  readonly rows: number;
  readonly channels: number;
  readonly groups: number;
}

function inferGroupNorm(inputs: readonly TensorType[], { groups, eps }: GroupNormAttrs): readonly TensorType[] {
  requireF32("groupNorm", inputs, ["x", "gamma", "beta", "modulation"], 1);
  const { shape } = inputs[0]!;
  if (shape.length < 2) {
    throw new TypeError(`Cannot build groupNorm: x has shape ${formatShape(shape)}, [N, ..., C] is needed`);
  }
  const [images, channels] = [shape[0]!, shape[shape.length - 1]!];
  const needed = [["gamma", [channels]], ["beta", [channels]], ["modulation", [images, 2 * channels]]] as const;
  inputs.slice(1).forEach((input, index) => {
    const [name, wanted] = needed[index]!;
    if (!sameShape(input.shape, wanted)) {
      throw new TypeError(
        `Cannot build groupNorm: ${name} has shape ${formatShape(input.shape)}, ${formatShape(wanted)} is needed ` +
          `as x has shape ${formatShape(shape)}`,
      );
    }
  });
  if (!Number.isSafeInteger(groups) || groups < 1 || channels % groups !== 0) {
    throw new RangeError(
      `Cannot build groupNorm: the number of groups is ${groups}, a divisor of the ${channels} channels is needed`,
    );
  }
  if (!(Number.isFinite(eps) && eps > 0)) {
    throw new RangeError(`Cannot build groupNorm: eps is ${eps}, a positive number is needed`);
  }
  return [{ shape, dtype: "f32" }];
}

function sizesOf({ inputs, attrs }: Call<GroupNormAttrs>): NormSizes {
  const { shape } = inputs[0]!;
  const channels = shape[shape.length - 1]!;
  return { images: shape[0]!, rows: elementCount(shape.slice(1, -1)), channels, groups: attrs.groups };
}

/** Mean and 1 / sqrt(variance + eps) of one group of one image, in two passes. */
function statistics(
  x: Float32Array,
  { rows, channels, groups }: NormSizes,
  image: number,
  group: number,
  eps: number,
): readonly [mean: number, inverse: number] {
  const width = channels / groups;
  const fold = (term: (value: number) => number): number => {
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      const at = (image * rows + row) * channels + group * width;
      for (let c = 0; c < width; c++) sum += term(x[at + c]!);
    }
    return sum / (rows * width);
  };
  const mean = fold((value) => value);
  const variance = fold((value) => (value - mean) ** 2);
  return [mean, 1 / Math.sqrt(variance + eps)];
}

/** Definition of `groupNorm`; inputs x, gamma, beta and, if there is one, the modulation. */
export const groupNormOp: Op<GroupNormAttrs> = defineOp<GroupNormAttrs>({
  name: "groupNorm",
  infer: inferGroupNorm,
  reference(call, [x, gamma, beta, modulation]): readonly Float32Array[] {
    const sizes = sizesOf(call);
    const { images, rows, channels, groups } = sizes;
    const y = new Float32Array(x!.length);
    for (let image = 0; image < images; image++) {
      const norms = Array.from({ length: groups }, (_, group) => statistics(x!, sizes, image, group, call.attrs.eps));
      for (let c = 0; c < channels; c++) {
        const [mean, inverse] = norms[Math.floor(c / (channels / groups))]!;
        const scale = modulation ? 1 + modulation[image * 2 * channels + c]! : 1;
        const shift = modulation ? modulation[image * 2 * channels + channels + c]! : 0;
        for (let row = 0; row < rows; row++) {
          const at = (image * rows + row) * channels + c;
          const value = ((x![at]! - mean) * inverse * gamma![c]! + beta![c]!) * scale + shift;
          y[at] = call.attrs.silu ? siluOf(value) : value;
        }
      }
    }
    return [y];
  },
  lower(call, target): readonly Dispatch[] {
    const { images, rows, channels, groups } = sizesOf(call);
    const [x, gamma, beta, modulation] = call.inputs;
    const strips = { height: rows, width: 1, blockHeight: STATISTICS_STRIP, blockWidth: 1 };
    const partial = target.scratch([3, images, blockCount(strips), channels]);
    const factors = target.scratch([3, images, channels]);
    const operands = {
      partials: [partial],
      gamma: gamma!,
      beta: beta!,
      ...(modulation ? { modulation: { tensor: modulation, offset: 0 } } : {}),
    };
    return [
      statisticsKernel(x!, partial, strips, target),
      finishKernel(operands, factors, { images, channels, groups, eps: call.attrs.eps }, strips, target),
      applyKernel(
        x!,
        factors,
        call.outputs[0]!,
        { images, rows, channels },
        call.attrs.silu ? SILU_WGSL : undefined,
        target,
      ),
    ];
  },
  vjp(call, [dy], wanted): readonly (Tensor | undefined)[] {
    const [x, gamma, beta, modulation] = call.inputs as readonly [Tensor, Tensor, Tensor, Tensor?];
    refuseWanted("groupNorm", "gamma", wanted[1]);
    refuseWanted("groupNorm", "beta", wanted[2]);
    const [dx, dModulation] = groupNormGradient({ x, gamma, beta, modulation }, dy!, call.attrs, wanted[3] === true);
    return [dx, undefined, undefined, ...(modulation ? [dModulation] : [])];
  },
  cost: (call) => ({
    flops: (call.attrs.silu ? 10 : 6) * elementCount(call.outputs[0]!.shape),
    bytes: movedBytes(call) + 4 * elementCount(call.inputs[0]!.shape),
  }),
  examples: [
    { inputs: [[2, 7, 5, 33], [33], [33], [2, 66]], attrs: { groups: 3, eps: 1e-5, silu: true } },
    { inputs: [[1, 11, 9, 32], [32], [32]], attrs: { groups: 32, eps: 1e-6, silu: false } },
    { inputs: [[2, 3, 130], [130], [130], [2, 260]], attrs: { groups: 1, eps: 1e-5, silu: false } },
    { inputs: [[3, 20], [20], [20]], attrs: { groups: 4, eps: 1e-5, silu: true } },
  ],
});

/** What is normalised, and by what. */
interface Normalised {
  readonly x: Tensor;
  readonly gamma: Tensor;
  readonly beta: Tensor;
  readonly modulation: Tensor | undefined;
}

/** The way back through the factors, which are computed once more, and the statistics. */
function groupNormGradient(
  { x, gamma, beta, modulation }: Normalised,
  dy: Tensor,
  { groups, eps, silu }: GroupNormAttrs,
  ofModulation: boolean,
): readonly [dx: Tensor, dModulation: Tensor | undefined] {
  const channels = x.shape.at(-1)!;
  const shape = x.shape.length === 4 ? x.shape : [x.shape[0]!, elementCount(x.shape.slice(1, -1)), 1, channels];
  const image = reshape(x, shape);
  const [, height, width] = shape as readonly [number, number, number];
  const statistics = imageStatistics(image);
  const inputs = [statistics, gamma, beta, ...(modulation ? [modulation] : [])];
  const attrs = { groups, eps, height, width, parts: 1, ...(modulation ? { modulationAt: 0 } : {}) };
  const outputs = groupNormFactorsOp(inputs, attrs);
  const input = { parts: [image], factors: outputs[0]!, silu, resample: "none" as const };
  const { parts: [direct], factors } = inputGradient(input, reshape(dy, shape));
  const call = { inputs, outputs, attrs };
  const dx = statisticsGradient(image, statistics, statisticsCotangents(call, factors!)[0]!, direct);
  return [reshape(dx, x.shape), ofModulation ? modulationCotangent(call, factors!) : undefined];
}

/**
 * Group normalisation y = (x - mean) / sqrt(variance + eps) gamma + beta, mean and biased variance taken over the
 * pixels and channels of each group of each image; then y (1 + scale) + shift where a modulation is given, then SiLU
 * if asked for. Wu and He, "Group Normalization", 2018; modulation as in Dhariwal and Nichol, "Diffusion Models Beat
 * GANs on Image Synthesis", 2021. Exact also where the mean is far greater than the spread.
 * @param x [N, ..., C], f32
 * @param gamma [C]
 * @param beta [C]
 * @returns the shape of x
 * @throws {TypeError} if a shape does not fit
 * @throws {RangeError} if the groups do not divide C or eps is not positive
 */
export function groupNorm(x: Tensor, gamma: Tensor, beta: Tensor, options: GroupNormOptions): Tensor {
  const { groups, eps, silu = false, modulation } = options;
  return groupNormOp([x, gamma, beta, ...(modulation ? [modulation] : [])], { groups, eps, silu })[0]!;
}
