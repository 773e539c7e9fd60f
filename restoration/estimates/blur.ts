/**
 * How a picture is blurred, from the picture alone: by a round Gaussian, out of focus by a disc, by a square as programs
 * do, or by a uniform motion along a line.
 */
import { centre, crop, type Raster, rgbToGray } from "../../raster/mod.ts";
import { slopeSpread, unblurred } from "./deconvolution.ts";
import { fitColumns } from "./least_squares_fit.ts";
import { lineKernel } from "./line_kernel.ts";
import { noiseOfFlatParts } from "./noise_level.ts";
import { type PowerSpectrum, powerSpectrum } from "./power_spectrum.ts";
import { discTransfer, motionTransfer, squareTransfer, type Transfer } from "./transfer.ts";
import { ownColumns, unexplained } from "./unexplained.ts";

/** An estimated blur. */
export type Blur = GaussianBlur | AreaBlur | MotionBlur;

/** A round Gaussian. */
export interface GaussianBlur {
  /** Which of them it is. */
  readonly kind: "gaussian";
  /** Standard deviation in pixels. */
  readonly sigma: number;
  /** Standard error of sigma, in pixels. */
  readonly spread: number;
  /** How sure it is that the picture is blurred, and so, 0 to 1. */
  readonly confidence: number;
}

/** A mean over a disc, as of a lens out of focus, or over a square along rows and columns. */
export interface AreaBlur {
  /** Which of them it is. */
  readonly kind: "disc" | "square";
  /** Diameter of the disc, side of the square, in pixels. */
  readonly width: number;
  /** How sure it is that the picture is blurred so, 0 to 1. */
  readonly confidence: number;
}

/** A uniform motion along a line. */
export interface MotionBlur {
  /** Which of them it is. */
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

/**
 * Logarithm of how many times more a Gaussian must leave unexplained than a disc or a square does, and what is uncertain
 * of it: of ten photographs under Gaussians and motions, discs and squares explained up to 0.14 better, under discs from 5
 * pixels and squares from 4 on 0.26 to 1.2 where zeros stand out of the noise.
 */
const AREA = { better: 0.2, width: 0.02 };

/** Widths that are tried, in pixels: narrower discs and squares have no zeros. */
const WIDTHS = { least: 3, step: 0.25 };

/**
 * A motion explains as much of a square as the square itself, and discs and squares explain at most a quarter of what a
 * motion does of one: from this part of the motion's logarithm on it is no motion.
 */
const BESIDE_MOTION = 0.35;

/** Most directions of motions that are looked at, and the longest side of what is looked at for waves, in pixels. */
const MOST_DIRECTIONS = 5;
const WAVES_SIDE = 160;

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
  const area = likelyArea(spectrum, gaussian.residual, motion?.residual);
  if (area.confidence > 0.5) return area;
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

/**
 * The disc or square that explains the spectrum best, as sure as it explains more than others do.
 * @param other what a Gaussian leaves unexplained
 * @param motion what a motion leaves
 */
function likelyArea(spectrum: PowerSpectrum, other: number, motion = other): AreaBlur {
  const left = unexplained(spectrum);
  const longest = longestLength(spectrum);
  const count = Math.floor((longest - WIDTHS.least) / WIDTHS.step) + 1;
  const tried = (kind: AreaBlur["kind"], transfer: (width: number) => Transfer) =>
    Array.from({ length: count }, (_, k) => {
      const width = WIDTHS.least + k * WIDTHS.step;
      return { kind, width, residual: left(transfer(width)) };
    });
  const all = [...tried("disc", (width) => discTransfer(width / 2)), ...tried("square", squareTransfer)];
  const { kind, width, residual } = all.reduce((a, b) => b.residual < a.residual ? b : a);
  const score = Math.log(other / residual);
  const isMore = score >= BY_CHANCE / spectrum.power.length && score > BESIDE_MOTION * Math.log(other / motion);
  const likelihood = isMore ? 1 / (1 + Math.exp((AREA.better - score) / AREA.width)) : 0;
  // The widest that was tried may stand for a wider one.
  return { kind, width, confidence: width > longest - 1 ? likelihood / 2 : likelihood };
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
  const right: number[] = [];
  const down: number[] = [];
  let [least, most] = [Infinity, -Infinity];
  for (let i = width + 1; i < width * (height - 1) - 1; i += step) {
    [least, most] = [Math.min(least, data[i]!), Math.max(most, data[i]!)];
    if (i % width === 0 || i % width === width - 1) continue;
    right.push((data[i + 1]! - data[i - 1]!) / 2);
    down.push((data[i + width]! - data[i - width]!) / 2);
  }
  const steeper = right.length - 1 - Math.floor((1 - STEEPEST) * (right.length - 1));
  return Array.from({ length: ANGLES.count }, (_, k) => {
    const [cosine, sine] = [Math.cos(k * ANGLES.step * Math.PI / 180), Math.sin(k * ANGLES.step * Math.PI / 180)];
    const along = Float64Array.from(right, (slope, i) => Math.abs(slope * cosine - down[i]! * sine));
    const steepest = largestWithout(steeper, along) - BEYOND_NOISE * noise / Math.SQRT2;
    return STEEPER * (most - least) / Math.max(steepest, 1e-6);
  });
}

/** The largest of some numbers without the few that are larger still; sorting all of them would take several times as long. */
function largestWithout(leftOut: number, values: Float64Array): number {
  const top = new Float64Array(leftOut + 1).fill(-Infinity);
  for (const value of values) {
    if (value <= top[0]!) continue;
    let place = 0;
    for (; place < leftOut && top[place + 1]! < value; place++) top[place] = top[place + 1]!;
    top[place] = value;
  }
  return top[0]!;
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
    lengths.map((length) => ({ angle, length, residual: left(motionTransfer(length, angle)) }));
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
    const others = (tried(near.angle, [near.length - ELSEWHERE, near.length + ELSEWHERE]).reduce((sum, { residual }) =>
      sum + residual, 0)) / 2;
    yield { ...near, angle: (near.angle + 180) % 180, prominence: Math.log(others / near.residual) };
  }
}
