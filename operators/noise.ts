/** Noise of measurements: normal, of counted photons, and of JPEG compression. */
import { elementCount, type HostTensor, hostTensor } from "../engine/mod.ts";
import { sampleNormal } from "../kernels/mod.ts";
import { draws } from "./draws.ts";
import { jpegNoise, type JpegTables } from "./pixels/jpeg.ts";

/** What is done to measurements. */
export type MeasurementNoise =
  | { readonly kind: "none" }
  /** y + sigma z, values in [-1, 1]. */
  | { readonly kind: "gaussian"; readonly sigma: number }
  /** Photons counted at `rate` times 255 for white. */
  | { readonly kind: "poisson"; readonly rate: number }
  /** JPEG of a quality from 1 to 100. */
  | { readonly kind: "jpeg"; readonly quality: number; readonly tables?: JpegTables };

/** The kinds of noise with their meaning. */
export const NOISES: ReadonlyMap<MeasurementNoise["kind"], string> = new Map([
  ["none", "no noise"],
  ["gaussian", "normal noise of standard deviation sigma"],
  ["poisson", "noise of counted photons, 255 rate of them for white"],
  ["jpeg", "the loss of JPEG compression of a quality, for measurements that are pictures"],
]);

/**
 * Measurements with noise; every item is what it would be alone.
 * @param y [N, ...], pictures in [-1, 1]
 * @param noise kind and strength
 * @param seeds one for each item: draw numbers as `randomNormal` takes them
 * @returns the same shape; for Poisson and JPEG clamped to [-1, 1]
 * @throws {TypeError} if the shape does not fit
 * @throws {RangeError} if a parameter is out of range
 */
export function addNoise(y: HostTensor, noise: MeasurementNoise, seeds: readonly number[]): HostTensor {
  if (seeds.length !== y.shape[0]) {
    throw new TypeError(
      `Cannot add noise: ${seeds.length} seeds were given for ${y.shape[0]} measurements, one for each is needed`,
    );
  }
  switch (noise.kind) {
    case "none":
      return y;
    case "gaussian":
      return gaussianNoise(y, noise.sigma, seeds);
    case "poisson":
      return poissonNoise(y, noise.rate, seeds);
    case "jpeg":
      return jpegNoise(y, noise);
  }
}

function requirePositive(what: string, value: number): void {
  if (value >= 0 && Number.isFinite(value)) return;
  throw new RangeError(`Cannot add noise: the ${what} is ${value}, a number of at least 0 is needed; use 0.05`);
}

/** y + sigma z with the deviates that `randomNormal` gives for each draw. */
function gaussianNoise(y: HostTensor, sigma: number, seeds: readonly number[]): HostTensor {
  requirePositive("standard deviation", sigma);
  const size = elementCount(y.shape.slice(1));
  const result = Float32Array.from(y.data);
  seeds.forEach((draw, item) => {
    sampleNormal(draw, size).forEach((z, i) => result[item * size + i]! += Math.fround(sigma) * z);
  });
  return hostTensor(result, y.shape);
}

/** u = (y + 1) / 2 clamped to [0, 1], a count of mean 255 rate u, and back, clamped. */
function poissonNoise(y: HostTensor, rate: number, seeds: readonly number[]): HostTensor {
  if (!(rate > 0 && Number.isFinite(rate))) {
    throw new RangeError(`Cannot add noise: the rate is ${rate}, a number greater than 0 is needed; use 1`);
  }
  const size = elementCount(y.shape.slice(1));
  const result = new Float32Array(y.data.length);
  seeds.forEach((seed, item) => {
    const { uniform } = draws(folded(seed));
    for (let i = item * size; i < (item + 1) * size; i++) {
      const share = Math.min(1, Math.max(0, (y.data[i]! + 1) / 2));
      const count = poisson(255 * rate * share, uniform);
      result[i] = Math.min(1, 2 * count / (255 * rate) - 1);
    }
  });
  return hostTensor(result, y.shape);
}

/** Both halves of a draw number in 32 bits. */
function folded(draw: number): number {
  return ((draw % 2 ** 32) ^ Math.imul(Math.floor(draw / 2 ** 32), 0x9e3779b1)) >>> 0;
}

/** Mean up to which a Poisson number is drawn by multiplying uniform ones. */
const SMALL_MEAN = 12;

/**
 * A Poisson number: by products of uniform numbers for small means, by transformed rejection (Hoermann's PTRS, 1993)
 * for larger ones.
 * @param mean 0 or more
 * @param uniform draws from (0, 1)
 */
export function poisson(mean: number, uniform: () => number): number {
  if (mean <= SMALL_MEAN) {
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = uniform(); product > limit; product *= uniform()) count++;
    return count;
  }
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const scale = 1.1239 + 1.1328 / (b - 3.4);
  const accept = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = uniform() - 0.5;
    const v = uniform();
    const distance = 0.5 - Math.abs(u);
    const count = Math.floor((2 * a / distance + b) * u + mean + 0.43);
    if (distance >= 0.07 && v <= accept) return count;
    if (count < 0 || (distance < 0.013 && v > distance)) continue;
    const density = -mean + count * Math.log(mean) - logFactorial(count);
    if (Math.log(v * scale / (a / distance ** 2 + b)) <= density) return count;
  }
}

/** log n! by Stirling's series, exact to 1e-10 from the tabulated start on. */
function logFactorial(n: number): number {
  if (n < 16) {
    let product = 1;
    for (let k = 2; k <= n; k++) product *= k;
    return Math.log(product);
  }
  const m = n + 1;
  return (m - 0.5) * Math.log(m) - m + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * m) - 1 / (360 * m ** 3) +
    1 / (1260 * m ** 5);
}
