import { allocateSamples, type Image, type Samples } from "./image.ts";
import type { Raster } from "./raster.ts";

/** How real values become whole samples. */
export interface EncodeOptions {
  /** Bits per sample; 8 by default. */
  readonly bitDepth?: 8 | 16;
  /** `"nearest"` (default) rounds half up; `"down"` cuts fractions off, as a cast to an integer type does. */
  readonly rounding?: "nearest" | "down";
  /** Alpha plane [H, W, 1] in [-1, 1] of the same size. */
  readonly alpha?: Raster;
}

/**
 * Samples as real values: x = 2 v / max - 1.
 *
 * @param samples Whole numbers 0 to max, any order.
 * @param bitDepth 8 (max 255) or 16 (max 65,535).
 * @returns Values in [-1, 1], same order.
 */
export function decodeSamples(samples: Samples, bitDepth: 8 | 16): Float32Array<ArrayBuffer> {
  const scale = 2 / (2 ** bitDepth - 1);
  // Not by Float32Array.from: it makes a list of all numbers first, gigabytes for a photograph.
  const values = new Float32Array(samples.length);
  for (let i = 0; i < values.length; i++) values[i] = samples[i]! * scale - 1;
  return values;
}

/**
 * Real values as samples: v = round(max (x + 1) / 2), clamped to 0 to max.
 *
 * @param values Values, nominally in [-1, 1].
 * @param options Depth and rounding.
 * @returns Whole numbers, same order.
 * @throws RangeError If a value is not a number.
 */
export function encodeSamples(
  values: Float32Array,
  options: { readonly bitDepth?: 8 | 16; readonly rounding?: "nearest" | "down" } = {},
): Samples {
  const bitDepth = options.bitDepth ?? 8;
  const max = 2 ** bitDepth - 1;
  const offset = options.rounding === "down" ? 0 : 0.5;
  // f32 cannot hold 2 v / max - 1 exactly; without this a cut would turn some v into v - 1.
  const slack = options.rounding === "down" ? max * 2 ** -23 : 0;
  const samples = allocateSamples(values.length, bitDepth);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isNaN(value)) {
      throw new RangeError(`Cannot encode pixels: value ${i} of ${values.length} is not a number`);
    }
    samples[i] = Math.floor(Math.min(max, Math.max(0, ((value + 1) / 2) * max + offset + slack)));
  }
  return samples;
}

/**
 * The colour of an image as a raster.
 *
 * @param image The image.
 * @returns [H, W, 1] or [H, W, 3] in [-1, 1].
 */
export function colourRaster(image: Image): Raster {
  const { width, height, channels, bitDepth, samples } = image;
  return { width, height, channels, data: decodeSamples(samples, bitDepth) };
}

/**
 * The alpha plane of an image as a raster, to be resized and put back beside the restored colour.
 *
 * @param image The image.
 * @returns [H, W, 1] in [-1, 1], -1 transparent; undefined if the image has no alpha.
 */
export function alphaRaster(image: Image): Raster | undefined {
  const { width, height, bitDepth, alpha } = image;
  return alpha && { width, height, channels: 1, data: decodeSamples(alpha, bitDepth) };
}

/**
 * A raster as an image, ready to be written.
 *
 * @param raster Gray or RGB in [-1, 1]; values outside are clamped.
 * @param options Depth, rounding and alpha.
 * @returns The image.
 * @throws TypeError If there are neither 1 nor 3 channels, or alpha has another size.
 * @throws RangeError If a value is not a number.
 */
export function toImage(raster: Raster, options: EncodeOptions = {}): Image {
  const { width, height, channels } = raster;
  if (channels !== 1 && channels !== 3) {
    throw new TypeError(`Cannot make an image of ${channels} channels: 1 or 3 are needed`);
  }
  const { alpha } = options;
  if (alpha && (alpha.width !== width || alpha.height !== height || alpha.channels !== 1)) {
    throw new TypeError(
      `Cannot make an image of ${width} x ${height} pixels: ` +
        `its alpha plane has ${alpha.width} x ${alpha.height} pixels and ${alpha.channels} channels`,
    );
  }
  const samples = encodeSamples(raster.data, options);
  const bitDepth = options.bitDepth ?? 8;
  return {
    width,
    height,
    channels,
    bitDepth,
    samples,
    ...(alpha ? { alpha: encodeSamples(alpha.data, options) } : {}),
  };
}

/**
 * Repeats a gray plane as red, green and blue; RGB is returned as it is.
 *
 * @param raster 1 or 3 channels.
 * @returns 3 channels.
 * @throws TypeError If there are other channels.
 */
export function grayToRgb(raster: Raster): Raster {
  if (raster.channels === 3) return raster;
  if (raster.channels !== 1) {
    throw new TypeError(`Cannot make RGB of ${raster.channels} channels: 1 or 3 are needed`);
  }
  const data = new Float32Array(raster.data.length * 3);
  raster.data.forEach((value, pixel) => data.fill(value, 3 * pixel, 3 * pixel + 3));
  return { ...raster, channels: 3, data };
}

/**
 * The mean of red, green and blue, (R + G + B) / 3, the inverse of `grayToRgb`; gray is returned as it is.
 *
 * @param raster 1 or 3 channels.
 * @returns 1 channel.
 * @throws TypeError If there are other channels.
 */
export function rgbToGray(raster: Raster): Raster {
  if (raster.channels === 1) return raster;
  if (raster.channels !== 3) {
    throw new TypeError(`Cannot make gray of ${raster.channels} channels: 1 or 3 are needed`);
  }
  const { data } = raster;
  const gray = Float32Array.from(
    { length: data.length / 3 },
    (_, pixel) => (data[3 * pixel]! + data[3 * pixel + 1]! + data[3 * pixel + 2]!) / 3,
  );
  return { ...raster, channels: 1, data: gray };
}

/**
 * Whether a picture has no colours: the largest of its three channels exceeds the smallest nowhere by more than allowed.
 *
 * @param picture Channels, and values [H, W, C] in any units.
 * @param tolerance Largest difference within a pixel, in the same units; 0 by default.
 * @returns False for pictures that have one channel already.
 */
export function isGrayContent(
  { channels, data }: { readonly channels: number; readonly data: ArrayLike<number> },
  tolerance = 0,
): boolean {
  if (channels !== 3) return false;
  for (let i = 0; i + 2 < data.length; i += 3) {
    const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
    if (Math.max(r, g, b) - Math.min(r, g, b) > tolerance) return false;
  }
  return true;
}

/**
 * The luma of an image, round(0.299 R + 0.587 G + 0.114 B) (BT.601); equal channels keep their value.
 *
 * @param image Gray or RGB.
 * @returns An image of one channel, with the same alpha.
 */
export function grayImage(image: Image): Image {
  if (image.channels === 1) return image;
  const { samples: from } = image;
  const samples = allocateSamples(image.width * image.height, image.bitDepth);
  for (let pixel = 0; pixel < samples.length; pixel++) {
    samples[pixel] = Math.round(0.299 * from[3 * pixel]! + 0.587 * from[3 * pixel + 1]! + 0.114 * from[3 * pixel + 2]!);
  }
  return { ...image, channels: 1, samples };
}
