/** Overexposed photos: from which value each channel is clipped, and a result that is true to all that is not. */
import type { Raster } from "../../raster/mod.ts";

/** What is known of the clipping of a channel. */
export interface Clipping {
  /** Least clipped value, in [-1, 1]; above 1 if none is clipped. */
  readonly white: number;
  /** Part of the values that are clipped, 0 to 1. */
  readonly share: number;
}

/** The plateau is looked for among the highest values of a channel, in levels of 255. */
const TOP_LEVELS = 8;

/** A plateau below the end of the range lies in its bright part. */
const LEAST_PLATEAU = 0.75;

/** Least part of the values in a plateau below the end of the range, and least number of them. */
const LEAST_SHARE = 0.005;
const LEAST_COUNT = 8;

/** How many times as frequent as the levels below a plateau is. */
const SPIKE = 8;

/** Levels beside the plateau that lossy coding makes of it are this frequent, as a part of it. */
const SMEARED = 0.1;

/**
 * Finds from which value on each channel is clipped: at the end of the range all values that reach it, and otherwise the
 * plateau, a spike of the histogram at its upper end, with what lossy coding made of it.
 * @param picture values [H, W, C] in [-1, 1]
 * @param bitDepth of the file
 */
export function findClipping(picture: Raster, bitDepth: 8 | 16): readonly Clipping[] {
  return Array.from({ length: picture.channels }, (_, channel) => clippingOf(picture, channel, 2 ** bitDepth - 1));
}

/** The clipping of every channel where the level is known, in [-1, 1]. */
export function clippingFrom(picture: Raster, white: number): readonly Clipping[] {
  const { channels, data } = picture;
  return Array.from({ length: channels }, (_, channel) => {
    const count = data.filter((value, i) => i % channels === channel && value >= white).length;
    return { white, share: count * channels / data.length };
  });
}

function clippingOf({ channels, data }: Raster, channel: number, full: number): Clipping {
  const counts = new Uint32Array(full + 1);
  for (let i = channel; i < data.length; i += channels) counts[levelOf(data[i]!, full)]!++;
  const total = data.length / channels;
  let top = full;
  while (top > 0 && counts[top] === 0) top--;
  const unit = full / 255;
  let plateau = top;
  for (let level = top; level > top - TOP_LEVELS * unit && level > 0; level--) {
    if (counts[level]! > counts[plateau]!) plateau = level;
  }
  const below = counts.subarray(Math.max(0, plateau - 24 * unit), Math.max(0, plateau - 4 * unit));
  const usual = below.reduce((sum, count) => sum + count, 0) / Math.max(1, below.length);
  const isSpike = plateau >= LEAST_PLATEAU * full &&
    counts[plateau]! >= Math.max(LEAST_COUNT, LEAST_SHARE * total, SPIKE * usual);
  if (!isSpike && top < full) return { white: Infinity, share: 0 };
  let least = isSpike ? plateau : top;
  if (isSpike) {
    for (let level = plateau; level > plateau - 4 * unit && level > 0; level--) {
      if (counts[level]! >= SMEARED * counts[plateau]! + usual) least = level;
    }
  }
  const clipped = counts.subarray(least).reduce((sum, count) => sum + count, 0);
  return { white: 2 * least / full - 1, share: clipped / total };
}

function levelOf(value: number, full: number): number {
  return Math.min(full, Math.max(0, Math.round((value + 1) / 2 * full)));
}

/** Values nearer than this to where a channel is clipped are clipped, in units of [-1, 1]. */
const ROUNDING = 1e-6;

/** A photo whose clipped values are 1, and the exposures with which its operator gives it. */
export interface Exposed {
  /** Each channel scaled from black so that its clipped values become 1. */
  readonly picture: Raster;
  /** Of each channel, or one for all, so that the picture without clipping is `gain` times darker. */
  readonly exposures: readonly number[];
}

/** The measurement that a photo is of a picture that is `gain` times darker. */
export function asExposed(photo: Raster, clipping: readonly Clipping[], gain: number): Exposed {
  const whites = clipping.map(({ white }) => Math.min(1, white));
  const { channels } = photo;
  const data = photo.data.map((value, i) => {
    const white = whites[i % channels]!;
    return value >= clipping[i % channels]!.white - ROUNDING ? 1 : (value + 1) * 2 / (white + 1) - 1;
  });
  const exposures = whites.map((white) => gain * 2 / (white + 1));
  return { picture: { ...photo, data }, exposures: new Set(exposures).size === 1 ? exposures.slice(0, 1) : exposures };
}

/**
 * The picture nearest to another that gives the photo: exact where a value is not clipped, and where it is, at least what
 * the photo tells.
 * @param x values [H, W, C] in [-1, 1]
 * @param y of the same size, its clipped values 1
 * @param exposures of the channels, or one for all
 */
export function withHighlights(x: Raster, y: Raster, exposures: ArrayLike<number>): Raster {
  const data = x.data.map((value, i) => {
    const told = (y.data[i]! + 1) / exposures[i % Math.min(x.channels, exposures.length)]! - 1;
    return y.data[i]! < 1 ? told : Math.max(value, told);
  });
  return { ...x, data };
}
