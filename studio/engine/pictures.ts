/** Pictures as the engine takes them, and as a canvas shows them. */
import type { HostTensor } from "../../engine/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import { allocateSamples, type Image, type Raster, toImage } from "../../raster/mod.ts";
import { clamped, type DecodedMask, type DecodedPicture } from "../../restoration/mod.ts";
import type { Mask, Pixels } from "../protocol.ts";

/** A picture that was read. */
export interface StoredPicture {
  /** Name of its file. */
  readonly name: string;
  /** As the engine takes it. */
  readonly decoded: DecodedPicture;
}

/** Pixels as colour and alpha apart; alpha is left out where all is opaque. */
export function imageOf({ width, height, rgba }: Pixels): Image {
  const count = width * height;
  const samples = allocateSamples(3 * count, 8);
  const alpha = allocateSamples(count, 8);
  for (let pixel = 0; pixel < count; pixel++) {
    for (let c = 0; c < 3; c++) samples[3 * pixel + c] = rgba[4 * pixel + c]!;
    alpha[pixel] = rgba[4 * pixel + 3]!;
  }
  const isOpaque = alpha.every((value) => value === 255);
  return { width, height, channels: 3, bitDepth: 8, samples, ...(isOpaque ? {} : { alpha }) };
}

/** An image of 8 bits as a canvas takes it. */
export function pixelsOfImage({ width, height, channels, samples, alpha }: Image): Pixels {
  const rgba = new Uint8ClampedArray(4 * width * height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let c = 0; c < 3; c++) rgba[4 * pixel + c] = samples[pixel * channels + Math.min(c, channels - 1)]!;
    rgba[4 * pixel + 3] = alpha?.[pixel] ?? 255;
  }
  return { width, height, rgba };
}

/** A raster as a canvas takes it; values beyond [-1, 1] are cut off. */
export function pixelsOfRaster(raster: Raster): Pixels {
  return pixelsOfImage(toImage(clamped(raster)));
}

/** A blur kernel [h, w] as a canvas takes it: its largest weight is white, and what is not above 0 is black. */
export function pixelsOfKernel({ data, shape }: HostTensor): Pixels {
  const [height = 0, width = 0] = shape;
  const taps = Float32Array.from(data);
  const most = taps.reduce((a, b) => Math.max(a, b), 0);
  return pixelsOfRaster({ width, height, channels: 1, data: taps.map((tap) => 2 * tap / most - 1) });
}

/**
 * A mask of the page as the engine takes it.
 * @param size of the picture
 * @throws {UsageError} if it has another size, or nothing of the picture is known
 */
export function decodedMask(
  { width, height, known }: Mask,
  size: { readonly width: number; readonly height: number },
): DecodedMask {
  if (width !== size.width || height !== size.height || known.length !== width * height) {
    throw new UsageError(
      `the mask has ${width} x ${height} pixels, the picture ${size.width} x ${size.height}; the same size is needed`,
    );
  }
  const data = Float32Array.from(known, (value) => value === 0 ? 0 : 1);
  const share = data.reduce((sum, value) => sum + 1 - value, 0) / data.length;
  if (share === 1) throw new UsageError("the mask says that all pixels are missing; leave some that are known");
  return { data, share, warnings: [] };
}
