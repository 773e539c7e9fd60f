import { type JpegLayout, readJpegLayout } from "../../raster/mod.ts";
import { checkSize, type Decoded, DecodeError } from "./image.ts";
import { decodeCut } from "./jpeg_cut.ts";
import { decodeComplete } from "./jpeg_samples.ts";

/**
 * Decodes a baseline or progressive JPEG of 1, 3 or 4 components to gray or RGB. A file that is cut off is read as far
 * as it goes: rows without data are gray and marked as missing.
 *
 * @param bytes The whole file.
 * @param maxPixels Largest allowed number of pixels; the frame header is judged before anything is allocated.
 * @returns The image as stored, sentences for the user, and what the file says of itself.
 * @throws DecodeError If the file ends before a row is complete, is damaged, too large or of an unsupported kind.
 */
export async function decodeJpeg(bytes: Uint8Array<ArrayBuffer>, maxPixels: number): Promise<Decoded> {
  const layout = readJpegLayout(bytes, (width, height) => checkSize(width, height, maxPixels));
  const decoded = layout.cut ? await decodeCut(layout, bytes.length) : await decodeWhole(layout, bytes.length);
  const { planes, ...picture } = decoded;
  const jpeg = { ...layout.quantization, ...(planes ? { planes } : {}) };
  return { ...picture, metadata: layout.metadata, jpeg, lossy: true };
}

/** Decodes a file with an end mark, which some programs put behind a scan that was cut off. */
async function decodeWhole(layout: JpegLayout, length: number): ReturnType<typeof decodeCut> {
  try {
    return decodeComplete(layout);
  } catch (error) {
    // How jpeg-js says that it came to the end mark before the last block.
    const ended = error instanceof DecodeError && error.message.includes("unexpected marker: ffd9");
    if (!ended || layout.components.length === 4) throw error;
    return await decodeCut({ ...layout, essential: layout.essential.slice(0, -1), cut: "in scan" }, length);
  }
}
