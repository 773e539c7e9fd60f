/** What a person would want to know of a result before they take it: one sentence from result, input and A^+ y. */
import { percent, type Raster, resize } from "../raster/mod.ts";
import { HALF_LEVEL } from "./within_range.ts";

/** What a result is judged by. Rasters have values in [-1, 1], the colours of the result and its size or another. */
export interface Judged {
  /** The restored picture. */
  readonly result: Raster;
  /** The picture that was to be restored, where it has the size of the result. */
  readonly input?: Raster | undefined;
  /** A^+ y. */
  readonly pseudoInverse?: Raster | undefined;
  /** The picture that was to be restored, where it is smaller than the result. */
  readonly small?: Raster | undefined;
  /** Part of the values that were out of range and were cut off, 0 to 1. */
  readonly clipped: number;
  /** Part of the pixels that were missing, 0 to 1. */
  readonly replaced?: number | undefined;
  /** PSNR in dB of the result and of A^+ y against the ground truth, where that is known. */
  readonly psnr?: { readonly result: number; readonly pseudoInverse: number } | undefined;
  /** How far A x of the result is from the measurement y, where both are known. */
  readonly misfit?: Misfit | undefined;
  /** Where the result is the mean of several: how far they are from it, root of the mean square and greatest. */
  readonly deviation?: { readonly rms: number; readonly greatest: number } | undefined;
}

/** How far A x, of the picture as a file holds it, is from the measurement y, in units of y. */
export interface Misfit {
  /** Root of the mean square of A x - y. */
  readonly rms: number;
  /** Largest difference. */
  readonly greatest: number;
  /** Deviation of the noise that y is known to have; 0 if it is exact. */
  readonly sigmaY: number;
  /** Root of the mean square of y where it is no picture, whose values are nominally in [-1, 1]. */
  readonly size?: number | undefined;
}

/** What was found. */
export interface Verdict {
  /** Sentences, the gravest first; together what is printed. */
  readonly text: string;
  /** Whether the result is worse than, or no better than, what was there without a network. */
  readonly isHarm: boolean;
}

/** Two pictures so near to each other, in dB, are one for the eye. */
const SAME = 40;

/** More clipped values than this part are a damage of their own. */
const MOST_CLIPPED = 0.05;

/** More of the picture than this part replaced is said as a warning. */
const MOST_REPLACED = 0.5;

/** Levels of 255 in a unit of [-1, 1]. */
const LEVELS = 127.5;

/** A misfit up to this many levels of 255 (rms) comes of rounding, one beyond the other is a harm. */
const MISFIT_LEVELS = { said: 1, harm: 8 } as const;

/** The same for measurements that are no pictures, as parts of y. */
const MISFIT_PARTS = { said: 0.02, harm: 0.2 } as const;

/** The same for noisy measurements, in deviations of the noise. */
const MISFIT_DEVIATIONS = { said: 1.5, harm: 3 } as const;

/** Judges a result; what is not harmful is said too, so that there always is a sentence. */
export function judge(
  { result, input, pseudoInverse, small, clipped, replaced, psnr, misfit, deviation }: Judged,
): Verdict {
  if (!result.data.every(Number.isFinite)) {
    return { text: "Warning: the result holds values that are no finite numbers", isHarm: true };
  }
  const harms: string[] = [];
  const facts: string[] = [];
  if (psnr && psnr.result < psnr.pseudoInverse) {
    const [ours, theirs] = [psnr.result, psnr.pseudoInverse].map((value) => value.toFixed(2));
    harms.push(`the result is worse than A^+ y alone: ${ours} dB against ${theirs}`);
  }
  if (clipped > MOST_CLIPPED) {
    harms.push(`${percent(clipped)} of the values were out of range and are clipped: what was assumed does not fit`);
  }
  if (isFlat(result) && [pseudoInverse, input, small].some((other) => other && !isFlat(other))) {
    harms.push("the result is of one colour, what was measured is not");
  }
  const isEqual = input !== undefined && isSame(result, input);
  if (isEqual) harms.push("the result is equal to the input: nothing was restored");
  const near = [["bicubic enlargement", small && resize(small, result)], ["A^+ y", pseudoInverse]] as const;
  for (const [name, other] of isEqual ? [] : near) {
    if (!other || replaced !== undefined) continue;
    const closeness = closenessOf(result, other);
    if (closeness < SAME) continue;
    harms.push(`the result is no better than ${name}: they differ by ${closeness.toFixed(1)} dB, which nobody sees`);
    break;
  }
  if (replaced !== undefined) {
    (replaced > MOST_REPLACED ? harms : facts).push(`${percent(replaced)} of the picture was replaced`);
  }
  if (misfit && isBeyond(misfit, "said")) (isBeyond(misfit, "harm") ? harms : facts).push(describeMisfit(misfit));
  if (deviation) facts.push(describeDeviation(deviation));
  const isHarm = harms.length > 0;
  const all = [...harms, ...facts];
  if (all.length === 0) all.push("nothing speaks against the result");
  return { text: `${isHarm ? "Warning" : "Check"}: ${all.join("; ")}`, isHarm };
}

/** A misfit as a part of what rounding and noise account for: up to 1 the measurement is met. */
export function misfitShare(misfit: Misfit): number {
  return misfit.rms / limitOf(misfit, "said");
}

/** Whether a misfit is more than rounding and noise account for, or so much more that it is a harm. */
function isBeyond(misfit: Misfit, limit: "said" | "harm"): boolean {
  return misfit.rms > limitOf(misfit, limit);
}

function limitOf({ sigmaY, size }: Misfit, limit: "said" | "harm"): number {
  const least = size === undefined ? MISFIT_LEVELS[limit] / LEVELS : MISFIT_PARTS[limit] * size;
  return Math.max(least, MISFIT_DEVIATIONS[limit] * sigmaY);
}

function describeMisfit({ rms, greatest, sigmaY, size }: Misfit): string {
  const [unit, factor] = size === undefined ? ["levels of 255", LEVELS] : ["% of its size", 100 / size];
  const [mean, most, noise] = [rms, greatest, sigmaY].map((value) => (value * factor).toFixed(1));
  const known = sigmaY > 0 ? `, where its noise is ${noise}` : "";
  return `the measurement is not met: A x is ${mean} ${unit} from it (rms), at most ${most}${known}`;
}

function describeDeviation({ rms, greatest }: { readonly rms: number; readonly greatest: number }): string {
  if (greatest === 0) return "the samples are equal: the method draws nothing that shows";
  const [mean, most] = [rms, greatest].map((value) => (value * LEVELS).toFixed(1));
  return `the samples deviate by ${mean} levels of 255 (rms), at most ${most}: so much the measurement leaves open`;
}

/** Whether all pixels are equal once they are rounded to 255 levels. */
function isFlat({ data, channels }: Raster): boolean {
  return data.every((value, i) => Math.abs(value - data[i % channels]!) < HALF_LEVEL);
}

/** Whether two pictures are the same once they are rounded to 255 levels. */
function isSame(a: Raster, b: Raster): boolean {
  return isComparable(a, b) && a.data.every((value, i) => Math.abs(value - b.data[i]!) < HALF_LEVEL);
}

/** PSNR in dB of one picture against another, clamped to [-1, 1]; -Infinity where their shapes differ. */
function closenessOf(a: Raster, b: Raster): number {
  if (!isComparable(a, b)) return -Infinity;
  const square = a.data.reduce((sum, value, i) => sum + (value - Math.min(1, Math.max(-1, b.data[i]!))) ** 2, 0);
  return square === 0 ? Infinity : 10 * Math.log10(4 * a.data.length / square);
}

function isComparable(a: Raster, b: Raster): boolean {
  return a.width === b.width && a.height === b.height && a.channels === b.channels;
}
