/** Pictures into files of the kind that their name says. */
import { allocateSamples, type Image, renewedExif, withDensity } from "../raster/mod.ts";
import { writeAtomically } from "./atomic_write.ts";
import { FileError } from "./file_error.ts";
import { lettersAt, MAX_SIDE, type PictureMetadata } from "./codecs/image.ts";
import { encodeJpeg, MOST_XMP } from "./codecs/jpeg_encode.ts";
import { encodePng } from "./codecs/png_file.ts";
import { encodeWebp, MAX_WEBP_SIDE } from "./codecs/webp_file.ts";
import { xmpPacket } from "./codecs/xmp.ts";

/** How a picture is written. */
export interface WriteImageOptions {
  /** Quality of JPEG and WebP, 1 to 100; 92 by default. PNG keeps every bit. */
  readonly quality?: number;
  /** What is kept of the picture's source: tags, profile, density, as `readImage` gives them. */
  readonly metadata?: PictureMetadata | undefined;
  /** Keywords and texts to store: in text chunks of PNG, in the XMP packet of JPEG and WebP. */
  readonly text?: Readonly<Record<string, string>>;
}

const DEFAULT_QUALITY = 92;

/** Formats by the ending of a name, and their longest side. */
export const FORMATS = {
  png: { name: "PNG", longest: 2 ** 31 - 1 },
  jpg: { name: "JPEG", longest: MAX_SIDE },
  jpeg: { name: "JPEG", longest: MAX_SIDE },
  webp: { name: "WebP", longest: MAX_WEBP_SIDE },
} as const;

/**
 * The format that the ending of a name stands for.
 *
 * @param path Path or name of a file to be written.
 * @returns The name of the format and its longest side in pixels.
 * @throws FileError If the ending is none of .png, .jpg, .jpeg and .webp, whatever their case.
 */
export function formatByName(path: string): (typeof FORMATS)[keyof typeof FORMATS] {
  const ending = /\.([^./\\]*)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  if (ending in FORMATS) return FORMATS[ending as keyof typeof FORMATS];
  throw new FileError(`Cannot write "${path}": its name must end in .png, .jpg, .jpeg or .webp`);
}

/**
 * Writes an image as PNG, JPEG or WebP, by the ending of the name; the file appears complete or not at all.
 *
 * EXIF tags are kept with the orientation upright, the new size and no thumbnail.
 *
 * @param path Path of the file; its folder must exist.
 * @param image Gray or RGB. JPEG has no alpha: it is laid on white there. JPEG and WebP have 8 bits.
 * @param options Quality, and what to keep.
 * @returns Sentences for the user: what the format could not hold.
 * @throws FileError If the name has another ending, the picture is too large for the format, or the file cannot be
 * written; nothing is left behind.
 * @throws RangeError If the quality is not in 1 to 100, or a text cannot be stored.
 */
export async function writeImage(
  path: string,
  image: Image,
  { quality = DEFAULT_QUALITY, metadata = {}, text = {} }: WriteImageOptions = {},
): Promise<readonly string[]> {
  const { name, longest } = formatByName(path);
  if (!(quality >= 1 && quality <= 100)) {
    throw new RangeError(`Cannot write "${path}" with quality ${quality}: 1 to 100 is needed`);
  }
  if (Math.max(image.width, image.height) > longest) {
    throw new FileError(
      `Cannot write "${path}": ${name} has at most ${longest} pixels a side, the picture has ${image.width} x ` +
        `${image.height}; write a PNG file`,
    );
  }
  const notes: string[] = [];
  const kept = keptMetadata(metadata, image, notes);
  if (name === "PNG") {
    await writeAtomically(path, encodePng(image, text, kept));
    return notes;
  }
  if (image.bitDepth === 16) notes.push(`${name} has 8 bits a sample, so the 16 bits of the picture are rounded`);
  let plain = image.bitDepth === 16 ? withEightBits(image) : image;
  if (name === "JPEG" && plain.alpha) {
    if (plain.alpha.some((value) => value < 255)) notes.push("JPEG has no transparency: the picture is laid on white");
    plain = onWhite(plain);
  }
  // WebP has no other place for the density.
  const exif = name === "WebP" && kept.density ? withDensity(kept.exif, kept.density) : kept.exif;
  const xmp = xmpOf(text, name, notes);
  const stored = { ...kept, ...(exif ? { exif } : {}), ...(xmp ? { xmp } : {}) };
  const bytes = await (name === "JPEG" ? encodeJpeg : encodeWebp)(plain, quality, stored);
  await writeAtomically(path, bytes);
  return notes;
}

/** The packet that holds texts; nothing if there are none, or more than a JPEG file can hold. */
function xmpOf(
  text: Readonly<Record<string, string>>,
  format: string,
  notes: string[],
): Uint8Array<ArrayBuffer> | undefined {
  if (Object.keys(text).length === 0) return undefined;
  const packet = xmpPacket(text);
  if (format !== "JPEG" || packet.length <= MOST_XMP) return packet;
  notes.push(`JPEG has at most ${MOST_XMP} bytes for texts, so the ${packet.length} of this picture are left out`);
  return undefined;
}

/** What of the metadata belongs to the picture as it is now. */
function keptMetadata({ exif, icc, density }: PictureMetadata, image: Image, notes: string[]): PictureMetadata {
  const renewed = exif && renewedExif(exif, image);
  if (exif && !renewed) notes.push("the EXIF tags of the source are damaged and not kept");
  const fits = icc && lettersAt(icc, 16, 4) === (image.channels === 1 ? "GRAY" : "RGB ");
  return { ...(renewed ? { exif: renewed } : {}), ...(fits ? { icc } : {}), ...(density ? { density } : {}) };
}

function withEightBits(image: Image): Image {
  const reduced = (samples: Image["samples"]): Image["samples"] =>
    Uint8Array.from(samples, (value) => Math.round(value / 257));
  return {
    ...image,
    bitDepth: 8,
    samples: reduced(image.samples),
    ...(image.alpha ? { alpha: reduced(image.alpha) } : {}),
  };
}

/** The picture without alpha: c a + 255 (1 - a). */
function onWhite({ alpha, ...image }: Image): Image {
  const samples = allocateSamples(image.samples.length, 8);
  for (let i = 0; i < samples.length; i++) {
    const opacity = alpha![Math.floor(i / image.channels)]! / 255;
    samples[i] = Math.round(image.samples[i]! * opacity + 255 * (1 - opacity));
  }
  return { ...image, samples };
}
