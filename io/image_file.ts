import { writeAtomically } from "./atomic_write.ts";
import { FileError } from "./file_error.ts";
import { FileSource } from "./file_source.ts";
import { decodeAvif } from "./codecs/avif_file.ts";
import { toSrgb } from "./codecs/colour.ts";
import { type Decoded, DecodeError, ImageError, type ImageFile, type ImageFormat, lettersAt } from "./codecs/image.ts";
import {
  applyOrientation,
  grayImage,
  type Image,
  isGrayContent,
  PNG_SIGNATURE,
  readJpegLayout,
} from "../raster/mod.ts";
import { readMetadata, type ShownAs } from "./codecs/metadata.ts";
import { decodeJpeg } from "./codecs/jpeg_file.ts";
import { decodePng, encodePng, pngTexts } from "./codecs/png_file.ts";
import { decodeWebp, webpXmp } from "./codecs/webp_file.ts";
import { xmpTexts } from "./codecs/xmp.ts";

/** Limits of `readImage`, and what it makes of pictures without colours. */
export interface ReadImageOptions {
  /** Largest allowed number of pixels, judged by the header; 64 million by default. */
  readonly maxPixels?: number;
  /** `"content"` (default): pictures without colours have one channel; `"stored"`: those that the file has. */
  readonly gray?: "content" | "stored";
}

const DEFAULT_MAX_PIXELS = 64_000_000;

const DECODERS: Readonly<
  Record<ImageFormat, (bytes: Uint8Array<ArrayBuffer>, maxPixels: number) => Promise<Decoded>>
> = { png: decodePng, jpeg: decodeJpeg, webp: decodeWebp, avif: decodeAvif };

/** What differs between channels of a gray picture after lossy coding of its colours: three of 255 levels. */
const LOSSY_GRAY = 3 / 255;

/**
 * Reads a PNG, JPEG, WebP or AVIF file, told apart by its first bytes, and turns it upright.
 *
 * Colours are those of sRGB: a profile, gamma or primaries other than that are converted, and what cannot be converted
 * is taken as stored with a warning.
 *
 * @param path File path.
 * @param options Limits.
 * @returns Samples of 8 or 16 bits; pictures without colours have one channel by default; alpha is a plane
 * of its own. A JPEG file that is cut off is read as far as it goes, with `missing`.
 * @throws ImageError If the file is missing, unreadable, of another kind, damaged or too large.
 */
export async function readImage(path: string, options: ReadImageOptions = {}): Promise<ImageFile> {
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  try {
    using source = await FileSource.open(path);
    const format = formatOf(await source.read(0, Math.min(512, source.size)));
    // No honest file is larger than 16-bit RGBA stored without compression, metadata aside.
    const maxBytes = maxPixels * 8.1 + (64 << 20);
    if (source.size > maxBytes) {
      throw new DecodeError(
        `the file has ${source.size} bytes, too many for a picture of ${maxPixels / 1e6} megapixels`,
      );
    }
    const bytes = await source.read(0, source.size);
    const decoded = await DECODERS[format](bytes, maxPixels);
    return await finished(format, decoded, await readMetadata(bytes), options.gray ?? "content");
  } catch (error) {
    if (error instanceof DecodeError) throw new ImageError(`Cannot read "${path}": ${error.message}`, { cause: error });
    if (error instanceof FileError) throw new ImageError(error.message, { cause: error });
    throw error;
  }
}

/** The decoded picture in sRGB, upright, and gray where it has no colours. */
async function finished(
  format: ImageFormat,
  decoded: Decoded,
  shown: ShownAs,
  gray: "content" | "stored",
): Promise<ImageFile> {
  const { missing, jpeg, lossy } = decoded;
  const warnings = [...decoded.warnings, ...shown.warnings];
  let { image, metadata: { icc, ...metadata } } = decoded;
  const source = shown.profile === undefined ? decoded.colours : icc;
  if (source) {
    const converted = await toSrgb(image, source);
    const from = shown.profile === undefined ? "the gamma or primaries that the file states" : nameOf(shown.profile);
    if (converted) warnings.push(`colours were converted to sRGB from ${from}`);
    image = converted ?? image;
    if (converted) icc = undefined;
  }
  if (shown.profile !== undefined && (icc || !source)) {
    warnings.push(`${nameOf(shown.profile)} is not sRGB; values are taken as stored, so colours may shift`);
  }
  const tolerance = lossy ? LOSSY_GRAY * (2 ** image.bitDepth - 1) : 0;
  if (gray === "content" && isGrayContent({ channels: image.channels, data: image.samples }, tolerance)) {
    image = grayImage(image);
  }
  const fits = icc && lettersAt(icc, 16, 4) === (image.channels === 1 ? "GRAY" : "RGB ");
  const kept = { ...metadata, ...(fits ? { icc } : {}) };
  // AVIF states turns outside EXIF, whose orientation does not count there.
  const orientation = decoded.orientation ?? shown.orientation;
  const { samples: known } = missing
    ? applyOrientation({ ...image, channels: 1, bitDepth: 8, samples: Uint8Array.from(missing) }, orientation)
    : { samples: undefined };
  return {
    ...applyOrientation(image, orientation),
    format,
    orientation,
    warnings,
    ...(Object.keys(kept).length > 0 ? { metadata: kept } : {}),
    ...(known ? { missing: Float32Array.from(known) } : {}),
    ...(jpeg ? { jpeg } : {}),
  };
}

function nameOf(profile: string): string {
  return `the colour profile ${profile === "" ? "without a name" : `"${profile}"`}`;
}

/**
 * What a file is by its first bytes, whatever it is called.
 *
 * @param path File path.
 * @returns The format of a picture that is read, or a clause for the user about any other file.
 */
export async function identifyImage(
  path: string,
): Promise<{ readonly format: ImageFormat } | { readonly about: string }> {
  try {
    using source = await FileSource.open(path);
    return { format: formatOf(await source.read(0, Math.min(512, source.size))) };
  } catch (error) {
    if (error instanceof DecodeError || error instanceof FileError) return { about: error.message };
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

/**
 * Reads the texts that a PNG, JPEG or WebP file holds as `writeImage` stores them, such as how the picture was made.
 *
 * @param path File path.
 * @returns Texts by their keywords; of several with one keyword the first.
 * @throws ImageError If the file cannot be read or is none of these.
 */
export async function readTexts(path: string): Promise<Readonly<Record<string, string>>> {
  try {
    using source = await FileSource.open(path);
    const bytes = await source.read(0, source.size);
    const format = formatOf(bytes.subarray(0, 512));
    if (format === "png") return pngTexts(bytes);
    if (format === "avif") {
      throw new DecodeError("it is an AVIF file, a PNG, JPEG or WebP file or the report beside it is needed");
    }
    const xmp = format === "jpeg" ? readJpegLayout(bytes, () => {}).xmp : webpXmp(bytes);
    return xmp ? xmpTexts(xmp) : {};
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof FileError)) throw error;
    const reason = error instanceof DecodeError
      ? `Cannot read the texts of "${path}": ${error.message}`
      : error.message;
    throw new ImageError(reason, { cause: error });
  }
}

/** First bytes of kinds that are not read, each at its offset, and their names. */
const OTHERS: readonly (readonly [offset: number, letters: string, name: string])[] = [
  [0, "GIF8", "a GIF file"],
  [0, "BM", "a BMP file"],
  [8, "CR", "a raw camera file (CR2)"],
  [0, "II*\0", "a TIFF file (or a raw camera file of that form)"],
  [0, "MM\0*", "a TIFF file (or a raw camera file of that form)"],
  [0, "II+\0", "a TIFF file (BigTIFF)"],
  [0, "MM\0+", "a TIFF file (BigTIFF)"],
  [0, "FUJIFILM", "a raw camera file (RAF)"],
  [0, "IIRO", "a raw camera file (ORF)"],
  [0, "IIU\0", "a raw camera file (RW2)"],
  [4, "ftypcr", "a raw camera file (CR3)"],
  [4, "ftypheic", "a HEIC file"],
  [4, "ftyphe", "a HEIF file"],
  [4, "ftypmif1", "a HEIF file"],
  [4, "ftypmsf1", "a HEIF file"],
  [4, "ftyp", "a film (MP4 or MOV)"],
  [4, "JXL ", "a JPEG XL file"],
  [0, "\xff\x0a", "a JPEG XL file"],
  [4, "jP  ", "a JPEG 2000 file"],
  [0, "\xff\x4f\xff\x51", "a JPEG 2000 file"],
  [0, "\0\0\x01\0", "an icon (ICO)"],
  [0, "8BPS", "a Photoshop file (PSD)"],
  [0, "%PDF", "a PDF document"],
  [0, "PK\x03\x04", "a zip archive"],
  [0, "\x93NUMPY", "a NumPy array"],
];

/** The format by the first bytes; names other kinds where they are known, with what to do about them. */
function formatOf(start: Uint8Array): ImageFormat {
  const isAt = (offset: number, text: string): boolean => lettersAt(start, offset, text.length) === text;
  if (PNG_SIGNATURE.every((byte, i) => start[i] === byte)) return "png";
  if (start[0] === 0xff && start[1] === 0xd8 && start[2] === 0xff) return "jpeg";
  if (isAt(0, "RIFF") && isAt(8, "WEBP")) return "webp";
  // The brand of the file, or one of those that it is compatible with.
  const brands = isAt(4, "ftyp") ? lettersAt(start, 8, Math.max(0, (start[3] ?? 0) - 8)).match(/.{4}/gs) ?? [] : [];
  if (brands.some((brand) => brand === "avif" || brand === "avis")) return "avif";
  if (start[0] === 0x89 && isAt(1, "PNG")) {
    throw new DecodeError(
      "the PNG signature is cut short or damaged, as by a transfer in text mode; get an intact copy",
    );
  }
  const text = new TextDecoder().decode(start).trimStart().toLowerCase();
  if (/^(<!doctype html|<html|<head|<body)/.test(text)) {
    throw new DecodeError("it is a web page and not a picture; save the picture itself from that page");
  }
  if (/^(<\?xml[^]*)?<svg/.test(text)) {
    throw new DecodeError("it is an SVG drawing, which has no pixels; export it as PNG");
  }
  const other = OTHERS.find(([offset, letters]) => isAt(offset, letters))?.[2] ??
    (/^p[1-7]\s/.test(text) ? "a PNM file (PBM, PGM, PPM)" : looksLikeTga(start) ? "a TGA file" : undefined);
  if (!other) throw new DecodeError("it is not an image, PNG, JPEG, WebP or AVIF is needed");
  throw new DecodeError(
    `it is ${other}, PNG, JPEG, WebP or AVIF is needed; ${
      other.startsWith("a raw") ? "develop it and save it as 16-bit PNG" : "save it as PNG in another program first"
    }`,
  );
}

/** Whether a header of TGA, which has no signature, could begin the file: kind of colours, coding, depth. */
function looksLikeTga(start: Uint8Array): boolean {
  return start.length >= 18 && start[1]! <= 1 && [1, 2, 3, 9, 10, 11].includes(start[2]!) &&
    [8, 15, 16, 24, 32].includes(start[16]!) && (start[17]! & 0xc0) === 0;
}
