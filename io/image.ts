import { FileError } from "./file_error.ts";

/** Samples of an image, 0 to 255 or 0 to 65535. */
export type Samples = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** An image as stored: whole-numbered samples, colour and alpha apart. */
export interface Image {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** 1 for gray, 3 for RGB; alpha is not counted. */
  readonly channels: 1 | 3;
  /** Bits per sample; decides the array type. */
  readonly bitDepth: 8 | 16;
  /** Colour [H, W, channels]. */
  readonly samples: Samples;
  /** Alpha [H, W], 0 transparent, of the same depth; absent if the file has none. */
  readonly alpha?: Samples;
}

/** A decoded file: the upright image and what the user should know about it. */
export interface ImageFile extends Image {
  /** What the bytes are, whatever the file is called. */
  readonly format: "png" | "jpeg";
  /** EXIF orientation that the file states, 1 to 8; it is applied to the samples already. */
  readonly orientation: number;
  /** Sentences for the user: colour profile, ignored parts. */
  readonly warnings: readonly string[];
}

/** A file that is not a readable image, or too large; its message names the file and the reason. */
export class ImageError extends FileError {
  override name = "ImageError";
}

/** Why a decoder refuses its bytes; the caller adds the file name. */
export class DecodeError extends Error {
  override name = "DecodeError";
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

/**
 * An array of the type that belongs to a bit depth.
 *
 * @param length Number of samples.
 * @param bitDepth 8 or 16.
 * @returns Zeros.
 */
export function allocateSamples(length: number, bitDepth: 8 | 16): Samples {
  return bitDepth === 16 ? new Uint16Array(length) : new Uint8Array(length);
}

/**
 * Turns an image upright as its EXIF orientation says (EXIF 2.32, tag 0x0112).
 *
 * @param image The image as stored.
 * @param orientation 1 to 8: where the stored row 0 and column 0 belong; 5 to 8 exchange width and height.
 * @returns The upright image; the same object for orientation 1.
 */
export function applyOrientation(image: Image, orientation: number): Image {
  if (orientation === 1) return image;
  const transposed = orientation >= 5;
  const width = transposed ? image.height : image.width;
  const height = transposed ? image.width : image.height;
  // Stored column of the upright column 0 runs backwards for 2, 3, 7, 8; the stored row for 3, 4, 6, 7.
  const flipX = [2, 3, 7, 8].includes(orientation);
  const flipY = [3, 4, 6, 7].includes(orientation);
  const turn = (plane: Samples, channels: number): Samples => {
    const out = allocateSamples(plane.length, image.bitDepth);
    let at = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const column = transposed ? y : x;
        const row = transposed ? x : y;
        const fromX = flipX ? image.width - 1 - column : column;
        const fromY = flipY ? image.height - 1 - row : row;
        const from = (fromY * image.width + fromX) * channels;
        for (let c = 0; c < channels; c++) out[at++] = plane[from + c]!;
      }
    }
    return out;
  };
  return {
    ...image,
    width,
    height,
    samples: turn(image.samples, image.channels),
    ...(image.alpha ? { alpha: turn(image.alpha, 1) } : {}),
  };
}
