/** The noise of a picture by the eigenvalues of its patches. */
import { symmetricEigenvalues } from "../../metrics/mod.ts";
import type { Raster } from "../../raster/mod.ts";

/** Side of the patches in pixels, of one channel and of three. */
const PATCH = { 1: 7, 3: 4 } as const;

/** Fewest patches for each dimension of a patch; fewer give eigenvalues that spread by themselves. */
const PATCHES_PER_DIMENSION = 8;

/** Most patches; more cost time and tell nothing new. */
const MOST_PATCHES = 12_000;

/**
 * The deviation of white normal noise by the eigenvalues of the covariance of patches: a clean picture leaves most of
 * them near 0, noise adds sigma^2 to each. Starting from all, the largest are taken away until mean and median of the
 * rest agree, as they do for noise alone (Chen, Zhu and Heng, An Efficient Statistical Method for Image Noise Level
 * Estimation, ICCV 2015). Patches with values that are cut off (at -1 or 1) are left out.
 * @param picture [H, W, 1] or [H, W, 3], values in [-1, 1]; three equal channels count as one
 * @returns undefined if the picture has too few patches to tell
 */
export function eigenvalueNoise({ width, height, channels, data }: Raster): number | undefined {
  const isGray = channels === 1 || isEqualChannels(data);
  const used = isGray ? 1 : 3;
  const side = PATCH[used];
  const dimension = side * side * used;
  const places = Math.max(0, width - side + 1) * Math.max(0, height - side + 1);
  const stride = Math.max(1, Math.floor(places / MOST_PATCHES));
  const patch = new Float64Array(dimension);
  const mean = new Float64Array(dimension);
  const products = new Float64Array(dimension * dimension);
  let count = 0;
  for (let place = 0; place < places; place += stride) {
    const [x, y] = [place % (width - side + 1), Math.floor(place / (width - side + 1))];
    let isWhole = true;
    for (let i = 0; i < dimension; i++) {
      const channel = i % used;
      const pixel = Math.floor(i / used);
      const value = data[((y + Math.floor(pixel / side)) * width + x + pixel % side) * channels + channel]!;
      patch[i] = value;
      if (Math.abs(value) >= 1) isWhole = false;
    }
    if (!isWhole) continue;
    count++;
    for (let i = 0; i < dimension; i++) {
      mean[i]! += patch[i]!;
      for (let j = 0; j <= i; j++) products[i * dimension + j]! += patch[i]! * patch[j]!;
    }
  }
  if (count < PATCHES_PER_DIMENSION * dimension) return undefined;
  for (let i = 0; i < dimension; i++) {
    for (let j = 0; j <= i; j++) {
      const covariance = products[i * dimension + j]! / count - (mean[i]! / count) * (mean[j]! / count);
      products[i * dimension + j] = products[j * dimension + i] = covariance;
    }
  }
  return Math.sqrt(Math.max(0, noiseVariance(symmetricEigenvalues(products, dimension))));
}

/** The mean of the smallest eigenvalues, as many as have their mean at their median. */
function noiseVariance(ascending: Float64Array): number {
  let sum = ascending.reduce((all, value) => all + value, 0);
  for (let count = ascending.length; count > 1; count--) {
    const mean = sum / count;
    if (mean <= ascending[count >> 1]!) return mean;
    sum -= ascending[count - 1]!;
  }
  return ascending[0]!;
}

/** Whether a picture of three channels is gray. */
function isEqualChannels(data: Float32Array): boolean {
  for (let i = 0; i < data.length; i += 3) {
    if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) return false;
  }
  return true;
}
