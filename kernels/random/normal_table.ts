/**
 * The table that turns 31 uniform bits into half-normal deviates with integer arithmetic alone. A value v in
 * [0, 2^31) stands for the upper tail probability p = (v + 1/2) / 2^32, and the table gives x with Q(x) = p, where
 * Q is the upper tail of the standard normal distribution.
 *
 * Layout, 4,864 words: v >= 64 falls into octave k = 0, ..., 24 (2^(30 - k) <= v < 2^(31 - k)), each cut into 64 equal
 * pieces of three words c0, c1, c2: x = c0 - t (c1 - t c2) with t in [0, 1) across the piece. The 64 smallest v have a
 * word each. All words are multiples of 2^-29.
 *
 * The table is computed with +, -, * and / alone, which are exactly specified, so it has the same bits in every
 * JavaScript engine; `Math.exp` or `Math.log` would not promise that.
 */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";

/** Pieces of an octave, and number of smallest values with a word of their own. */
export const PIECES = 64;
/** Octaves of values that are interpolated. */
export const OCTAVES = 25;
/** Words in front of the single values. */
export const PIECE_WORDS = 3 * PIECES * OCTAVES;
/** Words of the table. */
export const TABLE_WORDS = PIECE_WORDS + PIECES;
/** Units of a table word in 1: results are multiples of 2^-29, below 8. */
export const FRACTION_BITS = 29;

/** exp(-z) for 0 <= z < 32: Taylor series of exp(z / 64), inverted and squared six times. */
function exponential(z: number): number {
  const part = z / 64;
  let series = 1;
  for (let n = 20; n >= 1; n--) series = 1 + series * part / n;
  let power = 1 / series;
  for (let k = 0; k < 6; k++) power *= power;
  return power;
}

const SQRT_TWO_PI = 2.5066282746310002;

/** Density of the standard normal distribution. */
function density(x: number): number {
  return exponential(x * x / 2) / SQRT_TWO_PI;
}

/** Upper tail Q(x) for 0 <= x < 8: the series around 0 of the odd part, or the continued fraction of Mills' ratio. */
function upperTail(x: number): number {
  if (x < 2) {
    let term = x;
    let sum = x;
    for (let n = 1; n <= 40; n++) {
      term *= x * x / (2 * n + 1);
      sum += term;
    }
    return 0.5 - density(x) * sum;
  }
  let ratio = x;
  for (let n = 160; n >= 1; n--) ratio = x + n / ratio;
  return density(x) / ratio;
}

/** x with Q(x) = p by Halley's iteration from a neighbouring solution. */
function quantile(p: number, start: number): number {
  let x = start;
  for (let k = 0; k < 4; k++) {
    const step = (upperTail(x) - p) / density(x);
    x += step / (1 - step * x / 2);
  }
  return x;
}

function computeTable(): Uint32Array {
  const words = new Uint32Array(TABLE_WORDS);
  const unit = 1 << FRACTION_BITS;
  let x = 0;
  const at = (v: number): number => x = quantile((v + 0.5) / 0x100000000, x);
  // Chebyshev nodes of [0, 1], from the largest value down, so that every solution starts next to the last one.
  const nodes = [0.9330127018922193, 0.5, 0.06698729810778065] as const;
  for (let octave = 0; octave < OCTAVES; octave++) {
    const width = 1 << (24 - octave);
    for (let piece = PIECES - 1; piece >= 0; piece--) {
      const base = (PIECES + piece) * width;
      const [high, middle, low] = nodes.map((t) => at(base + t * width)) as [number, number, number];
      const first = (middle - low) / (nodes[1] - nodes[2]);
      const second = (high - middle) / (nodes[0] - nodes[1]);
      const c2 = (second - first) / (nodes[0] - nodes[2]);
      const slope = first - c2 * (nodes[1] + nodes[2]);
      const c0 = low - nodes[2] * (slope + nodes[2] * c2);
      words.set([c0, -slope, c2].map((value) => Math.round(value * unit)), 3 * (octave * PIECES + piece));
    }
  }
  for (let v = PIECES - 1; v >= 0; v--) words[PIECE_WORDS + v] = Math.round(at(v) * unit);
  return words;
}

let table: HostTensor | undefined;

/** The table as a u32 tensor [4864]; it is computed at first use, in a few milliseconds, and is the same object after. */
export function normalTable(): HostTensor {
  table ??= hostTensor(computeTable(), [TABLE_WORDS]);
  return table;
}
