import ExifReader from "exifreader";

/** What a picture's metadata says about showing it. */
export interface ShownAs {
  /** EXIF orientation, 1 to 8; 1 where none is stated. */
  readonly orientation: number;
  /** Name of a colour profile other than sRGB, empty if it has none; absent where the picture is sRGB. */
  readonly profile?: string;
  /** Sentences for the user. */
  readonly warnings: readonly string[];
}

/** A bound on a decompressed colour profile, so that a small file cannot claim a huge one. */
const MAX_PROFILE_BYTES = 16 << 20;

/** Descriptions of profiles that stand for sRGB; "c2" is a 500-byte replacement many web services embed. */
const SRGB_PROFILE = /srgb|^c2(ci)?$/i;

/**
 * Reads the EXIF orientation and the name of the ICC profile of a picture file.
 *
 * @param bytes The whole file.
 * @returns Orientation, the name of a profile other than sRGB, and warnings for metadata that cannot be read.
 */
export async function readMetadata(bytes: Uint8Array<ArrayBuffer>): Promise<ShownAs> {
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
  const profile = tags.icc && (tags.icc["ICC Description"]?.description ?? "").trim();
  return {
    orientation: valid ? stated : 1,
    ...(profile !== undefined && !SRGB_PROFILE.test(profile) ? { profile } : {}),
    warnings,
  };
}
