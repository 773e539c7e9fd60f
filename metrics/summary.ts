/** What values of single images say about a set of images. */
import { studentQuantile } from "./student_t.ts";

/** A set of values in a few numbers; infinite values, such as the PSNR of equal images, are counted and left out. */
export interface Summary {
  /** Finite values. */
  readonly count: number;
  /** Infinite values. */
  readonly infinite: number;
  /** NaN without finite values. */
  readonly mean: number;
  /** Standard deviation of the values, sqrt(sum (v - mean)^2 / (count - 1)); NaN for fewer than two. */
  readonly standardDeviation: number;
  /** Standard error of the mean, standardDeviation / sqrt(count); NaN for fewer than two values. */
  readonly standardError: number;
  /** Interval that holds the mean with the confidence that was asked for; NaN for fewer than two values. */
  readonly interval: readonly [low: number, high: number];
}

/** How an interval is found. */
export interface SummaryOptions {
  /** Default 0.95. */
  readonly confidence?: number;
  /**
   * "student": mean -+ t standardError, t the quantile of Student's distribution, the default. "bootstrap": the
   * quantiles of the means of `resamples` draws with replacement.
   */
  readonly interval?: "student" | "bootstrap";
  /** Draws of the bootstrap; default 10,000. */
  readonly resamples?: number;
  /** Seed of the bootstrap, so that the same values give the same interval; default 0. */
  readonly seed?: number;
}

/**
 * Summarises values.
 * @param values one for each image
 * @param options confidence and kind of interval
 * @throws {RangeError} if a value is not a number, or an option is outside its range
 */
export function summarize(values: readonly number[], options: SummaryOptions = {}): Summary {
  const { confidence = 0.95, interval = "student", resamples = 10_000, seed = 0 } = options;
  if (!(confidence > 0 && confidence < 1) || !Number.isSafeInteger(resamples) || resamples < 1) {
    throw new RangeError(
      `Cannot summarize: confidence is ${confidence} and resamples is ${resamples}, a number between 0 and 1 and a ` +
        "positive integer are needed",
    );
  }
  const unknown = values.findIndex(Number.isNaN);
  if (unknown >= 0) throw new RangeError(`Cannot summarize ${values.length} values: value ${unknown} is not a number`);
  const finite = values.filter(Number.isFinite);
  const count = finite.length;
  const mean = meanOf(finite);
  const squares = finite.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardDeviation = count < 2 ? NaN : Math.sqrt(squares / (count - 1));
  const standardError = standardDeviation / Math.sqrt(count);
  const summary = { count, infinite: values.length - count, mean, standardDeviation, standardError };
  if (count < 2) return { ...summary, interval: [NaN, NaN] };
  if (interval === "bootstrap") return { ...summary, interval: bootstrap(finite, { confidence, resamples, seed }) };
  const reach = studentQuantile(count - 1, confidence) * standardError;
  return { ...summary, interval: [mean - reach, mean + reach] };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The quantiles (1 -+ confidence) / 2 of the means of resampled values. */
function bootstrap(
  values: readonly number[],
  { confidence, resamples, seed }: { readonly confidence: number; readonly resamples: number; readonly seed: number },
): readonly [number, number] {
  const draw = integersBelow(values.length, seed);
  const means = Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let k = 0; k < values.length; k++) sum += values[draw()]!;
    return sum / values.length;
  }).sort();
  const quantile = (share: number): number => {
    const at = share * (resamples - 1);
    const low = Math.floor(at);
    const upper = means[Math.min(low + 1, resamples - 1)]!;
    return means[low]! + (at - low) * (upper - means[low]!);
  };
  return [quantile((1 - confidence) / 2), quantile((1 + confidence) / 2)];
}

/** Integers 0 to limit - 1 from a 32-bit generator: a counter put through a mixing function. */
function integersBelow(limit: number, seed: number): () => number {
  let counter = Math.imul(seed, 0x85ebca6b) >>> 0;
  return () => {
    counter = (counter + 0x9e3779b9) >>> 0;
    let bits = counter;
    bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    bits = (bits ^ (bits >>> 15)) >>> 0;
    return Math.floor(bits / 2 ** 32 * limit);
  };
}
