/** What a decoder gives, and why it refuses. */
import {
  allocateSamples,
  DecodeError,
  type Image,
  joinBytes,
  type JpegQuantization,
  type PictureMetadata,
} from "../../raster/mod.ts";
import type { ColourSpace } from "./colour_profile.ts";
import { FileError } from "../file_error.ts";

export { DecodeError, joinBytes, type JpegQuantization, type PictureMetadata };

/** The formats that are read. */
export type ImageFormat = "png" | "jpeg" | "webp" | "avif";

/** What a coder stores beside the pixels. */
export interface StoredMetadata extends PictureMetadata {
  /** An XMP packet. */
  readonly xmp?: Uint8Array<ArrayBuffer>;
}

/** What a decoder gives: the picture as stored. */
export interface Decoded {
  readonly image: Image;
  /** Sentences for the user. */
  readonly warnings: readonly string[];
  readonly metadata: PictureMetadata;
  /** Primaries and transfer that the file states by numbers, where they are not those of sRGB. */
  readonly colours?: ColourSpace;
  /** [H, W]: 1 where the file holds the pixel, 0 where it is cut off. */
  readonly missing?: Float32Array<ArrayBuffer>;
  readonly jpeg?: JpegQuantization;
  /** Orientation by a statement other than EXIF, 1 to 8. */
  readonly orientation?: number;
  /** True if samples may be off by what a lossy coder does to chroma. */
  readonly lossy?: boolean;
}

/** A decoded file: the upright image and what the user should know about it. */
export interface ImageFile extends Image {
  /** What the bytes are, whatever the file is called. */
  readonly format: ImageFormat;
  /** EXIF orientation that the file states, 1 to 8; it is applied to the samples already. */
  readonly orientation: number;
  /** Sentences for the user: colour profile, ignored parts. */
  readonly warnings: readonly string[];
  /** What can be kept in a file that is written; absent if the file states nothing of it. */
  readonly metadata?: PictureMetadata;
  /** [H, W], upright: 1 where the file holds the pixel, 0 where it is cut off; absent if nothing is missing. */
  readonly missing?: Float32Array<ArrayBuffer>;
  /** How a JPEG file was quantised. */
  readonly jpeg?: JpegQuantization;
}

/** A file that is not a readable image, or too large; its message names the file and the reason. */
export class ImageError extends FileError {
  /** Name of the class. */
  override name = "ImageError";
}

/**
 * The letters at an offset.
 *
 * @param bytes Where to look.
 * @param offset Of the first letter.
 * @param length Number of letters; fewer come back at the end of the bytes.
 * @returns Latin-1 letters.
 */
export function lettersAt(bytes: Uint8Array, offset: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + length));
}

/**
 * Four interleaved samples per pixel as an image.
 *
 * @param rgba Samples [H, W, 4], and their size.
 * @param hasAlpha Whether the fourth sample means something.
 * @returns RGB, with alpha if there is any.
 */
export function imageOfRgba(
  { width, height, data }: {
    readonly width: number;
    readonly height: number;
    readonly data: ImageData["data"] | Uint16Array;
  },
  hasAlpha: boolean,
): Image {
  const bitDepth = data instanceof Uint16Array ? 16 : 8;
  const samples = allocateSamples(width * height * 3, bitDepth);
  const alpha = hasAlpha ? allocateSamples(width * height, bitDepth) : undefined;
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let c = 0; c < 3; c++) samples[3 * pixel + c] = data[4 * pixel + c]!;
    if (alpha) alpha[pixel] = data[4 * pixel + 3]!;
  }
  return { width, height, channels: 3, bitDepth, samples, ...(alpha ? { alpha } : {}) };
}

/** Longest allowed side in pixels, the limit of JPEG. */
export const MAX_SIDE = 65535;

/**
 * Refuses an image by its stated size, before anything is allocated.
 *
 * @param width Columns stated by the header.
 * @param height Rows stated by the header.
 * @param maxPixels Largest allowed number of pixels.
 * @throws DecodeError If a side is 0 or above 65,535, or the area is above the limit.
 */
export function checkSize(width: number, height: number, maxPixels: number): void {
  if (width === 0 || height === 0) {
    throw new DecodeError(`its header states a size of ${width} x ${height}, both sides must be at least 1`);
  }
  if (width * height > maxPixels || Math.max(width, height) > MAX_SIDE) {
    throw new DecodeError(
      `its header states ${width} x ${height} pixels, the limit is ${maxPixels / 1e6} megapixels and ` +
        `${MAX_SIDE} pixels a side; make the picture smaller`,
    );
  }
}
