/** Faded photos: how much of the range a gray picture uses, and the whole range given back to it. */
import type { Raster } from "../../raster/mod.ts";

/** The darkest and the brightest values of a picture, but for few pixels. */
export interface Contrast {
  /** What becomes black, in [-1, 1]. */
  readonly black: number;
  /** What becomes white. */
  readonly white: number;
}

/** Part of the pixels that may lie beyond either point; less is dust and noise. */
const BEYOND = 0.005;

/** A photo that uses more than this part of the range is not faded. */
const WHOLE = 0.9;

/**
 * Black and white point: the values below and above which 0.5 % of the known pixels are.
 * @param gray one channel in [-1, 1]
 * @param known 1 where a pixel counts; all where absent
 * @returns undefined if the picture is not faded, or has one value alone
 */
export function fadedContrast({ data }: Raster, known?: ArrayLike<number>): Contrast | undefined {
  const values = Float32Array.from(known ? data.filter((_, pixel) => known[pixel] === 1) : data).sort();
  const last = values.length - 1;
  const [black, white] = [BEYOND, 1 - BEYOND].map((part) => values[Math.round(part * last)]!) as [number, number];
  return black < white && white - black < 2 * WHOLE ? { black, white } : undefined;
}

/** x -> 2 (x - black) / (white - black) - 1, limited to [-1, 1]. */
export function stretched(raster: Raster, { black, white }: Contrast): Raster {
  const scale = 2 / (white - black);
  return { ...raster, data: raster.data.map((value) => Math.min(1, Math.max(-1, (value - black) * scale - 1))) };
}
