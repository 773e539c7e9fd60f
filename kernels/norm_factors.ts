/**
 * Group normalisation in two halves: statistics that the maker of an image leaves behind, and factors of its channels,
 * which whoever reads the image applies while loading. The normalised image itself is never stored.
 */
import {
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  type HostTensor,
  hostTensor,
  type Op,
  sameShape,
  type Shape,
  type Tensor,
  type TensorType,
} from "../engine/mod.ts";
import { blockCount, type Blocks, finishKernel, statisticsKernel } from "./group_norm_kernels.ts";
import { movedBytes, requireF32, requireRank } from "./operands.ts";

/** Side in pixels of the blocks whose statistics are kept apart: the tiles of a Winograd convolution. */
export const STATISTICS_BLOCK = 4;

/** An image together with the statistics of its blocks. */
export interface Features {
  /** [N, H, W, C] */
  readonly x: Tensor;
  /** [3, N, blocks, C]; see `imageStatistics`. */
  readonly statistics: Tensor;
}

/** The blocks of an image [N, H, W, C]. */
export function blocksOf([, height = 1, width = 1]: Shape): Blocks {
  return { height, width, blockHeight: STATISTICS_BLOCK, blockWidth: STATISTICS_BLOCK };
}

/** Type of the statistics of an image [N, H, W, C]: [3, N, blocks, C]. */
export function statisticsType({ shape }: TensorType): TensorType {
  return { shape: [3, shape[0]!, blockCount(blocksOf(shape)), shape[3]!], dtype: "f32" };
}

/** Statistics of an image of the shape [N, H, W, C] on the CPU; see `imageStatistics`. */
export function statisticsOf(x: Float32Array, shape: Shape): Float32Array {
  const [images = 1, height = 1, width = 1, channels = 1] = shape;
  const across = Math.ceil(width / STATISTICS_BLOCK);
  const count = images * blockCount(blocksOf(shape)) * channels;
  const result = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) {
    const c = i % channels;
    const block = Math.floor(i / channels);
    const image = Math.floor(block / blockCount(blocksOf(shape)));
    const inside = block % blockCount(blocksOf(shape));
    const top = Math.floor(inside / across) * STATISTICS_BLOCK;
    const left = (inside % across) * STATISTICS_BLOCK;
    const values: number[] = [];
    for (let row = top; row < Math.min(height, top + STATISTICS_BLOCK); row++) {
      for (let column = left; column < Math.min(width, left + STATISTICS_BLOCK); column++) {
        values.push(x[((image * height + row) * width + column) * channels + c]!);
      }
    }
    const k = values[0]!;
    const mean = values.reduce((sum, value) => sum + (value - k), 0) / values.length;
    result[i] = k;
    result[count + i] = mean;
    result[2 * count + i] = values.reduce((sum, value) => sum + (value - k - mean) ** 2, 0);
  }
  return result;
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
export interface GroupNormFactorsAttrs {
  readonly groups: number;
  readonly eps: number;
  /** Size of the image in pixels. */
  readonly height: number;
  readonly width: number;
  /** Images whose channels follow each other: 1 or 2. */
  readonly parts: number;
  /** Where the scales begin in a row of the modulation; absent if there is none. */
  readonly modulationAt?: number;
}

function channelsOf(statistics: readonly TensorType[]): number {
  return statistics.reduce((sum, { shape }) => sum + shape[3]!, 0);
}

/** Definition of `groupNormFactors`; inputs are the statistics of each part, gamma, beta and, if any, the modulation. */
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
    statistics.forEach(({ shape }, index) => {
      const wanted = [3, images, blocks, shape[3]!];
      if (sameShape(shape, wanted)) return;
      throw new TypeError(
        `Cannot build groupNormFactors: ${names[index]} has shape ${formatShape(shape)}, ` +
          `[3, N, ${blocks}, C] is needed for an image of ${height}x${width} pixels`,
      );
    });
    const channels = channelsOf(statistics);
    const [gamma, beta, modulation] = inputs.slice(parts);
    for (const [name, { shape }] of [["gamma", gamma!], ["beta", beta!]] as const) {
      if (sameShape(shape, [channels])) continue;
      throw new TypeError(
        `Cannot build groupNormFactors: ${name} has shape ${formatShape(shape)}, [${channels}] is needed`,
      );
    }
    const last = (modulationAt ?? 0) + 2 * channels;
    if (
      modulation && (modulation.shape.length !== 2 || modulation.shape[0] !== images || modulation.shape[1]! < last)
    ) {
      throw new TypeError(
        `Cannot build groupNormFactors: modulation has shape ${formatShape(modulation.shape)}, ` +
          `[${images}, ${last} or more] is needed`,
      );
    }
    if (!Number.isSafeInteger(groups) || groups < 1 || channels % groups !== 0) {
      throw new RangeError(
        `Cannot build groupNormFactors: the number of groups is ${groups}, ` +
          `a divisor of the ${channels} channels is needed`,
      );
    }
    if (!(Number.isFinite(eps) && eps > 0)) {
      throw new RangeError(`Cannot build groupNormFactors: eps is ${eps}, a positive number is needed`);
    }
    return [{ shape: [3, images, channels], dtype: "f32" }];
  },
  reference({ inputs, attrs }, values): readonly Float32Array[] {
    const { groups, eps, height, width, parts, modulationAt } = attrs;
    const types = inputs.slice(0, parts);
    const channels = channelsOf(types);
    const images = types[0]!.shape[1]!;
    const [gamma, beta, modulation] = values.slice(parts);
    const across = Math.ceil(width / STATISTICS_BLOCK);
    const factors = new Float32Array(3 * images * channels);
    /** k + mean, squared deviations and weight of every block of a channel. */
    const blocksOfChannel = (image: number, c: number): { mean: number; squares: number; weight: number }[] => {
      const firstWidth = types[0]!.shape[3]!;
      const part = c < firstWidth ? 0 : 1;
      const own = c - part * firstWidth;
      const [, , blocks = 1, pitch = 1] = types[part]!.shape;
      const plane = images * blocks * pitch;
      return Array.from({ length: blocks }, (_, block) => {
        const at = (image * blocks + block) * pitch + own;
        const down = Math.floor(block / across);
        const weight = Math.min(STATISTICS_BLOCK, height - down * STATISTICS_BLOCK) *
          Math.min(STATISTICS_BLOCK, width - (block % across) * STATISTICS_BLOCK);
        return {
          mean: values[part]![at]! + values[part]![plane + at]!,
          squares: values[part]![2 * plane + at]!,
          weight,
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
        for (let c = group * span; c < (group + 1) * span; c++) {
          const origin = Math.fround(mean);
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
    return [factors];
  },
  lower({ inputs, outputs, attrs }, target): readonly Dispatch[] {
    const { groups, eps, height, width, parts, modulationAt } = attrs;
    const partials = inputs.slice(0, parts);
    const [gamma, beta, modulation] = inputs.slice(parts);
    const images = partials[0]!.shape[1]!;
    return [
      finishKernel(
        {
          partials,
          gamma: gamma!,
          beta: beta!,
          ...(modulation ? { modulation: { tensor: modulation, offset: modulationAt! } } : {}),
        },
        outputs[0]!,
        { images, channels: channelsOf(partials), groups, eps },
        blocksOf([images, height, width]),
        target,
      ),
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

/** Statistics of an image of distinct values, for the examples: statistics must be possible ones. */
function exampleStatistics(shape: Shape): HostTensor {
  const x = Float32Array.from({ length: elementCount(shape) }, (_, i) => 2 + Math.sin(i * i));
  return hostTensor(statisticsOf(x, shape), statisticsType({ shape, dtype: "f32" }).shape);
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
 * Factors of each channel such that the group norm of an image is (x - o) a + b: o near the mean of the group,
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
