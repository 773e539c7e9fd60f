/**
 * Group normalisation in two halves: statistics that the maker of an image leaves behind, and factors of its channels,
 * which whoever reads the image applies while loading. The normalised image itself is never stored.
 */
import {
  type Call,
  defineOp,
  type Dispatch,
  type Op,
  sameShape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { concatChannels, padChannels, sliceChannels } from "../layout/channels.ts";
import { add, fill, mul } from "../pointwise/elementwise.ts";
import {
  f32,
  movedBytes,
  refuseWanted,
  requireF32,
  requireFit,
  requireRank,
  requireShape,
  requireValues,
} from "../operands.ts";
import { reshape } from "../layout/reshape.ts";
import { finishKernels } from "./group_norm_finish.ts";
import { blockCount, statisticsKernel } from "./group_norm_kernels.ts";
import { type FactorsGradientAttrs, factorsGradientOp, statisticsGradient } from "./statistics_gradient.ts";
import { blockPixels, blocksOf, exampleStatistics, statisticsOf, statisticsType } from "./statistics_blocks.ts";

/** An image together with the statistics of its blocks. */
export interface Features {
  /** [N, H, W, C] */
  readonly x: Tensor;
  /** [3, N, blocks, C]; see `imageStatistics`. */
  readonly statistics: Tensor;
}

/** Definition of `imageStatistics`. */
export const imageStatisticsOp: Op<Record<string, never>> = defineOp<Record<string, never>>({
  name: "imageStatistics",
  infer(inputs): readonly TensorType[] {
    requireF32("imageStatistics", inputs, ["x"]);
    requireRank("imageStatistics", "x", inputs[0]!, 4, "[N, H, W, C]");
    return [statisticsType(inputs[0]!)];
  },
  reference: ({ inputs }, [x]) => [statisticsOf(x!, inputs[0]!.shape)],
  lower: ({ inputs: [x], outputs: [partial] }, target) => [
    statisticsKernel(x!, partial!, blocksOf(x!.shape), target),
  ],
  vjp: ({ inputs: [x], outputs: [statistics] }, [cotangent]) => [statisticsGradient(x!, statistics!, cotangent!)],
  cost: (call) => ({ flops: 3 * movedBytes({ inputs: call.inputs, outputs: [] }) / 4, bytes: movedBytes(call) }),
  examples: [{ inputs: [[2, 7, 5, 3]], attrs: {} }, { inputs: [[1, 8, 12, 33]], attrs: {} }],
});

/**
 * What group normalisation has to know of an image, for each block of 4 x 4 pixels and each channel: the first value k,
 * the mean of x - k, and the sum of squared deviations from the mean.
 * @param x [N, H, W, C], f32
 * @returns [3, N, ceil(H / 4) ceil(W / 4), C]
 * @throws {TypeError} if x has another rank
 */
export function imageStatistics(x: Tensor): Tensor {
  return imageStatisticsOp([x], {})[0]!;
}

/** Attributes of `groupNormFactorsOp`. */
export interface GroupNormFactorsAttrs extends FactorsGradientAttrs {
  /** Added to the variance of a group. */
  readonly eps: number;
}

/** What is known of a channel of a block, on the CPU. */
interface BlockOfChannel {
  readonly first: number;
  readonly mean: number;
  readonly squares: number;
  readonly weight: number;
}

function channelsOf(statistics: readonly TensorType[]): number {
  return statistics.reduce((sum, { shape }) => sum + shape[3]!, 0);
}

/**
 * Checks the groups of a normalisation.
 * @throws {RangeError} if they do not divide the channels or eps is not positive
 */
export function requireGroups(
  op: string,
  { groups, eps }: Pick<GroupNormFactorsAttrs, "groups" | "eps">,
  channels: number,
): void {
  const divides = Number.isSafeInteger(groups) && groups >= 1 && channels % groups === 0;
  requireValues(op, { "the number of groups": groups }, divides, `a divisor of the ${channels} channels is needed`);
  requireValues(op, { eps }, Number.isFinite(eps) && eps > 0, "a positive number is needed");
}

/**
 * Definition of `groupNormFactors`; inputs are the statistics of each part, gamma, beta and, if any, the modulation,
 * results the factors and [N, groups], the mean of each group less its origin, which the gradient reads.
 */
export const groupNormFactorsOp: Op<GroupNormFactorsAttrs> = defineOp<GroupNormFactorsAttrs>({
  name: "groupNormFactors",
  infer(inputs, attrs): readonly TensorType[] {
    const { groups, eps, height, width, parts, modulationAt } = attrs;
    const names = ["statistics", "more statistics"].slice(0, parts);
    const rest = ["gamma", "beta", ...(modulationAt === undefined ? [] : ["modulation"])];
    requireF32("groupNormFactors", inputs, [...names, ...rest]);
    const statistics = inputs.slice(0, parts);
    const images = statistics[0]!.shape[1]!;
    const blocks = blockCount(blocksOf([images, height, width]));
    statistics.forEach((type, index) => {
      const needed = `[3, N, ${blocks}, C] is needed for an image of ${height}x${width} pixels`;
      const fits = sameShape(type.shape, [3, images, blocks, type.shape[3]!]);
      requireFit("groupNormFactors", { [names[index]!]: type }, fits, needed);
    });
    const channels = channelsOf(statistics);
    const [gamma, beta, modulation] = inputs.slice(parts);
    requireShape("groupNormFactors", "gamma", gamma, [channels]);
    requireShape("groupNormFactors", "beta", beta, [channels]);
    const last = (modulationAt ?? 0) + 2 * channels;
    const hasRows = !modulation ||
      modulation.shape.length === 2 && modulation.shape[0] === images && modulation.shape[1]! >= last;
    requireFit("groupNormFactors", { modulation }, hasRows, `[${images}, ${last} or more] is needed`);
    requireGroups("groupNormFactors", { groups, eps }, channels);
    return [f32([3, images, channels]), f32([images, groups])];
  },
  reference({ inputs, attrs }, values): readonly Float32Array[] {
    const { groups, eps, height, width, parts, modulationAt } = attrs;
    const types = inputs.slice(0, parts);
    const channels = channelsOf(types);
    const images = types[0]!.shape[1]!;
    const [gamma, beta, modulation] = values.slice(parts);
    const factors = new Float32Array(3 * images * channels);
    const means = new Float32Array(images * groups);
    /** First element, k + mean, squared deviations and weight of every block of a channel. */
    const blocksOfChannel = (image: number, c: number): BlockOfChannel[] => {
      const firstWidth = types[0]!.shape[3]!;
      const part = c < firstWidth ? 0 : 1;
      const own = c - part * firstWidth;
      const [, , blocks = 1, pitch = 1] = types[part]!.shape;
      const plane = images * blocks * pitch;
      return Array.from({ length: blocks }, (_, block) => {
        const at = (image * blocks + block) * pitch + own;
        return {
          first: values[part]![at]!,
          mean: values[part]![at]! + values[part]![plane + at]!,
          squares: values[part]![2 * plane + at]!,
          weight: blockPixels(block, height, width),
        };
      });
    };
    const span = channels / groups;
    for (let image = 0; image < images; image++) {
      for (let group = 0; group < groups; group++) {
        const own = Array.from({ length: span }, (_, d) => blocksOfChannel(image, group * span + d)).flat();
        const total = height * width * span;
        const mean = own.reduce((sum, block) => sum + block.weight * block.mean, 0) / total;
        const deviation = own.reduce((sum, b) => sum + b.squares + b.weight * (b.mean - mean) ** 2, 0);
        const inverse = 1 / Math.sqrt(deviation / total + eps);
        const origin = own[0]!.first;
        means[image * groups + group] = mean - origin;
        for (let c = group * span; c < (group + 1) * span; c++) {
          const a = inverse * gamma![c]!;
          const b = beta![c]! - (mean - origin) * a;
          const place = modulation ? image * inputs.at(-1)!.shape[1]! + modulationAt! + c : 0;
          const scale = modulation ? 1 + modulation[place]! : 1;
          const shift = modulation ? modulation[place + channels]! : 0;
          const at = image * channels + c;
          factors[at] = origin;
          factors[images * channels + at] = a * scale;
          factors[2 * images * channels + at] = b * scale + shift;
        }
      }
    }
    return [factors, means];
  },
  lower({ inputs, outputs, attrs }, target): readonly Dispatch[] {
    const { groups, eps, height, width, parts, modulationAt } = attrs;
    const partials = inputs.slice(0, parts);
    const [gamma, beta, modulation] = inputs.slice(parts);
    const images = partials[0]!.shape[1]!;
    return finishKernels({
      partials,
      gamma: gamma!,
      beta: beta!,
      ...(modulation ? { modulation: { tensor: modulation, offset: modulationAt! } } : {}),
      factors: outputs[0]!,
      means: outputs[1]!,
      images,
      channels: channelsOf(partials),
      groups,
      eps,
      blocks: blocksOf([images, height, width]),
    }, target);
  },
  vjp(call, [given, ofMeans], wanted): readonly (Tensor | undefined)[] {
    const { parts } = call.attrs;
    const cotangent = given ?? fill(call.outputs[0]!.shape, 0);
    const [gamma, beta, modulation] = wanted.slice(parts);
    refuseWanted("groupNormFactors", "gamma", gamma);
    refuseWanted("groupNormFactors", "beta", beta);
    return [
      ...wanted.slice(0, parts).includes(true)
        ? statisticsCotangents(call, cotangent, ofMeans)
        : Array(parts).fill(undefined),
      undefined,
      undefined,
      modulation ? modulationCotangent(call, cotangent) : undefined,
    ];
  },
  cost: (call) => ({ flops: 2 * movedBytes({ inputs: call.inputs, outputs: [] }) / 4, bytes: movedBytes(call) }),
  examples: [
    {
      inputs: [exampleStatistics([2, 7, 5, 32]), [32], [32]],
      attrs: { groups: 4, eps: 1e-5, height: 7, width: 5, parts: 1 },
    },
    {
      inputs: [exampleStatistics([2, 9, 8, 20]), exampleStatistics([2, 9, 8, 16]), [36], [36], [2, 80]],
      attrs: { groups: 3, eps: 1e-5, height: 9, width: 8, parts: 2, modulationAt: 5 },
    },
    {
      inputs: [exampleStatistics([1, 4, 4, 8]), exampleStatistics([1, 4, 4, 24]), [32], [32]],
      attrs: { groups: 4, eps: 1e-6, height: 4, width: 4, parts: 2 },
    },
  ],
});

/** What a normalisation computes factors from, and the factors. */
export type FactorsCall = Pick<Call<GroupNormFactorsAttrs>, "inputs" | "outputs" | "attrs">;

/** Cotangents of the statistics of each part, given those of the factors and, where anything depends on them, the means. */
export function statisticsCotangents(
  { inputs, outputs, attrs }: FactorsCall,
  cotangent: Tensor,
  ofMeans?: Tensor,
): readonly Tensor[] {
  const { eps: _, ...sizes } = attrs;
  const statistics = inputs.slice(0, attrs.parts);
  const [gamma, , modulation] = inputs.slice(attrs.parts);
  const [factors, means] = outputs as readonly [Tensor, Tensor];
  return factorsGradientOp(
    [
      cotangent,
      factors,
      means,
      ...statistics,
      gamma!,
      ...(modulation ? [modulation] : []),
      ...(ofMeans ? [ofMeans] : []),
    ],
    { ...sizes, means: ofMeans !== undefined },
  );
}

/** The cotangent of the modulation: A a + B b for scales, with the factors a, b before the modulation, and B for shifts. */
export function modulationCotangent({ inputs, attrs }: FactorsCall, cotangent: Tensor): Tensor {
  const { modulationAt = 0, ...plain } = attrs;
  const factors = groupNormFactorsOp(inputs.slice(0, -1), plain)[0]!;
  const [, images, channels] = cotangent.shape as readonly [number, number, number];
  const plane = (x: Tensor, index: number): Tensor => {
    const size = images * channels;
    return reshape(sliceChannels(reshape(x, [1, 3 * size]), index * size, (index + 1) * size), [images, channels]);
  };
  const shifts = plane(cotangent, 2);
  const scales = add(mul(plane(cotangent, 1), plane(factors, 1)), mul(shifts, plane(factors, 2)));
  return padChannels(concatChannels(scales, shifts), modulationAt, inputs.at(-1)!.shape[1]!);
}

/** Options of `groupNormFactors`. */
export interface GroupNormFactorsOptions {
  /** Number of groups; it divides the number of channels. */
  readonly groups: number;
  /** Added to the variance, positive. */
  readonly eps: number;
  /** [N, at + 2C or more]: the scales of the channels begin at `at`, the shifts follow them; y (1 + scale) + shift. */
  readonly modulation?: { readonly tensor: Tensor; readonly at: number };
}

/**
 * Factors of each channel such that the group norm of an image is (x - o) a + b: o the first element of the group,
 * a = gamma (1 + scale) / sqrt(variance + eps), b = (beta + (o - mean) a) (1 + scale) + shift. See `groupNorm`.
 * @param parts one image or two of equal size whose channels follow each other, with their statistics
 * @param gamma [C]
 * @param beta [C]
 * @returns [3, N, C]: o, a, b
 * @throws {TypeError} if a shape does not fit
 * @throws {RangeError} if the groups do not divide C or eps is not positive
 */
export function groupNormFactors(
  parts: readonly Features[],
  gamma: Tensor,
  beta: Tensor,
  { groups, eps, modulation }: GroupNormFactorsOptions,
): Tensor {
  const [, height = 0, width = 0] = parts[0]?.x.shape ?? [];
  return groupNormFactorsOp(
    [...parts.map(({ statistics }) => statistics), gamma, beta, ...(modulation ? [modulation.tensor] : [])],
    { groups, eps, height, width, parts: parts.length, ...(modulation ? { modulationAt: modulation.at } : {}) },
  )[0]!;
}
