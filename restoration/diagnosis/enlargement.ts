/** Whether a picture was enlarged before, and by how much, from its pixels alone. */
import { hostFourier } from "../../kernels/mod.ts";
import { type Raster, rgbToGray } from "../../raster/mod.ts";

/** An enlargement that a picture has behind it. */
export interface Enlargement {
  /** How many times larger it is than it was, along each side. */
  readonly factor: number;
  /** How sure it is, 0 to 1. */
  readonly confidence: number;
}

/** Length of the transform of a line, and of the part of a line that is looked at, in pixels. */
const LENGTH = 512;
const LONGEST = 256;

/** Most lines along each axis, evenly thinned out. */
const MOST_LINES = 256;

/** Shortest side of a picture that tells anything. */
const SHORTEST = 48;

/**
 * Distances of frequencies that are tried: those of factors from 1.25 to 8. Shorter ones are the width of the window, and
 * longer ones leave few frequencies.
 */
const LEAST_DISTANCE = LENGTH / 8 - 2;
const MOST_DISTANCE = Math.floor(LENGTH / 1.25);

/** Frequencies below it are what any picture has. */
const LOWEST = 6;

/** Least coherence of copies of a spectrum, and by how many times the usual spread it stands out. */
const COHERENT = { least: 0.045, outstanding: 14, width: 2 };

/** A distance that is not half of another has less than this part of its coherence. */
const FUNDAMENTAL = 0.45;

/**
 * Blocks of 8 pixels of a compression are coherent at every multiple of 1/8, odd ones as even ones; an enlargement is this
 * many times more so. At 3/4 blocks alone gave up to 2.8 times as much, of which up to 0.2 in photographs, and enlargements
 * by 4/3 from 0.5 on.
 */
const BEYOND_BLOCKS = 1.5;
const FAR_BEYOND_BLOCKS = { ratio: 4, least: 0.4 };
const BLOCK = LENGTH / 8;

/** Spectra of lines along one axis, the second difference taken: for each frequency the values of all lines. */
interface Lines {
  readonly re: readonly Float64Array[];
  readonly im: readonly Float64Array[];
  /** Sums of squares over the lines. */
  readonly power: readonly number[];
}

/**
 * Interpolation by a factor repeats the spectrum of the small picture at multiples of 1/factor cycles per pixel, and no
 * filter takes the copies off entirely: values at frequencies f and f - 1/factor go together from line to line. Looked
 * for is the distance a whose mean squared coherence |E[X(f) X*(f - a)]|^2 / (E|X(f)|^2 E|X(f - a)|^2) is the largest: the
 * factor is 1/a. At 1 - a there are copies of copies alone, which are less coherent.
 * @param picture [H, W, 1] or [H, W, 3], values in [-1, 1]
 * @returns undefined if it was not enlarged, or is too small to tell
 */
export function enlargementOf(picture: Raster): Enlargement | undefined {
  if (Math.min(picture.width, picture.height) < SHORTEST) return undefined;
  const gray = picture.channels === 3 ? rgbToGray(picture) : picture;
  const axes = [linesOf(gray, false), linesOf(gray, true)];
  const distances = Array.from({ length: MOST_DISTANCE - LEAST_DISTANCE + 1 }, (_, k) => LEAST_DISTANCE + k);
  const coherence = new Map(
    distances.map((distance) =>
      [distance, axes.reduce((sum, lines) => sum + coherenceOf(lines, distance), 0) / axes.length] as const
    ),
  );
  const values = [...coherence.values()];
  const usual = median(values);
  const spread = median(values.map((value) => Math.abs(value - usual)));
  const distance = fundamentalOf(coherence);
  const found = coherence.get(distance)!;
  const outstanding = (found - usual) / spread;
  if (found < COHERENT.least || isOfBlocks(distance, coherence)) return undefined;
  const confidence = 1 / (1 + Math.exp((COHERENT.outstanding - outstanding) / COHERENT.width));
  return { factor: LENGTH / preciseDistance(coherence, distance), confidence };
}

/** The distance with the largest coherence, or the half of it that has enough too. */
function fundamentalOf(coherence: ReadonlyMap<number, number>): number {
  let best = LEAST_DISTANCE;
  for (const [distance, value] of coherence) if (value > coherence.get(best)!) best = distance;
  const near = [Math.floor(best / 2), Math.ceil(best / 2)];
  const half = near.find((distance) => (coherence.get(distance) ?? 0) > FUNDAMENTAL * coherence.get(best)!);
  return half ?? best;
}

/** Whether it is the blocks of a compression that go together: then odd multiples of 1/8 do as well. */
function isOfBlocks(distance: number, coherence: ReadonlyMap<number, number>): boolean {
  if (Math.abs(distance / BLOCK - Math.round(distance / BLOCK)) > 1.5 / BLOCK) return false;
  const odd = Math.max(coherence.get(BLOCK)!, coherence.get(3 * BLOCK)!);
  if (distance > LENGTH / 2) {
    const { ratio, least } = FAR_BEYOND_BLOCKS;
    return coherence.get(distance)! < Math.max(least, ratio * Math.max(odd, coherence.get(5 * BLOCK)!));
  }
  return distance % (2 * BLOCK) !== 0 || coherence.get(distance)! < BEYOND_BLOCKS * odd;
}

/** The distance between the whole ones, by the centre of what stands out beside it. */
function preciseDistance(coherence: ReadonlyMap<number, number>, distance: number): number {
  const [left, middle, right] = [-1, 0, 1].map((step) => coherence.get(distance + step) ?? 0) as [
    number,
    number,
    number,
  ];
  // At half the sampling frequency both sides are the same.
  return distance === LENGTH / 2 ? distance : distance + (right - left) / (left + middle + right);
}

/** The mean over frequencies of the squared coherence of lines at two frequencies of a distance. */
function coherenceOf({ re, im, power }: Lines, distance: number): number {
  let [sum, count] = [0, 0];
  for (let f = Math.floor(distance / 2) + LOWEST; f <= LENGTH / 2 - 2; f++) {
    const other = Math.abs(f - distance);
    if (other < LOWEST) continue;
    const sign = f < distance ? -1 : 1;
    const [a, b, c, d] = [re[f]!, im[f]!, re[other]!, im[other]!];
    let [real, imaginary] = [0, 0];
    for (let line = 0; line < a.length; line++) {
      real += a[line]! * c[line]! + sign * b[line]! * d[line]!;
      imaginary += b[line]! * c[line]! - sign * a[line]! * d[line]!;
    }
    const powers = power[f]! * power[other]!;
    if (powers > 0) sum += (real * real + imaginary * imaginary) / powers;
    count++;
  }
  return count === 0 ? 0 : sum / count;
}

/** The spectra of second differences of rows or columns, under a Hann window. */
function linesOf({ width, height, data }: Raster, isColumns: boolean): Lines {
  const [whole, count] = isColumns ? [height, width] : [width, height];
  const length = Math.min(whole - 2, LONGEST);
  const first = 1 + (whole - 2 - length >> 1);
  const step = Math.max(1, Math.floor(count / MOST_LINES));
  const window = Float64Array.from(
    { length },
    (_, k) => 0.5 - 0.5 * Math.cos(2 * Math.PI * (k + 0.5) / length),
  );
  const [along, across] = isColumns ? [width, 1] : [1, width];
  const lines = Math.ceil(count / step);
  const spectra = { re: new Float64Array(lines * LENGTH), im: new Float64Array(lines * LENGTH) };
  for (let line = 0; line < lines; line++) {
    const start = line * step * across + first * along;
    for (let k = 0; k < length; k++) {
      const at = start + k * along;
      spectra.re[line * LENGTH + k] = window[k]! * (data[at - along]! - 2 * data[at]! + data[at + along]!);
    }
  }
  const { re, im } = hostFourier(spectra, [lines, 1, LENGTH, 1]);
  const atFrequency = (values: Float64Array): readonly Float64Array[] =>
    Array.from(
      { length: LENGTH / 2 + 1 },
      (_, f) => Float64Array.from({ length: lines }, (_, line) => values[line * LENGTH + f]!),
    );
  const found = { re: atFrequency(re), im: atFrequency(im) };
  const square = (values: Float64Array): number => values.reduce((sum, value) => sum + value * value, 0);
  return { ...found, power: found.re.map((values, f) => square(values) + square(found.im[f]!)) };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
