import ExifReader from "exifreader";

/** What a picture's metadata says about showing it. */
export interface ImageMetadata {
  /** EXIF orientation, 1 to 8; 1 where none is stated. */
  readonly orientation: number;
  /** Sentences for the user. */
  readonly warnings: readonly string[];
}

/** A bound on a decompressed colour profile, so that a small file cannot claim a huge one. */
const MAX_PROFILE_BYTES = 16 << 20;

/** Descriptions of profiles that stand for sRGB; "c2" is a 500-byte replacement many web services embed. */
const SRGB_PROFILE = /srgb|^c2(ci)?$/i;

/**
 * Reads the EXIF orientation and the name of the ICC profile of a PNG or JPEG file.
 *
 * @param bytes The whole file.
 * @returns Orientation, and warnings for a profile other than sRGB or for metadata that cannot be read.
 */
export async function readMetadata(bytes: Uint8Array<ArrayBuffer>): Promise<ImageMetadata> {
  let tags: ExifReader.ExpandedTags;
  try {
    // The reader takes a whole buffer, without an offset into it.
    const whole = bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
    tags = await ExifReader.load(whole, {
      async: true,
      expanded: true,
      includeTags: { exif: ["Orientation"], icc: ["ICC Description", "Color Space"] },
      decompress: { maxDecompressedSize: MAX_PROFILE_BYTES },
    });
  } catch (error) {
    if (error instanceof ExifReader.errors.MetadataMissingError) return { orientation: 1, warnings: [] };
    const reason = error instanceof Error ? error.message : String(error);
    return { orientation: 1, warnings: [`the metadata cannot be read (${reason}), so no rotation is applied`] };
  }
  const warnings: string[] = [];
  const stated = tags.exif?.Orientation?.value ?? 1;
  const valid = Number.isInteger(stated) && stated >= 1 && stated <= 8;
  // 0 is written by some cameras for "unknown".
  if (!valid && stated !== 0) {
    warnings.push(`the EXIF orientation ${stated} is not in 1 to 8, so no rotation is applied`);
  }
  if (tags.icc) {
    const name = (tags.icc["ICC Description"]?.description ?? "").trim();
    if (!SRGB_PROFILE.test(name)) {
      const shown = name === "" ? "without a name" : `"${name}"`;
      warnings.push(`the colour profile ${shown} is not sRGB; values are taken as stored, so colours may shift`);
    }
  }
  return { orientation: valid ? stated : 1, warnings };
}
