/** PNG files in memory. */
import type { Image } from "../raster/mod.ts";
import { decodePng } from "./codecs/png_file.ts";

/**
 * The picture of a PNG file, as stored.
 *
 * @param bytes The whole file.
 * @param maxPixels Largest allowed number of pixels; the header is judged before anything is allocated.
 * @throws DecodeError If the file is truncated, damaged, too large, or its data does not match its header.
 */
export async function imageOfPng(bytes: Uint8Array<ArrayBuffer>, maxPixels: number): Promise<Image> {
  return (await decodePng(bytes, maxPixels)).image;
}
