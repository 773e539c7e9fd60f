/** How noisy a picture was before it was compressed as JPEG, from what its quantisation has left. */
import type { Raster } from "../../raster/mod.ts";
import { flattest, type Patch, patchesOf, type Plane } from "./patch_spectrum.ts";

/** How a JPEG file was quantised, as far as noise depends on it. */
export interface JpegFileSteps {
  /** For each component its 64 steps: entry 8 v + u belongs to the vertical frequency v and the horizontal one u. */
  readonly tables: readonly ArrayLike<number>[];
  /** For each component its sampling factors. */
  readonly sampling: readonly { readonly horizontal: number; readonly vertical: number }[];
  /** EXIF orientation by which the picture was turned upright, 1 to 8; 1 where it is left out. */
  readonly orientation?: number | undefined;
}

/** Side of the blocks. */
const SIDE = 8;

/** Levels from -1 to 1. */
const RANGE = 127.5;

/** Frequencies u + v by which blocks are chosen lie below it; chroma has few others that are kept. */
const SPLIT = { luma: 4, chroma: 2 };

/** Shares of the blocks that are looked at, the flattest, and their fewest: what a picture shows grows from one to the next. */
const SHARES = { flat: 0.1, more: 0.4 };
const FEWEST = 8;

/** Blocks whose energy is that many times the mean show something. */
const OUTLIER = 3;

/** Mean square of coefficients that rounding of a picture to levels makes of nothing at all, at most. */
const ROUNDING = 0.25;

/** Share of the flattest blocks of which something must be left. */
const LEAST_LEFT = 0.5;

/** Fewest coefficients that are not 0; fewer are chance. */
const FEWEST_LEFT = 4;

/**
 * Share of the variance of both chroma components in the mean variance of R, G and B: noise that is the same in R, G and B
 * has none, and of independent noise luma keeps 0.299^2 + 0.587^2 + 0.114^2 and the two take 0.388 and 0.432.
 */
const LUMA_SHARE = 0.447161;
const CHROMA_SHARES = [0.388151, 0.432198] as const;
const CHROMA_SHARE = (1 - LUMA_SHARE) / (CHROMA_SHARES[0] + CHROMA_SHARES[1]);

/** The picture cut so that blocks of all components begin at its corner, with tables and reductions as it lies. */
export interface AlignedJpeg {
  readonly picture: Raster;
  readonly components: readonly {
    readonly steps: ArrayLike<number>;
    readonly reduction: readonly [rows: number, columns: number];
  }[];
  /** Rows and columns after which blocks of all components begin again. */
  readonly period: readonly [rows: number, columns: number];
}

/** Brings tables, and the places of blocks, to the picture as it is turned. */
export function alignJpeg(picture: Raster, { tables, sampling, orientation = 1 }: JpegFileSteps): AlignedJpeg {
  const isTransposed = orientation >= 5;
  const most = (key: "horizontal" | "vertical"): number => Math.max(...sampling.map((factors) => factors[key]));
  const components = tables.map((table, c) => {
    const across = Math.round(most("horizontal") / sampling[c]!.horizontal);
    const down = Math.round(most("vertical") / sampling[c]!.vertical);
    return {
      steps: isTransposed
        ? Float64Array.from(table, (_, i) => table[(i % SIDE) * SIDE + Math.floor(i / SIDE)]!)
        : table,
      reduction: isTransposed ? [across, down] as const : [down, across] as const,
    };
  });
  const period = [0, 1].map((axis) => SIDE * Math.max(...components.map(({ reduction }) => reduction[axis]!)));
  // Blocks begin at the stored corner: where an axis is turned round, they end at the picture's end.
  const isFlipped = [[3, 4, 6, 7].includes(orientation), [2, 3, 7, 8].includes(orientation)];
  const top = isFlipped[0] ? picture.height % period[0]! : 0;
  const left = isFlipped[1] ? picture.width % period[1]! : 0;
  const { channels } = picture;
  const [height, width] = [picture.height - top, picture.width - left];
  const data = Float32Array.from({ length: height * width * channels }, (_, i) => {
    const [row, rest] = [Math.floor(i / (width * channels)), i % (width * channels)];
    return picture.data[((top + row) * picture.width + left) * channels + rest]!;
  });
  return {
    picture: top === 0 && left === 0 ? picture : { width, height, channels, data },
    components,
    period: period as [number, number],
  };
}

/** Noise that was compressed. */
export interface CompressedNoise {
  /** Deviation before the compression, in units of [-1, 1]. */
  readonly sigma: number;
  /** How many times larger it seems where the picture shows more; 1 for noise alone, infinite where too little is left. */
  readonly growth: number;
  /** The part of its deviation that the quantisation has left in high frequencies; 0 of no noise. */
  readonly kept: number;
}

/**
 * The deviation of white normal noise that a picture had before it was compressed. Coefficients of noise are normal, and
 * quantisation with the step q leaves n q with probability Phi((n + 1/2) q / sigma) - Phi((n - 1/2) q / sigma): the sigma
 * under which what stands in the flattest blocks is likeliest, for luma and both chroma components.
 * @returns undefined if there are too few blocks
 */
export function compressedNoise({ picture, components }: AlignedJpeg): CompressedNoise | undefined {
  const variance = (c: number, share: number): ComponentNoise | undefined => {
    const { steps, reduction: [rows, columns] } = components[c]!;
    const plane = reduced(componentOf(picture, c), rows, columns);
    const found = componentNoise(plane, steps, c === 0 ? SPLIT.luma : SPLIT.chroma, share);
    // Means of several pixels have less noise than one.
    return found && { ...found, variance: found.variance * rows * columns };
  };
  const [luma, textured] = [variance(0, SHARES.flat), variance(0, SHARES.more)];
  if (!luma || !textured) return undefined;
  const chroma = picture.channels === 1 ? [] : [variance(1, SHARES.flat), variance(2, SHARES.flat)];
  const total = chroma.reduce((sum, found) => sum + CHROMA_SHARE * (found?.variance ?? 0), luma.variance);
  // Noise of independent colours has no more.
  const sigma = Math.sqrt(Math.min(total, luma.variance / LUMA_SHARE));
  return {
    sigma: sigma / RANGE,
    growth: luma.left < LEAST_LEFT ? Infinity : Math.sqrt(textured.variance / luma.variance),
    kept: sigma === 0 ? 0 : keptOf(components, sigma),
  };
}

/** The part of the deviation of white noise in R, G and B, sigma in levels, that is left in high frequencies. */
function keptOf(components: AlignedJpeg["components"], sigma: number): number {
  if (components.length === 1) return Math.sqrt(keptVariance(components[0]!.steps, sigma));
  const ofLuma = LUMA_SHARE * keptVariance(components[0]!.steps, Math.sqrt(LUMA_SHARE) * sigma);
  const ofChroma = CHROMA_SHARES.map((share, k) => {
    const { steps, reduction: [rows, columns] } = components[k + 1]!;
    // Means of several pixels have no high frequencies.
    if (rows * columns > 1) return 0;
    return CHROMA_SHARE * share * keptVariance(steps, Math.sqrt(share) * sigma);
  });
  return Math.sqrt(ofChroma.reduce((sum, variance) => sum + variance, ofLuma));
}

/** The mean of E[(q round(x / q))^2] / sigma^2 for normal x over the steps q of high frequencies; sigma in levels. */
function keptVariance(steps: ArrayLike<number>, sigma: number): number {
  const high = Array.from(steps).filter((_, i) => Math.floor(i / SIDE) + i % SIDE >= SPLIT.luma);
  const kept = high.map((step) => {
    const width = step / sigma;
    let variance = 0;
    for (let n = 1; (n - 0.5) * width < FARTHEST; n++) {
      variance += 2 * (n * width) ** 2 * (tail((n - 0.5) * width) - tail((n + 0.5) * width));
    }
    return variance;
  });
  return kept.reduce((sum, variance) => sum + variance, 0) / high.length;
}

/** Normal numbers beyond so many deviations are none. */
const FARTHEST = 6;

/** Noise of one component. */
interface ComponentNoise {
  /** In square levels. */
  readonly variance: number;
  /** Share of the blocks of which more than 0 was left. */
  readonly left: number;
}

/** Luma or chroma of a picture in levels, around 0 (ITU-T T.871). */
function componentOf({ width, height, channels, data }: Raster, c: number): Plane {
  const weights = [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]][c]!;
  const value = (i: number): number =>
    channels === 1
      ? data[i]!
      : weights[0]! * data[3 * i]! + weights[1]! * data[3 * i + 1]! + weights[2]! * data[3 * i + 2]!;
  return { width, height, data: Float32Array.from({ length: width * height }, (_, i) => RANGE * value(i)) };
}

/** Means of blocks of pixels. */
function reduced(plane: Plane, rows: number, columns: number): Plane {
  if (rows * columns === 1) return plane;
  const [height, width] = [Math.floor(plane.height / rows), Math.floor(plane.width / columns)];
  const data = Float32Array.from({ length: height * width }, (_, i) => {
    const corner = rows * Math.floor(i / width) * plane.width + columns * (i % width);
    let sum = 0;
    for (let k = 0; k < rows * columns; k++) {
      sum += plane.data[corner + Math.floor(k / columns) * plane.width + k % columns]!;
    }
    return sum / (rows * columns);
  });
  return { width, height, data };
}

/** Noise in a component before it was quantised. */
function componentNoise(
  plane: Plane,
  steps: ArrayLike<number>,
  split: number,
  share: number,
): ComponentNoise | undefined {
  const patches = patchesOf(plane, { side: SIDE, stride: SIDE, split, limit: RANGE });
  if (patches.length < FEWEST) return undefined;
  const all = flattest(patches, share, FEWEST);
  const mean = all.reduce((sum, { high }) => sum + high, 0) / all.length;
  const chosen = all.filter(({ high }) => high <= OUTLIER * mean);
  const left = chosen.filter(({ high }) => high > ROUNDING).length / chosen.length;
  return { variance: likeliestSigma(countsOf(chosen, steps, split)) ** 2, left };
}

/** How often a multiple of a step was found. */
interface Count {
  readonly step: number;
  readonly multiple: number;
  count: number;
}

function countsOf(patches: readonly Patch[], steps: ArrayLike<number>, split: number): readonly Count[] {
  const counts = new Map<number, Count>();
  for (const { coefficients } of patches) {
    for (let i = 1; i < coefficients.length; i++) {
      if (Math.floor(i / SIDE) + i % SIDE < split) continue;
      const step = steps[i]!;
      const multiple = Math.round(Math.abs(coefficients[i]!) / step);
      const key = step * 65536 + multiple;
      const found = counts.get(key);
      if (found) found.count++;
      else counts.set(key, { step, multiple, count: 1 });
    }
  }
  return [...counts.values()];
}

/** Range of sigma in levels that is searched, and how often it is narrowed by the golden section. */
const SEARCHED = { least: 0.05, most: 200, times: 40 };

/** The sigma in levels that makes the counts likeliest; their logarithm has one maximum over log sigma. */
function likeliestSigma(counts: readonly Count[]): number {
  const left = counts.reduce((sum, { multiple, count }) => multiple === 0 ? sum : sum + count, 0);
  if (left < FEWEST_LEFT) return 0;
  const fit = (logarithm: number): number => {
    const sigma = Math.exp(logarithm);
    return counts.reduce((sum, { step, multiple, count }) => {
      const [from, to] = [(multiple - 0.5) * step / sigma, (multiple + 0.5) * step / sigma];
      return sum + count * Math.log(Math.max(1e-300, multiple === 0 ? 1 - 2 * tail(to) : tail(from) - tail(to)));
    }, 0);
  };
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [Math.log(SEARCHED.least), Math.log(SEARCHED.most)];
  for (let k = 0; k < SEARCHED.times; k++) {
    const [left, right] = [high - golden * (high - low), low + golden * (high - low)];
    if (fit(left) > fit(right)) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

/** The probability that a standard normal number is above x (Abramowitz and Stegun 7.1.26, relative error below 1e-3). */
function tail(x: number): number {
  if (x < 0) return 1 - tail(-x);
  // Mills' ratio by a continued fraction where the series loses its digits.
  if (x > 3) return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI) / (x + 1 / (x + 2 / (x + 3 / (x + 4 / (x + 5 / x)))));
  const z = x / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * z);
  const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return series * Math.exp(-z * z) / 2;
}
