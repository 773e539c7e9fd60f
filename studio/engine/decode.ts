/// <reference lib="dom" />
/** Decoding pictures by what the browser has: all its formats, upright, in sRGB. */
import {
  DecodeError,
  grayImage,
  isGrayContent,
  PNG_SIGNATURE,
  readJpegLayout,
  readPngHeader,
  readPngTexts,
  type Size,
  statedOrientation,
} from "../../raster/mod.ts";
import type { DecodedPicture } from "../../restoration/mod.ts";
import type { Pixels } from "../protocol.ts";
import { imageOf, type StoredPicture } from "./pictures.ts";

/** What differs between channels of a gray picture after lossy coding of its colours, in levels of 255. */
const LOSSY_GRAY = 3;

/** The bytes with which a JPEG file begins: its start mark, and the first byte of another. */
const JPEG_SIGNATURE = [0xff, 0xd8, 0xff];

/** Most pixels that are read. */
const MOST_PIXELS = 64e6;

/**
 * Decodes a picture in any format of the browser, upright and in sRGB.
 * @returns it as a canvas shows it, and as the engine takes it, with one channel where it has no colours
 * @throws {Error} if the browser cannot decode it, or it is too large
 */
export async function decode(file: Blob, name: string): Promise<{ readonly pixels: Pixels } & StoredPicture> {
  const pixels = await pixelsOf(file, name);
  const header = await pngHeader(file);
  const tolerance = file.type === "image/png" || header ? 0 : LOSSY_GRAY;
  const image = imageOf(pixels);
  const isGray = isGrayContent({ channels: image.channels, data: image.samples }, tolerance);
  const warnings = header?.bitDepth === 16 ? ["of 16 bits for a value the browser keeps the upper 8"] : [];
  const compression = await compressionOf(file, pixels);
  return { name, pixels, decoded: { ...(isGray ? grayImage(image) : image), warnings, ...compression } };
}

/** How a JPEG file was quantised and turned, by its segments; nothing of another file, or where they do not tell. */
async function compressionOf(
  file: Blob,
  { width, height }: Size,
): Promise<Pick<DecodedPicture, "jpeg" | "orientation">> {
  const start = new Uint8Array(await file.slice(0, JPEG_SIGNATURE.length).arrayBuffer());
  if (!JPEG_SIGNATURE.every((byte, i) => start[i] === byte)) return {};
  try {
    const { quantization: jpeg, metadata: { exif } } = readJpegLayout(
      new Uint8Array(await file.arrayBuffer()),
      () => {},
    );
    const orientation = exif ? statedOrientation(exif) : 1;
    // From the fifth on rows become columns.
    const isUpright = orientation > 4
      ? jpeg.width === height && jpeg.height === width
      : jpeg.width === width && jpeg.height === height;
    return isUpright ? { jpeg, orientation } : {};
  } catch (error) {
    if (error instanceof DecodeError) return {};
    throw error;
  }
}

async function pixelsOf(file: Blob, name: string): Promise<Pixels> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch (cause) {
    throw new Error(
      `Cannot read "${name}": the browser does not decode it; give a PNG, JPEG, WebP or AVIF file that is complete`,
      { cause },
    );
  }
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) {
    bitmap.close();
    throw new Error(
      `Cannot read "${name}": it has ${width} x ${height} pixels, at most ${
        MOST_PIXELS / 1e6
      } megapixels are possible; ` +
        "make it smaller",
    );
  }
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, rgba: context.getImageData(0, 0, width, height).data };
}

/** The header of a PNG file; undefined for others. */
async function pngHeader(file: Blob): Promise<ReturnType<typeof readPngHeader> | undefined> {
  const start = new Uint8Array(await file.slice(0, 33).arrayBuffer());
  return isPng(start) && start.length === 33 ? readPngHeader(start) : undefined;
}

function isPng(bytes: Uint8Array): boolean {
  return PNG_SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/** The texts of a PNG file that are not compressed, by their keywords; none of another file. */
export async function textsOf(file: Blob): Promise<Readonly<Record<string, string>>> {
  if (!isPng(new Uint8Array(await file.slice(0, PNG_SIGNATURE.length).arrayBuffer()))) return {};
  return readPngTexts(new Uint8Array(await file.arrayBuffer()), () => undefined);
}
