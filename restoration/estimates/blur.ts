/** How a picture is blurred, from the picture alone: by a round Gaussian, or by a uniform motion along a line. */
import { centre, crop, type Raster, rgbToGray } from "../../raster/mod.ts";
import { slopeSpread, unblurred } from "./deconvolution.ts";
import { fitColumns } from "./least_squares_fit.ts";
import { lineKernel } from "./line_kernel.ts";
import { noiseOfFlatParts } from "./noise_level.ts";
import { type PowerSpectrum, powerSpectrum } from "./power_spectrum.ts";

/** An estimated blur. */
export type Blur = GaussianBlur | MotionBlur;

/** A round Gaussian. */
export interface GaussianBlur {
  /** Which of the two it is. */
  readonly kind: "gaussian";
  /** Standard deviation in pixels. */
  readonly sigma: number;
  /** Standard error of sigma, in pixels. */
  readonly spread: number;
  /** How sure it is that the picture is blurred, and so, 0 to 1. */
  readonly confidence: number;
}

/** A uniform motion along a line. */
export interface MotionBlur {
  /** Which of the two it is. */
  readonly kind: "motion";
  /** Length in pixels. */
  readonly length: number;
  /** Direction in degrees, 0 to 180, counterclockwise from the direction of rows. */
  readonly angle: number;
  /** How sure it is that the picture is blurred so, 0 to 1. */
  readonly confidence: number;
}

/** Power of pictures falls with the frequency as f^-2.4, the exponent with a precision of 16 (a deviation of 1/4). */
const FALL = { value: -2.4, weight: 16 };

/** Blurs up to this deviation in pixels are those of any lens and of resizing. */
const SHARP = 0.6;

/** By how much the exponent of a picture's own spectrum can be off: sigma^2 by that over (2 pi f)^2 of the highest f. */
const OWN_FALL = 0.5;

/** Part of sigma^2 by which kernels of other shapes can be off. */
const OWN_SHAPE = 0.3;

/**
 * Logarithm of how many times more a Gaussian must leave unexplained than a motion does, and what is uncertain of it. What
 * motions of other lengths leave counts too, by a part: no other blur has zeros that tell a length.
 */
const MOTION = { better: 0.14, width: 0.02, prominence: 0.4 };

/** Motions that are so much longer or shorter have their zeros elsewhere, from a length on that has several, in pixels. */
const ELSEWHERE = 2;
const SEVERAL = 6;

/** So much of what is left, by the number of frequencies, the best of all motions explains by chance. */
const BY_CHANCE = 60;

/** Lengths of motions from here on differ from Gaussians, in pixels. */
const SHORTEST = 3;

/**
 * A kernel that lines of a picture feign makes waves of it: by so many times the slopes are spread more evenly where the
 * kernel is wrong. Right ones of 3 to 15 pixels gave 1.0 to 1.5 in eight pictures, wrong ones from 1.7 on.
 */
const WAVES = { from: 1.6, width: 0.05 };

/** Most directions of motions that are looked at, and the longest side of what is looked at for waves, in pixels. */
const MOST_DIRECTIONS = 5;
const WAVES_SIDE = 160;

/** A motion leaves zeros, which windows and rounding fill up to this part of the power. */
const FILLED = 0.02;

/** Most frequencies that the search for a motion looks at. */
const MOST_FREQUENCIES = 4000;

/**
 * The blur that explains the power spectrum best. The logarithm of the power of a picture without blur is a plane over
 * log f and a few angles; a Gaussian adds -(2 pi sigma f)^2, a motion by L along u the zeros of 2 log |sinc(L u f)|.
 * Values in [-1, 1]; fine structure and 8 bits suffice from about 32 pixels on.
 * @param picture [H, W, 1] or [H, W, 3]
 * @returns undefined if the picture is too small, or shows too little above its noise
 */
export function estimateBlur(picture: Raster): Blur | undefined {
  const gray = picture.channels === 3 ? rgbToGray(picture) : picture;
  const noise = Math.max(noiseOfFlatParts(gray) ?? Infinity, 1 / 255);
  const spectrum = powerSpectrum(gray, noise);
  if (!spectrum) return undefined;
  const gaussian = fitGaussian(spectrum);
  const motion = likelyMotion(gray, spectrum, { noise, other: gaussian.residual });
  if (motion && motion.likelihood > 0.5) {
    const { length, angle, likelihood, plausibility } = motion;
    // The longest that was tried may stand for a longer one.
    const isLongest = length > longestLength(spectrum) - 1;
    const confidence = likelihood * plausibility;
    return { kind: "motion", length, angle, confidence: isLongest ? confidence / 2 : confidence };
  }
  const isMotion = motion?.likelihood ?? 0;
  const { variance, error } = gaussian;
  const sigma = Math.sqrt(Math.max(0, variance));
  const highest = spectrum.fx.reduce((most, x, i) => Math.max(most, Math.hypot(x, spectrum.fy[i]!)), 0);
  const deviation = Math.hypot(error, OWN_SHAPE * variance, OWN_FALL / (2 * Math.PI * highest) ** 2);
  return {
    kind: "gaussian",
    sigma,
    spread: deviation / (2 * Math.max(sigma, SHARP)),
    confidence: (1 - isMotion) / (1 + Math.exp(-1.7 * (variance - SHARP ** 2) / deviation)),
  };
}

/** A motion, how likely it is beside a Gaussian, and whether what it makes of the picture looks like one; both 0 to 1. */
interface LikelyMotion extends MotionFit {
  readonly likelihood: number;
  readonly plausibility: number;
}

/**
 * The motion that explains the spectrum best of those that undo a blur; of all, where none does. Lines of a picture leave
 * traces of their direction as a motion does, so that what explains the spectrum best can be wrong.
 * @param other what a Gaussian leaves unexplained
 */
function likelyMotion(
  gray: Raster,
  spectrum: PowerSpectrum,
  { noise, other }: { readonly noise: number; readonly other: number },
): LikelyMotion | undefined {
  const part = { width: Math.min(gray.width, WAVES_SIDE), height: Math.min(gray.height, WAVES_SIDE) };
  const seen = crop(gray, centre(gray, part));
  const usual = slopeSpread(seen);
  let first: LikelyMotion | undefined;
  for (const fit of fitMotions(spectrum, longestMotions(gray, noise))) {
    const likelihood = likelihoodOf(fit, spectrum, other);
    if (likelihood <= 0.5) return first ?? { ...fit, likelihood, plausibility: 1 };
    const waves = slopeSpread(unblurred(seen, lineKernel(fit.length, fit.angle))) / usual;
    const found = { ...fit, likelihood, plausibility: 1 / (1 + Math.exp((waves - WAVES.from) / WAVES.width)) };
    if (found.plausibility > 0.5) return found;
    first ??= found;
  }
  return first;
}

/** How likely a motion is beside a Gaussian, 0 to 1. */
function likelihoodOf(motion: MotionFit, { power }: PowerSpectrum, other: number): number {
  const prominence = motion.length >= SEVERAL ? motion.prominence : 0;
  const score = Math.log(other / motion.residual) + MOTION.prominence * prominence;
  const isChance = score < BY_CHANCE / power.length;
  return isChance ? 0 : 1 / (1 + Math.exp((MOTION.better - score) / MOTION.width));
}

/** What a picture without blur has: a plane over log f and angles. */
function ownColumns({ fx, fy }: PowerSpectrum): Float64Array[] {
  const logarithms = fx.map((x, i) => Math.log(Math.hypot(x, fy[i]!)));
  const mean = logarithms.reduce((sum, value) => sum + value, 0) / logarithms.length;
  const centred = logarithms.map((value) => value - mean);
  const angular = (times: number, of: (angle: number) => number): Float64Array =>
    fx.map((x, i) => of(times * Math.atan2(fy[i]!, x)));
  const [cosine, sine] = [angular(2, Math.cos), angular(2, Math.sin)];
  const falling = (column: Float64Array): Float64Array => column.map((value, i) => value * centred[i]!);
  return [
    centred,
    fx.map(() => 1),
    cosine,
    sine,
    falling(cosine),
    falling(sine),
    angular(4, Math.cos),
    angular(4, Math.sin),
  ];
}

/** The Gaussian that fits best: sigma^2 with its standard error. */
function fitGaussian(
  spectrum: PowerSpectrum,
): { readonly variance: number; readonly error: number; readonly residual: number } {
  const own = ownColumns(spectrum);
  const { fx, fy, power } = spectrum;
  const gaussian = fx.map((x, i) => -((2 * Math.PI) ** 2) * (x ** 2 + fy[i]! ** 2));
  const free = fitColumns(own, power).residual;
  const prior = new Map([[0, { ...FALL, weight: FALL.weight * free }]]);
  const { coefficients, variances, residual } = fitColumns([...own, gaussian], power, prior);
  const variance = coefficients.at(-1)!;
  if (variance > 0) return { variance, error: Math.sqrt(variances.at(-1)!), residual };
  return { variance: 0, error: Math.sqrt(variances.at(-1)!), residual: free };
}

/** A motion and how well it explains. */
interface MotionFit extends Tried {
  /** Logarithm of how many times more motions of other lengths leave. */
  readonly prominence: number;
}

/** A motion and the mean square that it leaves unexplained. */
interface Tried {
  readonly length: number;
  readonly angle: number;
  readonly residual: number;
}

/** Angles of motions that are tried first, in degrees. */
const ANGLES = { step: 6, count: 30 };

/** Share of the steepest places of a picture that may be noise, and by how much other slopes may be off. */
const STEEPEST = 0.0005;
const STEEPER = 1.25;

/** Noise beyond so many deviations is rare. */
const BEYOND_NOISE = 3.5;

/** Most places where slopes are looked at. */
const MOST_SLOPES = 20_000;

/**
 * The longest motion in pixels along each of the angles that the slopes of a picture allow: a mean over L pixels rises by
 * at most an L-th of the picture's range from one pixel to the next.
 */
function longestMotions({ width, height, data }: Raster, noise: number): readonly number[] {
  const step = Math.max(1, Math.floor(width * height / MOST_SLOPES));
  const slopes: (readonly [right: number, down: number])[] = [];
  let [least, most] = [Infinity, -Infinity];
  for (let i = width + 1; i < width * (height - 1) - 1; i += step) {
    [least, most] = [Math.min(least, data[i]!), Math.max(most, data[i]!)];
    if (i % width === 0 || i % width === width - 1) continue;
    slopes.push([(data[i + 1]! - data[i - 1]!) / 2, (data[i + width]! - data[i - width]!) / 2]);
  }
  return Array.from({ length: ANGLES.count }, (_, k) => {
    const [cosine, sine] = [Math.cos(k * ANGLES.step * Math.PI / 180), Math.sin(k * ANGLES.step * Math.PI / 180)];
    const along = Float64Array.from(slopes, ([right, down]) => Math.abs(right * cosine - down * sine)).sort();
    const steepest = along[Math.floor((1 - STEEPEST) * (along.length - 1))]! - BEYOND_NOISE * noise / Math.SQRT2;
    return STEEPER * (most - least) / Math.max(steepest, 1e-6);
  });
}

/** Zeros of longer motions lie too close to each other, in pixels. */
function longestLength({ side }: PowerSpectrum): number {
  return side / 5;
}

/** The motions that fit best in their directions, the best first: on a grid of angles and lengths, then around it. */
function* fitMotions(spectrum: PowerSpectrum, limits: readonly number[]): Generator<MotionFit> {
  const left = unexplained(spectrum);
  const range = (from: number, to: number, step: number): readonly number[] =>
    Array.from({ length: Math.max(0, Math.floor((to - from) / step) + 1) }, (_, k) => from + k * step);
  const tried = (angle: number, lengths: readonly number[]): readonly Tried[] =>
    lengths.map((length) => ({ angle, length, residual: left(length, angle) }));
  const best = (fits: readonly Tried[]): Tried | undefined =>
    fits.reduce<Tried | undefined>((a, b) => a === undefined || b.residual < a.residual ? b : a, undefined);
  const coarse = limits.map((limit, k) =>
    best(tried(k * ANGLES.step, range(SHORTEST, Math.min(limit, longestLength(spectrum)), 1)))
  );
  const residualAt = (k: number): number => coarse[(k + ANGLES.count) % ANGLES.count]?.residual ?? Infinity;
  const peaks = coarse.filter((fit, k) =>
    fit && fit.residual <= residualAt(k - 1) && fit.residual <= residualAt(k + 1)
  );
  const directions = (peaks as readonly Tried[]).toSorted((a, b) => a.residual - b.residual).slice(0, MOST_DIRECTIONS);
  for (const { angle, length } of directions) {
    const lengths = range(Math.max(SHORTEST, length - 1), length + 1, 0.25);
    const near = best(range(angle - 5, angle + 5, 1).flatMap((close) => tried(close, lengths)))!;
    const others = (left(near.length - ELSEWHERE, near.angle) + left(near.length + ELSEWHERE, near.angle)) / 2;
    yield { ...near, angle: (near.angle + 180) % 180, prominence: Math.log(others / near.residual) };
  }
}

/** The mean square that is left of the power when a motion and what a picture has by itself are taken off. */
function unexplained(spectrum: PowerSpectrum): (length: number, angle: number) => number {
  const step = Math.ceil(spectrum.power.length / MOST_FREQUENCIES);
  const thinned = (values: Float64Array): Float64Array => values.filter((_, i) => i % step === 0);
  const [fx, fy, power] = [spectrum.fx, spectrum.fy, spectrum.power].map(thinned) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const basis = orthonormal(ownColumns({ ...spectrum, fx, fy, power }));
  const rest = new Float64Array(power.length);
  return (length, angle) => {
    const [cosine, sine] = [Math.cos(angle * Math.PI / 180), Math.sin(angle * Math.PI / 180)];
    for (let i = 0; i < rest.length; i++) {
      const phase = Math.PI * length * (fx[i]! * cosine - fy[i]! * sine);
      const sinc = Math.abs(phase) < 1e-9 ? 1 : Math.sin(phase) / phase;
      rest[i] = power[i]! - Math.log(sinc * sinc + FILLED);
    }
    let square = 0;
    for (const value of rest) square += value * value;
    for (const column of basis) {
      let part = 0;
      for (let i = 0; i < rest.length; i++) part += column[i]! * rest[i]!;
      square -= part * part;
    }
    return square / rest.length;
  };
}

/** Columns made orthonormal one after the other (Gram and Schmidt). */
function orthonormal(columns: readonly Float64Array[]): readonly Float64Array[] {
  const basis: Float64Array[] = [];
  for (const column of columns) {
    const rest = Float64Array.from(column);
    for (const other of basis) {
      const part = rest.reduce((sum, value, i) => sum + value * other[i]!, 0);
      for (let i = 0; i < rest.length; i++) rest[i]! -= part * other[i]!;
    }
    const length = Math.sqrt(rest.reduce((sum, value) => sum + value ** 2, 0));
    if (length > 1e-6) basis.push(rest.map((value) => value / length));
  }
  return basis;
}
