import type { Raster } from "./raster.ts";

/** One level of the pyramid: weighted mean colour [H, W, C] and weight [H, W]. */
interface Level {
  readonly width: number;
  readonly height: number;
  readonly colour: Float32Array;
  readonly weight: Float32Array;
}

/**
 * Replaces the meaningless colour under transparent pixels by the colour of visible ones nearby, so that a network sees no
 * false edge: c' = a c + (1 - a) c_coarse, with c_coarse from a pyramid of alpha-weighted means (pull-push; Gortler et al.,
 * The Lumigraph, 1996).
 *
 * @param colour Picture [H, W, C].
 * @param alpha Alpha [H, W, 1] in [-1, 1], -1 transparent.
 * @returns The filled picture; opaque pixels are unchanged, and all of it if nothing is visible.
 * @throws TypeError If the sizes differ.
 */
export function fillUnderAlpha(colour: Raster, alpha: Raster): Raster {
  const { width, height, channels } = colour;
  if (alpha.width !== width || alpha.height !== height || alpha.channels !== 1) {
    throw new TypeError(
      `Cannot fill ${width} x ${height} pixels under an alpha plane of ${alpha.width} x ${alpha.height} pixels`,
    );
  }
  const weight = alpha.data.map((value) => Math.min(1, Math.max(0, (value + 1) / 2)));
  if (weight.every((value) => value === 0)) return colour;
  return { width, height, channels, data: fill({ width, height, colour: colour.data, weight }, channels) };
}

/** The colours of a level, completed from the coarser levels where its weight is below 1. */
function fill(level: Level, channels: number): Float32Array<ArrayBuffer> {
  const out = Float32Array.from(level.colour);
  if (level.width === 1 && level.height === 1) return out;
  if (level.weight.every((value) => value === 1)) return out;
  const coarser = halve(level, channels);
  const filled = fill(coarser, channels);
  for (let y = 0; y < level.height; y++) {
    for (let x = 0; x < level.width; x++) {
      const pixel = y * level.width + x;
      const weight = level.weight[pixel]!;
      if (weight === 1) continue;
      const below = ((y >> 1) * coarser.width + (x >> 1)) * channels;
      for (let c = 0; c < channels; c++) {
        const at = pixel * channels + c;
        out[at] = weight * level.colour[at]! + (1 - weight) * filled[below + c]!;
      }
    }
  }
  return out;
}

/** Means over 2 x 2 pixels, weighted by alpha; the weight becomes their sum, at most 1. */
function halve(level: Level, channels: number): Level {
  const width = Math.ceil(level.width / 2);
  const height = Math.ceil(level.height / 2);
  const colour = new Float32Array(width * height * channels);
  const weight = new Float32Array(width * height);
  for (let y = 0; y < level.height; y++) {
    for (let x = 0; x < level.width; x++) {
      const from = y * level.width + x;
      const to = (y >> 1) * width + (x >> 1);
      weight[to]! += level.weight[from]!;
      for (let c = 0; c < channels; c++) {
        colour[to * channels + c]! += level.weight[from]! * level.colour[from * channels + c]!;
      }
    }
  }
  for (let pixel = 0; pixel < weight.length; pixel++) {
    const sum = weight[pixel]!;
    for (let c = 0; c < channels && sum > 0; c++) colour[pixel * channels + c]! /= sum;
    weight[pixel] = Math.min(1, sum);
  }
  return { width, height, colour, weight };
}
