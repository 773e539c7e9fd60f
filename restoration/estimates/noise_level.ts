/** How noisy a picture is, from the picture alone. */
import { crop, type Raster, resize, type Size } from "../../raster/mod.ts";
import { alignJpeg, type CompressedNoise, compressedNoise, type JpegFileSteps } from "./jpeg_noise.ts";
import { eigenvalueNoise } from "./patch_eigenvalues.ts";
import { flattest, median, type Patch, patchesOf, type Plane } from "./patch_spectrum.ts";

/** An estimated deviation of noise. */
export interface NoiseLevel {
  /** Standard deviation of additive white normal noise, in units of [-1, 1]; of other noise the one with its mean variance. */
  readonly sigma: number;
  /** Standard error of sigma, from estimates of parts of the picture. */
  readonly spread: number;
  /** `photons`: its variance grows with the brightness; `compressed`: of a JPEG file, before the compression. */
  readonly kind: "gaussian" | "photons" | "compressed";
  /** Whether it is clearly more than rounding explains, and as strong everywhere as noise is. */
  readonly isSeen: boolean;
  /** Whether fine structure of a small picture does not explain it either, where it was compressed. */
  readonly isPlain: boolean;
}

/** What is known of a picture's file. */
export interface NoiseSetting {
  /** How it was compressed, where it was a JPEG file. */
  readonly jpeg?: JpegFileSteps | undefined;
}

/** Noise is plain from this deviation on: 3 of 255 levels. */
const PLAIN = 3 / 127.5;

/**
 * Where flat patches have less, half a level, nothing else needs to be asked; nor where they have more than 30 levels, of
 * which values that are cut off leave larger patches too little.
 */
const LEAST = 1 / 255;
const MOST = 30 / 127.5;

/** Side from which on a picture has places enough to tell noise from fine structure. */
const SMALLEST = 32;

/** So many spreads above 0 at least. */
const SPREADS = 4;

/** Where a picture shows more, noise stays as it is and fine structure grows: most that the estimate grows. */
const MOST_GROWTH = 1.2;

/** The part of noise from which on a compression leaves enough of it to be seen in the pixels. */
const FINE = 0.65;

/** Where noise must be seen in the pixels, at least so much of what quantisation leaves of it. */
const LEAST_SEEN = 0.54;

/** Side from which on a picture has blocks enough to tell noise from fine structure by coarse steps alone. */
const SMALLEST_COARSE = 128;

/** An estimate of a picture or a part of it. */
interface Found {
  readonly sigma: number;
  /** By how much it grows where the picture shows more. */
  readonly growth: number;
}

/**
 * The deviation of white normal noise. Two estimates are made, both of which take some of what a picture shows for noise,
 * and the smaller one counts: that of the eigenvalues of patches, which regular structure misleads, and that of high
 * frequencies in the flattest patches, which fine structure everywhere misleads. Of a JPEG file the multiples of the
 * quantisation steps tell. Values that are cut off (at -1 or 1) are left out.
 * @param picture [H, W, 1] or [H, W, 3], values in [-1, 1]; pixels with other values are passed over
 * @returns undefined if the picture has too few patches to tell
 */
export function estimateNoiseLevel(picture: Raster, { jpeg }: NoiseSetting = {}): NoiseLevel | undefined {
  const aligned = jpeg && alignJpeg(picture, jpeg);
  const compressed = aligned && compressedNoise(aligned);
  const [whole, period] = compressed ? [aligned.picture, aligned.period] : [picture, [1, 1] as const];
  const found = compressed ?? additiveNoise(picture);
  if (!found) return undefined;
  const estimate = (part: Raster): Found | undefined =>
    compressed ? compressedNoise({ ...aligned, picture: part }) : flatNoise(part);
  const parts = quartersOf(whole, period).flatMap((part) => estimate(part)?.sigma ?? []);
  const photons = found.sigma >= PLAIN && !compressed ? photonNoise(whole) : undefined;
  const { sigma, growth } = photons ?? found;
  // Parts of other brightness have other noise of photons.
  const spread = spreadOf(sigma, photons ? [] : parts, whole);
  const side = Math.min(whole.width, whole.height);
  const isLarge = sigma >= Math.max(PLAIN, SPREADS * spread) && side >= SMALLEST;
  const isSteady = growth <= MOST_GROWTH;
  return {
    sigma,
    spread,
    kind: compressed ? "compressed" : photons ? "photons" : "gaussian",
    isSeen: isLarge && isSteady,
    isPlain: isLarge && (compressed ? isPlainlyCompressed(picture, compressed, { side, isSteady }) : isSteady),
  };
}

/**
 * Whether noise before a compression is plain: in the pixels too, where the steps were fine enough to leave it there,
 * and else by being as strong in all of a picture that has blocks enough. In small pictures without flat parts the
 * multiples of the steps alone cannot tell noise from fine structure.
 */
function isPlainlyCompressed(
  picture: Raster,
  { sigma, kept }: CompressedNoise,
  { side, isSteady }: { readonly side: number; readonly isSteady: boolean },
): boolean {
  if (kept < FINE) return isSteady && side >= SMALLEST_COARSE;
  const seen = estimateNoiseLevel(picture);
  return seen !== undefined && seen.sigma >= LEAST_SEEN * kept * sigma && (isSteady || seen.isPlain);
}

/** Noise that was added to a picture as it is, for which quantisation to single levels is nothing. */
function additiveNoise(picture: Raster): Found | undefined {
  const flat = flatNoise(picture);
  if (flat && (flat.sigma < LEAST || flat.sigma > MOST)) return flat;
  const regular = eigenvalueNoise(picture);
  if (!flat) return regular === undefined ? undefined : { sigma: regular, growth: Infinity };
  if (regular === undefined) return flat;
  // Noise that channels share, or that one has alone, leaves small eigenvalues: each channel for itself has them not.
  const isAlike = regular > LEAST_ALIKE * flat.sigma || picture.channels === 1;
  return { ...flat, sigma: Math.min(flat.sigma, isAlike ? regular : Math.max(regular, noiseOfChannels(picture))) };
}

/** Eigenvalues that say less than this part of what flat patches say are those of colours, not of noise. */
const LEAST_ALIKE = 0.7;

/** The mean variance over the channels by the eigenvalues of each; infinite where there are too few patches. */
function noiseOfChannels(picture: Raster): number {
  const { width, height, channels } = picture;
  const sigmas = planesOf(picture).map(({ data }) => eigenvalueNoise({ width, height, channels: 1, data }) ?? Infinity);
  return Math.sqrt(sigmas.reduce((sum, sigma) => sum + sigma ** 2, 0) / channels);
}

function planesOf({ width, height, channels, data }: Raster): readonly (Plane & Pick<Raster, "data">)[] {
  return Array.from({ length: channels }, (_, c) => ({
    width,
    height,
    data: Float32Array.from({ length: width * height }, (_, i) => data[i * channels + c]!),
  }));
}

/** Frequencies u + v of patches by which flat ones are told, below, and their noise. */
const SPLIT = 4;

/** Side of the patches of flat parts. */
const SIDE = 4;

/** Patches overlap more where a picture has fewer pixels than this. */
const FEW_PIXELS = 128 * 128;

/** Shares of the patches that count as flat, and of those that show a little more; their fewest. */
const SHARES = { flat: 0.1, more: 0.3 };
const FEWEST = 16;

/** The middle of the mean of six squared normal numbers (Wilson and Hilferty 1931): so many frequencies are above the split. */
const MEDIAN_OF_SIX = (1 - 2 / (9 * 6)) ** 3;

/** The deviation of the noise in the flattest patches alone; undefined if they are too few. */
export function noiseOfFlatParts(picture: Raster): number | undefined {
  return flatNoise(picture)?.sigma;
}

/** The mean variance over the channels, each by its own flattest patches. */
function flatNoise(picture: Raster): Found | undefined {
  let [flat, more] = [0, 0];
  for (const patches of patchesOfChannels(picture)) {
    if (patches.length < FEWEST) return undefined;
    flat += varianceOf(flattest(patches, SHARES.flat, FEWEST)) / picture.channels;
    more += varianceOf(flattest(patches, SHARES.more, FEWEST)) / picture.channels;
  }
  return { sigma: Math.sqrt(flat), growth: flat === 0 ? Infinity : Math.sqrt(more / flat) };
}

/** The variance of the noise in patches; 0 where nothing but the rounding of the transform is left. */
function varianceOf(patches: readonly Patch[]): number {
  const variance = median(patches.map(({ high }) => high)) / MEDIAN_OF_SIX;
  return variance < 1e-12 ? 0 : variance;
}

function patchesOfChannels(picture: Raster): readonly (readonly Patch[])[] {
  const stride = picture.width * picture.height < FEW_PIXELS ? 1 : 2;
  return planesOf(picture).map((plane) => patchesOf(plane, { side: SIDE, stride, split: SPLIT, limit: 1 }));
}

/** Steps of brightness whose variances are compared. */
const BRIGHTNESSES = 8;

/** Patches overlap: so many of them say as much as one that stands alone. */
const OVERLAP = 4;

/** The rise of the variance is certain from so many of its standard errors on. */
const CERTAIN = 4;

/**
 * Noise whose variance grows with the brightness as that of counted photons does: variance = a + b m is fitted to the
 * flattest patches of each of some steps of brightness m >= 0 (Foi and others, Practical Poissonian-Gaussian Noise
 * Modeling, 2008).
 * @returns the deviation at the mean brightness, which has the mean variance; undefined if b m is not the larger part of it
 */
function photonNoise(picture: Raster): Found | undefined {
  const patches = patchesOfChannels(picture).flat().toSorted((a, b) => a.mean - b.mean);
  const size = Math.floor(patches.length / BRIGHTNESSES);
  if (size < FEWEST) return undefined;
  const steps = Array.from({ length: BRIGHTNESSES }, (_, k) => {
    const step = patches.slice(k * size, (k + 1) * size);
    const some = flattest(step, SHARES.more, FEWEST);
    const variance = varianceOf(some);
    const brightness = some.reduce((sum, { mean }) => sum + (mean + 1) / 2, 0) / some.length;
    // Of a variance from n normal numbers, the variance is 2 / n of its square; a median has half as much again.
    const weight = some.length * 6 / (3 * OVERLAP * Math.max(variance, 1e-12) ** 2);
    return { variance, brightness, weight, growth: variance / varianceOf(flattest(step, SHARES.flat, FEWEST)) };
  });
  const sum = (of: (step: typeof steps[number]) => number): number => steps.reduce((all, one) => all + of(one), 0);
  const total = sum(({ weight }) => weight);
  const brightness = sum(({ weight, brightness }) => weight * brightness) / total;
  const variance = sum(({ weight, variance }) => weight * variance) / total;
  const square = sum(({ weight, brightness: m }) => weight * (m - brightness) ** 2);
  const slope = sum(({ weight, brightness: m, variance }) => weight * (m - brightness) * variance) / square;
  if (slope * Math.sqrt(square) < CERTAIN || slope * brightness < variance / 2) return undefined;
  const whole = picture.data.reduce((all, value) => all + (value + 1) / 2, 0) / picture.data.length;
  return {
    sigma: Math.sqrt(Math.max(0, variance + slope * (whole - brightness))),
    growth: Math.sqrt(median(steps.map(({ growth }) => growth))),
  };
}

/** The four quarters of a picture, cut where its blocks begin. */
function quartersOf(picture: Raster, [rows, columns]: readonly [number, number]): readonly Raster[] {
  const height = rows * Math.floor(picture.height / (2 * rows));
  const width = columns * Math.floor(picture.width / (2 * columns));
  if (Math.min(width, height) < 1) return [];
  return [0, height].flatMap((y) => [0, width].map((x) => crop(picture, { x, y, width, height })));
}

/** How much an estimate depends on where one looks: the standard error of the mean of its parts. */
function spreadOf(sigma: number, parts: readonly number[], { width, height }: Raster): number {
  // Parts too small to tell: as many independent patches as lie side by side in the flat share of the picture.
  if (parts.length < 4) return sigma / Math.sqrt(Math.max(1, SHARES.flat * width * height / SIDE ** 2));
  const mean = parts.reduce((sum, part) => sum + part, 0) / parts.length;
  const variance = parts.reduce((sum, part) => sum + (part - mean) ** 2, 0) / (parts.length - 1);
  return Math.sqrt(variance / parts.length);
}

/** Impulses by which a resize is measured. */
const IMPULSES = 32;

/** The noise that is left of white noise when a picture is made smaller. */
export function resizedNoise(noise: NoiseLevel, { natural, working, scale }: ResizedPicture): NoiseLevel {
  const factor = [[natural.width, working.width], [natural.height, working.height]].reduce((product, [from, to]) => {
    const [before, after] = [from! / scale, to! / scale];
    if (before === after) return product;
    const impulses = Float32Array.from(
      { length: IMPULSES * before },
      (_, i) => i % before === Math.floor((Math.floor(i / before) + 0.5) * before / IMPULSES) ? 1 : 0,
    );
    const { data } = resize({ width: before, height: IMPULSES, channels: 1, data: impulses }, {
      width: after,
      height: IMPULSES,
    });
    // The mean over the output of the sums of squared weights.
    return product * Math.sqrt(data.reduce((sum, weight) => sum + weight ** 2, 0) / IMPULSES * before / after);
  }, 1);
  return factor === 1 ? noise : { ...noise, sigma: factor * noise.sigma, spread: factor * noise.spread };
}

/** A picture before and after it was resized, `scale` times larger than its measurement, whose noise it is. */
export interface ResizedPicture {
  /** Its size before. */
  readonly natural: Size;
  /** Its size after. */
  readonly working: Size;
  /** How many times larger it is than its measurement along each side. */
  readonly scale: number;
}
