import { checkSize, type Decoded } from "./image.ts";
import { decodeCut } from "./jpeg_cut.ts";
import { decodeComplete } from "./jpeg_samples.ts";
import { readJpegLayout } from "./jpeg_segments.ts";

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
  const decoded = layout.cut ? await decodeCut(layout, bytes.length) : decodeComplete(layout);
  return { ...decoded, metadata: layout.metadata, jpeg: layout.quantization, lossy: true };
}
