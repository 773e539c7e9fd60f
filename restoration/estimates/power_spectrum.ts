/** The power spectrum of a picture, as estimates of its blur need it. */
import { hostFourier } from "../../kernels/mod.ts";
import type { Plane } from "./patch_spectrum.ts";

/** Mean power of tiles of a picture at the frequencies that stand out of the noise. */
export interface PowerSpectrum {
  /** Side of the tiles in pixels. */
  readonly side: number;
  /** Frequencies in cycles per pixel along columns. */
  readonly fx: Float64Array;
  /** Along rows, from top to bottom. */
  readonly fy: Float64Array;
  /** Natural logarithms of the power, the noise taken off. */
  readonly power: Float64Array;
}

/** Most tiles. */
const MOST_TILES = 25;

/** Frequencies that are looked at: above the window's width, below the corner, in cycles per tile and per pixel. */
const LOWEST = 3.5;
const HIGHEST = 0.45;

/** Frequencies so near to an axis, in cycles per tile, are those of the border and of level horizons. */
const AXIS = 1.5;

/** So many times the power of the noise a ring of frequencies must have, and what is left of a frequency at least. */
const ABOVE_NOISE = 3;
const LEAST_LEFT = 0.1;

/** Frequencies above it have nothing but noise in a blurred picture, in cycles per pixel. */
const NOISE_FROM = 0.42;

/** Fewest frequencies that tell anything. */
const FEWEST = 60;

/** Side of the tiles for a picture of a shortest side; undefined if it is too small. */
function tileSide(shortest: number): number | undefined {
  return [256, 128, 64, 32].find((side) => shortest >= (side === 256 ? 512 : side));
}

/**
 * The power spectrum by the mean over overlapping tiles under a Hann window (Welch 1967).
 * @param noise deviation of white noise in the picture, at most; what the highest frequencies show counts where it is less
 * @returns undefined if the picture is too small, or nothing stands out of the noise
 */
export function powerSpectrum(plane: Plane, noise: number): PowerSpectrum | undefined {
  const side = tileSide(Math.min(plane.width, plane.height));
  if (side === undefined) return undefined;
  const window = Float64Array.from(
    { length: side },
    (_, k) => 0.5 - 0.5 * Math.cos(2 * Math.PI * (k + 1) / (side + 1)),
  );
  const power = smoothed(meanPower(plane, side, window), side);
  const radiusOf = (i: number): number => Math.hypot(signed(i % side, side), signed(Math.floor(i / side), side));
  const highest = power.filter((_, i) => radiusOf(i) > NOISE_FROM * side && radiusOf(i) < side / 2).toSorted();
  // The mean of the squared window, along both axes, of an orthonormal transform.
  const gain = (window.reduce((sum, weight) => sum + weight ** 2, 0) / side) ** 2;
  // The median of an exponential distribution is ln 2 of its mean.
  const floor = Math.min(noise ** 2 * gain, highest[highest.length >> 1]! / Math.LN2);
  const last = lastRing(power, radiusOf, Math.max(floor, Number.MIN_VALUE));
  const places = Array.from(power.keys()).filter((i) => {
    const [x, y] = [signed(i % side, side), signed(Math.floor(i / side), side)];
    const radius = Math.hypot(x, y);
    return x > AXIS && Math.abs(y) > AXIS && radius > LOWEST && radius < HIGHEST * side && Math.round(radius) <= last;
  });
  if (places.length < FEWEST) return undefined;
  return {
    side,
    fx: Float64Array.from(places, (i) => signed(i % side, side) / side),
    fy: Float64Array.from(places, (i) => signed(Math.floor(i / side), side) / side),
    power: Float64Array.from(places, (i) => Math.log(Math.max(power[i]! - floor, LEAST_LEFT * power[i]!))),
  };
}

/** A frequency with its sign, in cycles per tile. */
function signed(k: number, side: number): number {
  return k > side / 2 ? k - side : k;
}

/** The last of the rings around frequency 0 before the first that does not stand out of the noise. */
function lastRing(power: Float64Array, radiusOf: (i: number) => number, floor: number): number {
  const sums: number[] = [];
  const counts: number[] = [];
  for (let i = 0; i < power.length; i++) {
    const ring = Math.round(radiusOf(i));
    sums[ring] = (sums[ring] ?? 0) + power[i]!;
    counts[ring] = (counts[ring] ?? 0) + 1;
  }
  const lost = sums.findIndex((sum, ring) => ring > 1 && sum < ABOVE_NOISE * floor * counts[ring]!);
  return lost < 0 ? sums.length : lost - 1;
}

/** The mean with the neighbouring frequencies, weights 1, 2, 1 along both axes: a single tile's power is very uneven. */
function smoothed(power: Float64Array, side: number): Float64Array {
  const along = (from: Float64Array, step: number): Float64Array =>
    from.map((value, i) => {
      const place = Math.floor(i / step) % side;
      const at = (k: number): number => from[i + (((place + k + side) % side) - place) * step]!;
      return (at(-1) + 2 * value + at(1)) / 4;
    });
  return along(along(power, 1), side);
}

/** The mean over tiles that lie evenly, half overlapping where they are few. */
function meanPower({ width, height, data }: Plane, side: number, window: Float64Array): Float64Array {
  const placesAlong = (extent: number): readonly number[] => {
    const count = Math.min(Math.floor(Math.sqrt(MOST_TILES)), Math.floor((extent - side) / (side / 2)) + 1);
    return Array.from({ length: count }, (_, k) => Math.floor((extent - side) * (k + 0.5) / count));
  };
  const mean = new Float64Array(side * side);
  const [rows, columns] = [placesAlong(height), placesAlong(width)];
  for (const top of rows) {
    for (const left of columns) {
      const re = Float64Array.from(
        { length: side * side },
        (_, i) => data[(top + Math.floor(i / side)) * width + left + i % side]!,
      );
      const level = re.reduce((sum, value) => sum + value, 0) / re.length;
      for (let i = 0; i < re.length; i++) re[i] = (re[i]! - level) * window[Math.floor(i / side)]! * window[i % side]!;
      const spectrum = hostFourier({ re, im: new Float64Array(re.length) }, [1, side, side, 1]);
      for (let i = 0; i < mean.length; i++) {
        mean[i]! += (spectrum.re[i]! ** 2 + spectrum.im[i]! ** 2) / (rows.length * columns.length);
      }
    }
  }
  return mean;
}
