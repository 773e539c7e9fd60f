/** The backward pass from the statistics of blocks to the image, and from factors of channels to the statistics. */
import {
  type Call,
  defineOp,
  type Dispatch,
  elementCount,
  type Op,
  type Target,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { f32, type Image, movedBytes, requireF32, requireRank, requireShape } from "../operands.ts";
import type { None } from "../pointwise/pointwise.ts";
import { elementwise } from "../text/wgsl.ts";
import { blockPixels, blocksOf, STATISTICS_BLOCK, statisticsType } from "./statistics_blocks.ts";

/**
 * The cotangent of an image whose statistics k, m, s have the cotangents K, M, S: M / n + 2 (x - k - m) S in a block of n
 * pixels, and K - M more at its first one; added to `dx` where that is given.
 */
export const statisticsGradientOp: Op<None> = defineOp<None>({
  name: "statisticsGradient",
  infer(inputs): readonly TensorType[] {
    requireF32("statisticsGradient", inputs, ["x", "statistics", "cotangent", "dx"], 1);
    const [x, statistics, cotangent, dx] = inputs as readonly [TensorType, TensorType, TensorType, TensorType?];
    requireRank("statisticsGradient", "x", x, 4, "[N, H, W, C]");
    requireShape("statisticsGradient", "statistics", statistics, statisticsType(x).shape);
    requireShape("statisticsGradient", "cotangent", cotangent, statisticsType(x).shape);
    requireShape("statisticsGradient", "dx", dx, x.shape);
    return [f32(x.shape)];
  },
  reference({ inputs }, [x, statistics, cotangent, dx]): readonly Float32Array[] {
    const [, height, width, channels] = inputs[0]!.shape as Image;
    const across = Math.ceil(width / STATISTICS_BLOCK);
    const rows = Math.ceil(height / STATISTICS_BLOCK);
    const plane = statistics!.length / 3;
    const length = (extent: number, at: number): number =>
      Math.min(STATISTICS_BLOCK, extent - at + at % STATISTICS_BLOCK);
    return [
      x!.map((value, i) => {
        const pixel = Math.floor(i / channels);
        const [line, column] = [Math.floor(pixel / width), pixel % width];
        const [item, row] = [Math.floor(line / height), line % height];
        const block = (item * rows + Math.floor(row / STATISTICS_BLOCK)) * across +
          Math.floor(column / STATISTICS_BLOCK);
        const at = block * channels + i % channels;
        const mean = cotangent![plane + at]!;
        const first = row % STATISTICS_BLOCK === 0 && column % STATISTICS_BLOCK === 0 ? cotangent![at]! - mean : 0;
        const centred = value - statistics![at]! - statistics![plane + at]!;
        return mean / (length(height, row) * length(width, column)) + 2 * centred * cotangent![2 * plane + at]! +
          first +
          (dx?.[i] ?? 0);
      }),
    ];
  },
  // Mapping: an invocation takes one channel of one block; neighbouring invocations take neighbouring channels.
  lower({ inputs: [x, statistics, cotangent, dx], outputs: [y] }, target): readonly Dispatch[] {
    const { height, width, blockHeight, blockWidth } = blocksOf(x!.shape);
    const [rows, across] = [Math.ceil(height / blockHeight), Math.ceil(width / blockWidth)];
    const plane = elementCount(statistics!.shape.slice(1));
    return [
      elementwise(`imageStatistics.gradient${dx ? ".added" : ""}`, target, {
        read: { x: x!, statistics: statistics!, cotangent: cotangent!, ...(dx ? { dx } : {}) },
        write: { y: y! },
        count: plane,
        params: { height, width, channels: x!.shape[3]!, rows, across },
        body: `let block = i / params.channels;
let c = i - block * params.channels;
let band = block / params.across;
let item = band / params.rows;
let top = (band - item * params.rows) * ${blockHeight}u;
let left = (block - band * params.across) * ${blockWidth}u;
let bottom = min(top + ${blockHeight}u, params.height);
let right = min(left + ${blockWidth}u, params.width);
let k = statistics[i];
let mean = statistics[params.count + i];
let ofMean = cotangent[params.count + i];
let twice = 2.0 * cotangent[2u * params.count + i];
let share = ofMean / f32((bottom - top) * (right - left));
var first = cotangent[i] - ofMean;
for (var row = top; row < bottom; row += 1u) {
  for (var column = left; column < right; column += 1u) {
    let at = ((item * params.height + row) * params.width + column) * params.channels + c;
    y[at] = fma((x[at] - k) - mean, twice, share) + first${dx ? " + dx[at]" : ""};
    first = 0.0;
  }
}`,
      }),
    ];
  },
  cost: (call) => ({ flops: 5 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[2, 7, 5, 3], [3, 2, 4, 3], [3, 2, 4, 3]], attrs: {} },
    { inputs: [[1, 8, 13, 33], [3, 1, 8, 33], [3, 1, 8, 33], [1, 8, 13, 33]], attrs: {} },
  ],
});

/**
 * The cotangent of an image by way of its statistics; see `imageStatistics`.
 * @param x [N, H, W, C], f32
 * @param statistics of x, [3, N, blocks, C]
 * @param cotangent of the statistics
 * @param dx [N, H, W, C], what is added; nothing by default
 * @returns [N, H, W, C]
 * @throws {TypeError} if the shapes do not fit
 */
export function statisticsGradient(x: Tensor, statistics: Tensor, cotangent: Tensor, dx?: Tensor): Tensor {
  return statisticsGradientOp([x, statistics, cotangent, ...(dx ? [dx] : [])], {})[0]!;
}

/** Attributes of `factorsGradientOp`. */
export interface FactorsGradientAttrs {
  /** Number of groups of channels; it divides that of the channels. */
  readonly groups: number;
  /** Rows of the image. */
  readonly height: number;
  /** Columns of the image. */
  readonly width: number;
  /** Images whose channels follow each other: 1 or 2. */
  readonly parts: number;
  /** Where the scales begin in a row of the modulation; absent if there is none. */
  readonly modulationAt?: number;
}

/** Attributes of `factorsGradientOp` that the factors themselves do not have. */
export interface GradientAttrs extends FactorsGradientAttrs {
  /** Whether the means have a cotangent. */
  readonly means: boolean;
}

/** Blocks whose statistics one invocation handles: the sums of its group are added up once for all of them. */
const STRIP = 16;

interface FactorsOperands<T> {
  readonly cotangent: T;
  readonly factors: T;
  readonly means: T;
  readonly statistics: readonly T[];
  readonly gamma: T;
  readonly modulation: T | undefined;
  readonly ofMeans: T | undefined;
}

function operandsOf<T>(
  inputs: readonly T[],
  { parts, modulationAt, means: haveMeans }: GradientAttrs,
): FactorsOperands<T> {
  const [cotangent, factors, means] = inputs as readonly [T, T, T];
  const [gamma, ...rest] = inputs.slice(3 + parts) as unknown as readonly [T, ...T[]];
  const modulation = modulationAt === undefined ? undefined : rest[0];
  const ofMeans = haveMeans ? rest.at(-1) : undefined;
  return { cotangent, factors, means, statistics: inputs.slice(3, 3 + parts), gamma, modulation, ofMeans };
}

/**
 * Cotangents of the statistics of each part, given those O, A, B of the factors o, a = g / sqrt(variance + eps) and
 * b = beta' - r a, where g = gamma (1 + scale), o is the first element of the group and r = mean - o, and that R of r: in a
 * group of T elements, with D = -(1 / 2 T) sum(a^2) / sum(g^2) sum((A - r B) a), a block of n pixels has
 * n (R - sum(a B)) / T + 2 n (k + m - o - r) D for k and m, and D for its squares; the first k of the group, which is o,
 * has sum(O + a B) - R more, which is 0 where the factors are used as (x - o) a + b alone. The ratio of the sums is
 * 1 / (variance + eps).
 */
export const factorsGradientOp: Op<GradientAttrs> = defineOp<GradientAttrs>({
  name: "factorsGradient",
  infer(inputs, { parts, modulationAt, means }): readonly TensorType[] {
    const statistics = ["statistics", "more statistics"].slice(0, parts);
    const modulation = modulationAt === undefined ? [] : ["modulation"];
    const ofMeans = means ? ["cotangent of the means"] : [];
    const names = ["cotangent", "factors", "means", ...statistics, "gamma", ...modulation, ...ofMeans];
    requireF32("factorsGradient", inputs, names);
    return inputs.slice(3, 3 + parts).map(({ shape }) => f32(shape));
  },
  reference({ inputs, attrs }, values): readonly Float32Array[] {
    const { groups, height, width, modulationAt } = attrs;
    const types = operandsOf(inputs, attrs);
    const { cotangent, factors, means, statistics, gamma, modulation, ofMeans } = operandsOf(values, attrs);
    const [, images, channels] = types.factors.shape as readonly [number, number, number];
    const [span, plane] = [channels / groups, images * channels];
    const total = height * width * span;
    const ofGroup = (item: number, group: number): GroupCotangents => {
      const relative = means[item * groups + group]!;
      const ofRelative = ofMeans?.[item * groups + group] ?? 0;
      let [origins, shifts, products, squares, gains] = [0, 0, 0, 0, 0];
      for (let c = group * span; c < (group + 1) * span; c++) {
        const at = item * channels + c;
        const scale = modulation ? 1 + modulation[item * types.modulation!.shape[1]! + modulationAt! + c]! : 1;
        origins += cotangent[at]!;
        shifts += factors[plane + at]! * cotangent[2 * plane + at]!;
        products += (cotangent[plane + at]! - relative * cotangent[2 * plane + at]!) * factors[plane + at]!;
        squares += factors[plane + at]! ** 2;
        gains += (gamma[c]! * scale) ** 2;
      }
      return {
        relative,
        ofMean: (ofRelative - shifts) / total,
        deviation: gains > 0 ? -0.5 * (squares / gains) * products / total : 0,
        ofFirst: origins + shifts - ofRelative,
      };
    };
    let firstChannel = 0;
    return statistics.map((given, part) => {
      const [, , blocks, own] = types.statistics[part]!.shape as Image;
      const result = new Float32Array(given.length);
      const size = images * blocks * own;
      for (let at = 0; at < size; at++) {
        const c = firstChannel + at % own;
        const [item, block] = [Math.floor(at / (blocks * own)), Math.floor(at / own) % blocks];
        const { relative, ofMean, deviation, ofFirst } = ofGroup(item, Math.floor(c / span));
        const weight = blockPixels(block, height, width);
        const offset = given[at]! - factors[item * channels + c]! + given[size + at]! - relative;
        const ofOffset = weight * (ofMean + 2 * offset * deviation);
        result[at] = ofOffset + (block === 0 && c % span === 0 ? ofFirst : 0);
        result[size + at] = ofOffset;
        result[2 * size + at] = deviation;
      }
      firstChannel += own;
      return result;
    });
  },
  lower(call, target): readonly Dispatch[] {
    let firstChannel = 0;
    return operandsOf(call.inputs, call.attrs).statistics.map((given, part) => {
      const own = firstChannel;
      firstChannel += given.shape[3]!;
      return partKernel(call, { given, result: call.outputs[part]!, firstChannel: own }, target);
    });
  },
  cost: (call) => ({ flops: movedBytes({ inputs: [], outputs: call.outputs }), bytes: movedBytes(call) }),
  examples: [
    {
      inputs: [[3, 2, 32], [3, 2, 32], [2, 4], [3, 2, 4, 32], [32]],
      attrs: { groups: 4, height: 7, width: 5, parts: 1, means: false },
    },
    {
      inputs: [[3, 2, 36], [3, 2, 36], [2, 3], [3, 2, 30, 20], [3, 2, 30, 16], [36], [2, 80], [2, 3]],
      attrs: { groups: 3, height: 21, width: 18, parts: 2, modulationAt: 5, means: true },
    },
  ],
});

/** What the sums over a group say of the cotangents of its statistics. */
interface GroupCotangents {
  /** The mean of the group less its origin. */
  readonly relative: number;
  /** Cotangent of the mean, for each element. */
  readonly ofMean: number;
  /** Cotangent of the squared deviations. */
  readonly deviation: number;
  /** What the first element has more. */
  readonly ofFirst: number;
}

/** Mapping: an invocation takes one channel of 16 blocks of one image, and adds up the sums of its group for itself. */
function partKernel(
  { inputs, attrs }: Call<GradientAttrs>,
  { given, result, firstChannel }: { readonly given: Tensor; readonly result: Tensor; readonly firstChannel: number },
  target: Target,
): Dispatch {
  const { cotangent, factors, means, gamma, modulation, ofMeans } = operandsOf(inputs, attrs);
  const { groups, height, width, modulationAt = 0 } = attrs;
  const [, images, blocks, channels] = given.shape as Image;
  const allChannels = factors.shape[2]!;
  const strips = Math.ceil(blocks / STRIP);
  return elementwise(`groupNorm.factorsGradient${modulation ? ".modulated" : ""}`, target, {
    read: {
      cotangent,
      factors,
      means,
      given,
      gamma,
      ...(modulation ? { modulation } : {}),
      ...(ofMeans ? { ofMeans } : {}),
    },
    write: { result },
    count: images * strips * channels,
    params: {
      images,
      strips,
      blocks,
      channels,
      firstChannel,
      allChannels,
      span: allChannels / groups,
      height,
      width,
      across: Math.ceil(width / STATISTICS_BLOCK),
      ...(modulation ? { pitch: modulation.shape[1]!, offset: modulationAt } : {}),
    },
    body: `let strip = i / params.channels;
let c = i - strip * params.channels;
let item = strip / params.strips;
let own = params.firstChannel + c;
let begin = own / params.span * params.span;
let plane = params.images * params.allChannels;
let place = item * (params.allChannels / params.span) + own / params.span;
let relative = means[place];
var origins = 0.0;
var shifts = 0.0;
var products = 0.0;
var squares = 0.0;
var gains = 0.0;
for (var channel = begin; channel < begin + params.span; channel += 1u) {
  let at = item * params.allChannels + channel;
  let a = factors[plane + at];
  let gain = gamma[channel]${modulation ? " * (1.0 + modulation[item * params.pitch + params.offset + channel])" : ""};
  let ofB = cotangent[2u * plane + at];
  origins += cotangent[at];
  shifts += a * ofB;
  products = fma(fma(-relative, ofB, cotangent[plane + at]), a, products);
  squares = fma(a, a, squares);
  gains = fma(gain, gain, gains);
}
let total = f32(params.height * params.width) * f32(params.span);
let ofRelative = ${ofMeans ? "ofMeans[place]" : "0.0"};
let ofMean = (ofRelative - shifts) / total;
var deviation = 0.0;
if (gains > 0.0) { deviation = -0.5 * (squares / gains) * products / total; }
let origin = factors[item * params.allChannels + own];
let size = params.images * params.blocks * params.channels;
let first = (strip - item * params.strips) * ${STRIP}u;
for (var block = first; block < min(first + ${STRIP}u, params.blocks); block += 1u) {
  let at = (item * params.blocks + block) * params.channels + c;
  let down = block / params.across;
  let weight = f32(min(${STATISTICS_BLOCK}u, params.height - down * ${STATISTICS_BLOCK}u) *
    min(${STATISTICS_BLOCK}u, params.width - (block - down * params.across) * ${STATISTICS_BLOCK}u));
  let offset = (given[at] - origin) + (given[size + at] - relative);
  let ofOffset = weight * fma(2.0 * offset, deviation, ofMean);
  result[at] = ofOffset + select(0.0, origins + shifts - ofRelative, block == 0u && own == begin);
  result[size + at] = ofOffset;
  result[2u * size + at] = deviation;
}`,
  });
}
