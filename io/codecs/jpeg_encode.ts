import { type Image, XMP_INTRODUCTION } from "../../raster/mod.ts";
import { joinBytes, type StoredMetadata } from "./image.ts";
import { rgbaOf } from "./webp_file.ts";

/** Number of gray in the encoder's list of colour spaces. */
const GRAYSCALE = 1;

/** From this quality on the colours keep their full resolution. */
const FULL_CHROMA = 90;

/** Most bytes of a segment beside its length. */
const MOST_BYTES = 65533;

/**
 * Encodes a picture of 8 bits without alpha as a progressive JPEG (MozJPEG).
 *
 * @param image The image; gray is stored with one component.
 * @param quality 1 to 100; from 90 on the colours keep their full resolution.
 * @param metadata EXIF block, colour profile, density and an XMP packet of at most `MOST_XMP` bytes to store.
 * @returns The bytes of the file.
 */
export async function encodeJpeg(
  image: Image,
  quality: number,
  { exif, icc, density, xmp }: StoredMetadata,
): Promise<Uint8Array<ArrayBuffer>> {
  const { default: encode } = await import("@jsquash/jpeg/encode.js");
  const encoded = new Uint8Array(
    await encode(rgbaOf(image), {
      quality,
      auto_subsample: false,
      chroma_subsample: quality < FULL_CHROMA ? 2 : 1,
      ...(image.channels === 1 ? { color_space: GRAYSCALE } : {}),
    }),
  );
  // Start mark and JFIF segment, which the encoder writes first: 2 + 18 bytes (JFIF 1.02).
  const start = encoded.slice(0, 20);
  if (density) {
    const [across, down] = density.map((perMetre) => Math.min(65535, Math.round(perMetre * 0.0254)));
    start.set([1, across! >> 8, across! & 255, down! >> 8, down! & 255], 13);
  }
  const parts = Array.from(
    { length: Math.ceil((icc?.length ?? 0) / ICC_PART) },
    (_, i) =>
      segment(
        0xe2,
        "ICC_PROFILE\0",
        [i + 1, Math.ceil(icc!.length / ICC_PART)],
        icc!.subarray(i * ICC_PART, (i + 1) * ICC_PART),
      ),
  );
  return joinBytes([
    start,
    ...(exif && exif.length + 6 <= MOST_BYTES ? [segment(0xe1, "Exif\0\0", [], exif)] : []),
    ...(xmp ? [segment(0xe1, XMP_INTRODUCTION, [], xmp)] : []),
    ...parts,
    encoded.subarray(20),
  ]);
}

/** Most bytes of an XMP packet, which stands in one segment (XMP specification, part 3, 1.1.3). */
export const MOST_XMP = MOST_BYTES - XMP_INTRODUCTION.length;

/** Bytes of a profile in one segment, after its introduction and two numbers. */
const ICC_PART = MOST_BYTES - 14;

function segment(marker: number, introduction: string, numbers: readonly number[], body: Uint8Array): Uint8Array {
  const length = 2 + introduction.length + numbers.length + body.length;
  return joinBytes([
    Uint8Array.of(0xff, marker, length >> 8, length & 255, ...new TextEncoder().encode(introduction), ...numbers),
    body,
  ]);
}
