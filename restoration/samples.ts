/** Several answers to one question: their mean, and where they differ. */
import type { ImageQuality } from "../metrics/mod.ts";
import { type OptionSpec, type OptionValues, UsageError } from "../parameters/mod.ts";
import type { Raster } from "../raster/mod.ts";
import { type Comparison, qualityOf, type Result } from "./finish.ts";
import { judge } from "./harm.ts";
import type { PreparedPicture } from "./prepare.ts";
import { qualityData, type Report } from "./report.ts";

/** How many times a picture is restored. */
export const SAMPLES_OPTION: Readonly<Record<string, OptionSpec>> = {
  samples: {
    kind: "integer",
    min: 1,
    max: 1000,
    help: "Number of restorations, with seeds from --seed on; of several also OUT-mean, the closest to the truth in " +
      "PSNR, and OUT-deviation, where they differ: white is a deviation of 64 levels of 255",
  },
};

/**
 * Refuses what does not go with the samples of a picture.
 * @param options of the run
 * @param samples how many there are, the first from `seed` and each other from the next one
 * @throws {UsageError} if there are not as many seeds, or a file is named that holds a single run
 */
export function checkSamples(
  options: OptionValues,
  { seed, samples }: { readonly seed: number; readonly samples: number },
): void {
  if (seed + samples - 1 >= 2 ** 32) {
    throw new UsageError(`--seed ${seed} leaves too few seeds for ${samples} samples, the last one is 4294967295`);
  }
  for (const option of ["trace", "noise"]) {
    if (options[option] !== undefined && samples > 1) {
      throw new UsageError(`--${option} needs a single sample; leave --samples out`);
    }
  }
}

/** The deviation that is white on a map, in units of [-1, 1]: four gray values are a deviation of one level of 255. */
export const WHITE_DEVIATION = 0.5;

/** Samples of what a measurement leaves open, taken together. */
export interface CombinedSamples {
  /** How many. */
  readonly count: number;
  /** Their mean [H, W, C]: of all that can be told from them, on average the closest to the truth in PSNR. */
  readonly mean: Raster;
  /**
   * [H, W, 1] Their standard deviation s in units of [-1, 1], with n - 1, the root of the mean of s^2 over the channels:
   * where it is large, the prior made up what is shown; where it is 0, the measurement decides.
   */
  readonly deviation: Raster;
}

/** Takes samples in one by one and keeps none of them (Welford, Technometrics 4(3), 1962). */
export class SampleMoments {
  #count = 0;
  #shape: Omit<Raster, "data"> | undefined;
  #mean = new Float64Array();
  #squares = new Float64Array();

  /**
   * Takes one sample in.
   * @throws {TypeError} if it has another shape than those before
   */
  add({ data, ...shape }: Raster): void {
    const { width, height, channels } = this.#shape ??= shape;
    if (shape.width !== width || shape.height !== height || shape.channels !== channels) {
      throw new TypeError(
        `Cannot combine samples: one has ${shape.height} x ${shape.width} pixels and ${shape.channels} channels, the ` +
          `first has ${height} x ${width} and ${channels}; combine answers to one measurement`,
      );
    }
    if (this.#count++ === 0) {
      [this.#mean, this.#squares] = [new Float64Array(data.length), new Float64Array(data.length)];
    }
    for (const [i, value] of data.entries()) {
      const before = value - this.#mean[i]!;
      this.#mean[i]! += before / this.#count;
      this.#squares[i]! += before * (value - this.#mean[i]!);
    }
  }

  /**
   * What the samples taken in so far are together.
   * @throws {RangeError} if they are fewer than two
   */
  combined(): CombinedSamples {
    const [count, shape] = [this.#count, this.#shape];
    if (!shape || count < 2) {
      throw new RangeError(
        `Cannot combine samples: there are ${count}, at least 2 are needed; restore with more seeds`,
      );
    }
    const { channels } = shape;
    const squares = this.#squares;
    const deviation = Float32Array.from({ length: squares.length / channels }, (_, pixel) => {
      const sum = squares.subarray(pixel * channels, (pixel + 1) * channels).reduce((a, b) => a + b, 0);
      return Math.sqrt(sum / channels / (count - 1));
    });
    return {
      count,
      mean: { ...shape, data: Float32Array.from(this.#mean) },
      deviation: { ...shape, channels: 1, data: deviation },
    };
  }
}

/**
 * The mean of several answers to one measurement, and where they differ.
 * @param samples restored pictures of one shape, at least two, of different seeds
 * @throws {TypeError} if their shapes differ; {RangeError} if they are fewer than two
 */
export function combineSamples(samples: Iterable<Raster>): CombinedSamples {
  const moments = new SampleMoments();
  for (const sample of samples) moments.add(sample);
  return moments.combined();
}

/**
 * A deviation as a picture: black where samples agree.
 * @param deviation [H, W, 1] in units of [-1, 1]
 * @param white the deviation that is white, and all beyond
 */
export function deviationMap({ data, ...shape }: Raster, white: number = WHITE_DEVIATION): Raster {
  return { ...shape, data: data.map((value) => 2 * Math.min(1, value / white) - 1) };
}

/** Restorations of one picture, combined for files, with what is to be said of them. */
export interface CombinedResult extends Pick<Result, "raster" | "alpha" | "bitDepth" | "verdict"> {
  /** How many there are. */
  readonly count: number;
  /** Where the samples differ, see `deviationMap`. */
  readonly map: Raster;
  /** Deviation of the samples in units of [-1, 1]: root of its mean square, and its greatest. */
  readonly deviation: { readonly rms: number; readonly greatest: number };
  /** Of the mean against the ground truth, and what the samples have each, on average; where the truth is known. */
  readonly quality: { readonly mean: ImageQuality; readonly samples: ImageQuality } | undefined;
}

/** Takes the results of one picture in, one for each seed. */
export class ResultCombiner {
  readonly #picture: PreparedPicture;
  readonly #moments: SampleMoments = new SampleMoments();
  readonly #qualities: ImageQuality[] = [];
  #last: Result | undefined;

  /** Begins without results. */
  constructor(picture: PreparedPicture) {
    this.#picture = picture;
  }

  /** Takes one in. */
  add(result: Result): void {
    this.#moments.add(result.raster);
    if (result.comparison) this.#qualities.push(result.comparison.result);
    this.#last = result;
  }

  /**
   * What they are together.
   * @throws {RangeError} if they are fewer than two
   */
  combined(): CombinedResult {
    const { count, mean, deviation: { data, ...shape } } = this.#moments.combined();
    const { alpha, bitDepth, comparison } = this.#last!;
    const square = data.reduce((sum, value) => sum + value * value, 0);
    const deviation = {
      rms: Math.sqrt(square / data.length),
      greatest: data.reduce((most, value) => Math.max(most, value), 0),
    };
    const quality = comparison && { mean: qualityOf(this.#picture, mean)!, samples: averageOf(this.#qualities) };
    const verdict = judge({ result: mean, clipped: 0, psnr: psnrOf(quality?.mean, comparison), deviation });
    return { raster: mean, alpha, bitDepth, verdict, count, map: deviationMap({ ...shape, data }), deviation, quality };
  }
}

function psnrOf(
  mean: ImageQuality | undefined,
  comparison: Comparison | undefined,
): Parameters<typeof judge>[0]["psnr"] {
  return mean && comparison && { result: mean.psnr, pseudoInverse: comparison.pseudoInverse.psnr };
}

function averageOf(qualities: readonly ImageQuality[]): ImageQuality {
  const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const ssim = qualities.flatMap((each) => each.ssim === undefined ? [] : [each.ssim]);
  return { psnr: average(qualities.map(({ psnr }) => psnr)), ssim: ssim.length > 0 ? average(ssim) : undefined };
}

/**
 * The report of several restorations together.
 * @param last that of the last of them, of which is kept what all have in common
 * @param seed that of the first
 */
export function combinedReport(
  { seed: _, verdict: _verdict, metrics, evaluations, counts: _counts, timings: _timings, memory: _memory, ...shared }:
    Report,
  { count, verdict, deviation, quality }: CombinedResult,
  seed: number,
): Report {
  const { definition } = metrics as { readonly definition?: string };
  return {
    ...shared,
    samples: { count, seeds: Array.from({ length: count }, (_, index) => seed + index) },
    verdict,
    evaluations,
    deviation: { ...deviation, white: WHITE_DEVIATION, unit: "of values in [-1, 1]" },
    ...(quality
      ? { metrics: { definition, mean: qualityData(quality.mean), samples: qualityData(quality.samples) } }
      : {}),
  };
}
