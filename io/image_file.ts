import { writeAtomically } from "./atomic_write.ts";
import { FileError } from "./file_error.ts";
import { FileSource } from "./file_source.ts";
import { DecodeError, ImageError, type ImageFile } from "./image.ts";
import { applyOrientation, type Image } from "../raster/mod.ts";
import { readMetadata } from "./image_metadata.ts";
import { decodeJpeg } from "./jpeg_file.ts";
import { PNG_SIGNATURE } from "./png_chunks.ts";
import { decodePng, encodePng } from "./png_file.ts";

/** Limits of `readImage`. */
export interface ReadImageOptions {
  /** Largest allowed number of pixels, judged by the header; 64 million by default. */
  readonly maxPixels?: number;
}

const DEFAULT_MAX_PIXELS = 64_000_000;

/**
 * Reads a PNG or JPEG file, told apart by its first bytes, and turns it upright.
 *
 * Values are taken as stored: gamma chunks and colour profiles are not applied; a profile other than sRGB is warned of.
 *
 * @param path File path.
 * @param options Limits.
 * @returns Samples of 8 or 16 bits; gray pictures, also gray palettes, have one channel; alpha is a plane of its own.
 * @throws ImageError If the file is missing, unreadable, not a PNG or JPEG, truncated, damaged or too large.
 */
export async function readImage(path: string, options: ReadImageOptions = {}): Promise<ImageFile> {
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  try {
    using source = await FileSource.open(path);
    const start = await source.read(0, Math.min(16, source.size));
    const format = formatOf(start);
    // No honest file is larger than 16-bit RGBA stored without compression, metadata aside.
    const maxBytes = maxPixels * 8.1 + (64 << 20);
    if (source.size > maxBytes) {
      throw new DecodeError(
        `the file has ${source.size} bytes, too many for a picture of ${maxPixels / 1e6} megapixels`,
      );
    }
    const bytes = await source.read(0, source.size);
    const { image, warnings } = format === "png" ? await decodePng(bytes, maxPixels) : decodeJpeg(bytes, maxPixels);
    const metadata = await readMetadata(bytes);
    return {
      ...applyOrientation(image, metadata.orientation),
      format,
      orientation: metadata.orientation,
      warnings: [...warnings, ...metadata.warnings],
    };
  } catch (error) {
    if (error instanceof DecodeError) throw new ImageError(`Cannot read "${path}": ${error.message}`, { cause: error });
    if (error instanceof FileError) throw new ImageError(error.message, { cause: error });
    throw error;
  }
}

/**
 * Writes an image as a PNG file that appears complete or not at all.
 *
 * @param path Path of the file; its folder must exist.
 * @param image The image.
 * @param text Keywords and texts to store in the file, such as how the picture was made.
 * @throws FileError If the folder is missing or not writable or the disk is full; nothing is left behind.
 */
export async function writePng(path: string, image: Image, text: Readonly<Record<string, string>> = {}): Promise<void> {
  await writeAtomically(path, encodePng(image, text));
}

/** The format by the first bytes; names other kinds where they are known. */
function formatOf(start: Uint8Array): "png" | "jpeg" {
  const isAt = (offset: number, text: string): boolean =>
    [...text].every((letter, i) => start[offset + i] === letter.charCodeAt(0));
  if (PNG_SIGNATURE.every((byte, i) => start[i] === byte)) return "png";
  if (start[0] === 0xff && start[1] === 0xd8 && start[2] === 0xff) return "jpeg";
  if (start[0] === 0x89 && isAt(1, "PNG")) {
    throw new DecodeError(
      "the PNG signature is cut short or damaged, as by a transfer in text mode; get an intact copy",
    );
  }
  const other = isAt(0, "GIF8")
    ? "GIF"
    : isAt(0, "BM")
    ? "BMP"
    : isAt(0, "RIFF") && isAt(8, "WEBP")
    ? "WebP"
    : isAt(4, "ftyp")
    ? "HEIF or AVIF"
    : isAt(0, "II*\0") || isAt(0, "MM\0*")
    ? "TIFF"
    : undefined;
  throw new DecodeError(`it is ${other ? `a ${other} file` : "not an image"}, PNG or JPEG is needed; convert it first`);
}
