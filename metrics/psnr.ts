import { comparedImages, type ComparisonOptions } from "./comparison.ts";

/**
 * Peak signal-to-noise ratio in dB: 10 log10(peak^2 / mean (a - b)^2) over all pixels and channels that are compared.
 * @param a image [H, W, C]
 * @param b image [H, W, C]
 * @returns dB; Infinity for equal images
 * @throws {TypeError} if an image does not have the shape; {RangeError} if the border leaves nothing or white is not
 *   above black
 */
export function psnr(a: Float32Array, b: Float32Array, options: ComparisonOptions): number {
  const { left, right, peak } = comparedImages("PSNR", a, b, options);
  let sum = 0;
  for (let i = 0; i < left.length; i++) sum += ((left[i] as number) - (right[i] as number)) ** 2;
  return 10 * Math.log10(peak * peak / (sum / left.length));
}
