import type { Shape } from "../engine/mod.ts";
import { comparableValues, type ValueOptions } from "./eight_bit.ts";
import { checkImages } from "./image_shape.ts";

/** How PSNR is computed. */
export interface PsnrOptions extends ValueOptions {
  /** Shape of both images, [H, W, C]. */
  readonly shape: Shape;
  /** Pixels left out along every edge, at least 0; default 0. Some super-resolution tables leave out the scale. */
  readonly border?: number;
}

/**
 * Peak signal-to-noise ratio in dB: 10 log10(peak^2 / mean (a - b)^2) over all pixels and channels.
 * @param a image [H, W, C]
 * @param b image [H, W, C]
 * @returns dB; Infinity for equal images
 * @throws {TypeError} if an image does not have the shape; {RangeError} if the border leaves nothing or white is not
 *   above black
 */
export function psnr(a: Float32Array, b: Float32Array, options: PsnrOptions): number {
  const { shape, border = 0 } = options;
  const [height, width, channels] = checkImages("PSNR", a, b, shape);
  if (!Number.isInteger(border) || border < 0 || 2 * border >= Math.min(height, width)) {
    throw new RangeError(
      `Cannot compute PSNR: the border is ${border} pixels, an integer of at least 0 that leaves something of ` +
        `${height} x ${width} pixels is needed`,
    );
  }
  const { values: left, peak } = comparableValues(a, options);
  const { values: right } = comparableValues(b, options);
  let sum = 0;
  let count = 0;
  for (let row = border; row < height - border; row++) {
    const begin = (row * width + border) * channels;
    const end = (row * width + width - border) * channels;
    for (let i = begin; i < end; i++) sum += ((left[i] as number) - (right[i] as number)) ** 2;
    count += end - begin;
  }
  return 10 * Math.log10(peak * peak / (sum / count));
}
