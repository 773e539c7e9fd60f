/** What a decoder gives, and why it refuses. */
import type { Image } from "../raster/mod.ts";
import { FileError } from "./file_error.ts";

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
