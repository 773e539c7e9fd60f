import { Buffer } from "node:buffer";
import { deflateSync, inflateSync } from "node:zlib";
import { PNG } from "pngjs";
import { type ColourSpace, colourSpaceOf, PRIMARIES } from "./colour_profile.ts";
import { checkSize, type Decoded, DecodeError, joinBytes, type PictureMetadata } from "./image.ts";
import {
  allocateSamples,
  type Image,
  PNG_SIGNATURE,
  pngChunk,
  type PngHeader,
  pngTextChunk,
  readPngChunks,
  readPngHeader,
  readPngTexts,
  type Samples,
} from "../../raster/mod.ts";

/** The part of pngjs in use; the package brings no types. */
interface PngCodec {
  readonly sync: {
    read(bytes: Buffer, options: { skipRescale: boolean }): { readonly data: Uint8Array | Uint16Array };
    write(
      image: { width: number; height: number; data: Buffer },
      options: { colorType: number; inputColorType: number; inputHasAlpha: boolean; bitDepth: number },
    ): Buffer;
  };
}

/** Samples per pixel as stored, by colour type. */
const STORED_CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** First column and row and their steps of the seven Adam7 passes. */
const ADAM7: readonly (readonly [number, number, number, number])[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/**
 * Decodes a PNG of any colour type and depth; 1, 2 and 4 bits become 8, 16 bits stay 16.
 *
 * @param bytes The whole file.
 * @param maxPixels Largest allowed number of pixels; the header is judged before anything is allocated.
 * @returns The image as stored, sentences for the user, and what the file says of itself.
 * @throws DecodeError If the file is truncated, damaged, too large, or its data does not match its header.
 */
export async function decodePng(
  bytes: Uint8Array<ArrayBuffer>,
  maxPixels: number,
): Promise<Decoded> {
  const header = readPngHeader(bytes);
  checkSize(header.width, header.height, maxPixels);
  const { chunks, dropped } = readPngChunks(bytes);
  const warnings = dropped.map((type) => `the ${type} chunk is damaged and ignored`);
  if (chunks.some((chunk) => chunk.type === "acTL")) {
    warnings.push("the picture is animated; only its still image is read");
  }

  const palette = chunks.find((chunk) => chunk.type === "PLTE")?.data;
  const transparency = chunks.find((chunk) => chunk.type === "tRNS" && header.colorType < 4)?.data;
  checkPalette(header, palette, transparency);
  await checkDataLength(header, chunks.filter((chunk) => chunk.type === "IDAT").map((chunk) => chunk.data));

  // Only checked chunks that decide pixels go on to the decoder, each of the single ones once.
  const kept = ["IHDR", "PLTE", "tRNS"].filter((type) =>
    type === "IHDR" || (type === "PLTE" ? header.colorType === 3 : transparency !== undefined)
  ).map((type) => chunks.find((chunk) => chunk.type === type)!);
  const rest = chunks.filter((chunk) => chunk.type === "IDAT" || chunk.type === "IEND");
  const parts = [
    Uint8Array.from(PNG_SIGNATURE),
    ...kept.map((chunk) => chunk.bytes),
    ...rest.map((chunk) => chunk.bytes),
  ];
  let rgba: Uint8Array | Uint16Array;
  try {
    rgba = (PNG as PngCodec).sync.read(Buffer.concat(parts), { skipRescale: true }).data;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DecodeError(`the PNG file is damaged: ${reason}`, { cause: error });
  }
  const dataOf = (wanted: string): Uint8Array<ArrayBuffer> | undefined =>
    chunks.find(({ type }) => type === wanted)?.data;
  const metadata = metadataOf(dataOf);
  const colours = metadata.icc ? undefined : coloursOf(dataOf);
  if (typeof colours === "string") warnings.push(colours);
  return {
    image: fromRgba(header, rgba, palette, transparency),
    warnings,
    metadata,
    ...(typeof colours === "object" ? { colours } : {}),
  };
}

type ChunkData = (type: string) => Uint8Array<ArrayBuffer> | undefined;

/** EXIF block, colour profile and pixels per metre (PNG, 11.3). */
function metadataOf(dataOf: ChunkData): PictureMetadata {
  const [exif, profile, density] = ["eXIf", "iCCP", "pHYs"].map(dataOf);
  const icc = profile && inflated(profile.subarray(profile.indexOf(0) + 2));
  const [across = 0, down = 0] = density?.length === 9 && density[8] === 1
    ? [uint32(density, 0), uint32(density, 4)]
    : [];
  return {
    ...(exif ? { exif } : {}),
    // Coding-independent code points stand above a profile (PNG, 12.1).
    ...(icc && !dataOf("cICP") ? { icc } : {}),
    ...(across > 0 && down > 0 ? { density: [across, down] as const } : {}),
  };
}

/** A bound on a decompressed profile or text, so that a small file cannot claim a huge one. */
const MAX_INFLATED = 16 << 20;

/** Primaries and transfer that a file states by numbers, if they are not those of sRGB; a sentence if not convertible. */
function coloursOf(dataOf: ChunkData): ColourSpace | string | undefined {
  const [points, gamma, chromaticities] = ["cICP", "gAMA", "cHRM"].map(dataOf);
  if (points && points.length === 4) return colourSpaceOf(points[0]!, points[1]!);
  if (dataOf("sRGB")) return undefined;
  const exponent = gamma?.length === 4 ? 100_000 / uint32(gamma, 0) : SRGB_EXPONENT;
  const [white, red, green, blue] = chromaticities?.length === 32
    ? [0, 8, 16, 24].map((at) => [uint32(chromaticities, at) / 1e5, uint32(chromaticities, at + 4) / 1e5] as const)
    : [];
  const primaries = white ? [red!, green!, blue!, white] : PRIMARIES[1]!;
  const plain = Math.abs(exponent - SRGB_EXPONENT) < 0.05;
  const close = primaries.every(([x, y], i) => Math.hypot(x - PRIMARIES[1]![i]![0], y - PRIMARIES[1]![i]![1]) < 0.005);
  if (plain && close) return undefined;
  if (!(exponent > 0.1 && exponent < 10) || primaries.some(([, y]) => y === 0)) {
    return "the file states an impossible gamma or impossible primaries; values are taken as stored";
  }
  return { primaries, transfer: plain ? "srgb" : exponent };
}

/** The exponent that stands for sRGB where a file has a gamma alone. */
const SRGB_EXPONENT = 2.2;

/**
 * Reads the texts of a PNG file, plain and compressed.
 *
 * @param bytes The whole file.
 * @returns Texts by their keywords; of several with one keyword the first; damaged ones are left out.
 * @throws DecodeError If the file is truncated or damaged.
 */
export function pngTexts(bytes: Uint8Array<ArrayBuffer>): Record<string, string> {
  return readPngTexts(bytes, inflated);
}

/** Decompressed data; nothing if they are damaged or longer than allowed. */
function inflated(data: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(inflateSync(data, { maxOutputLength: MAX_INFLATED }));
  } catch {
    return undefined;
  }
}

function uint32(bytes: Uint8Array<ArrayBuffer>, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset);
}

/** Refuses a missing or misshapen palette or transparency chunk. */
function checkPalette(header: PngHeader, palette: Uint8Array | undefined, transparency: Uint8Array | undefined): void {
  const entries = (palette?.length ?? 0) / 3;
  if (header.colorType === 3 && (entries < 1 || entries > 2 ** header.bitDepth || !Number.isInteger(entries))) {
    throw new DecodeError("the PNG file is damaged: its palette is missing or has a wrong length");
  }
  if (transparency === undefined) return;
  const fits = header.colorType === 3
    ? transparency.length <= entries
    : transparency.length === 2 * STORED_CHANNELS[header.colorType]!;
  if (!fits) throw new DecodeError("the PNG file is damaged: its transparency chunk has a wrong length");
}

/** Number of bytes that the compressed data must expand to: a filter byte and the packed samples per row. */
function promisedLength({ width, height, bitDepth, colorType, interlaced }: PngHeader): number {
  const bits = bitDepth * STORED_CHANNELS[colorType]!;
  const passes = interlaced ? ADAM7 : [[0, 0, 1, 1] as const];
  let total = 0;
  for (const [firstX, firstY, stepX, stepY] of passes) {
    const columns = Math.ceil((width - firstX) / stepX);
    const rows = Math.ceil((height - firstY) / stepY);
    if (columns > 0 && rows > 0) total += rows * (1 + Math.ceil((columns * bits) / 8));
  }
  return total;
}

/** Expands the compressed data without keeping it and compares its length with the header's promise. */
async function checkDataLength(header: PngHeader, parts: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
  const promised = promisedLength(header);
  let length = 0;
  try {
    for await (const block of new Blob([...parts]).stream().pipeThrough(new DecompressionStream("deflate"))) {
      length += block.length;
      if (length > promised) break;
    }
  } catch (error) {
    throw new DecodeError("the PNG file is damaged: its compressed data cannot be expanded", { cause: error });
  }
  if (length !== promised) {
    const found = length > promised ? "more" : `only ${length}`;
    throw new DecodeError(
      `the PNG file is damaged: its header promises ${promised} bytes of pixel data, ${found} were found`,
    );
  }
}

/** Takes the decoder's four samples per pixel apart into colour and alpha. */
function fromRgba(
  header: PngHeader,
  rgba: Uint8Array | Uint16Array,
  palette: Uint8Array | undefined,
  transparency: Uint8Array | undefined,
): Image {
  const { width, height, colorType } = header;
  const bitDepth = header.bitDepth === 16 ? 16 : 8;
  const grayPalette = colorType === 3 && palette !== undefined && isGray(palette);
  const channels = colorType === 0 || colorType === 4 || grayPalette ? 1 : 3;
  // Samples of 1, 2 and 4 bits arrive as 0 to 1, 3 and 15; palette entries always have 8 bits.
  const scale = colorType !== 3 && header.bitDepth < 8 ? 255 / (2 ** header.bitDepth - 1) : 1;
  const samples = allocateSamples(width * height * channels, bitDepth);
  const alpha = colorType >= 4 || transparency ? allocateSamples(width * height, bitDepth) : undefined;
  // The decoder blackens pixels of the transparent colour; their colour is known, so it is put back.
  const transparent = colorType !== 3 && transparency
    ? Array.from({ length: channels }, (_, c) => (transparency[2 * c]! << 8) | transparency[2 * c + 1]!)
    : undefined;
  for (let pixel = 0; pixel < width * height; pixel++) {
    const opacity = rgba[4 * pixel + 3]!;
    for (let c = 0; c < channels; c++) {
      const value = transparent && opacity === 0 ? transparent[c]! : rgba[4 * pixel + c]!;
      samples[pixel * channels + c] = value * scale;
    }
    if (alpha) alpha[pixel] = opacity * scale;
  }
  return { width, height, channels, bitDepth, samples, ...(alpha ? { alpha } : {}) };
}

/** True if every RGB triple has three equal values. */
function isGray(triples: Uint8Array): boolean {
  for (let i = 0; i < triples.length; i += 3) {
    if (triples[i] !== triples[i + 1] || triples[i] !== triples[i + 2]) return false;
  }
  return true;
}

/**
 * Encodes an image as a PNG file: gray or RGB, with alpha if the image has it, 8 or 16 bits.
 *
 * @param image The image.
 * @param text Keywords and texts that say how the picture was made; keywords have 1 to 79 Latin-1 characters.
 * @param metadata EXIF block, colour profile and density to store.
 * @returns The bytes of the file.
 * @throws RangeError If a keyword or text cannot be stored.
 * @throws TypeError If the arrays do not fit the size.
 */
export function encodePng(
  image: Image,
  text: Readonly<Record<string, string>> = {},
  { exif, icc, density }: PictureMetadata = {},
): Uint8Array<ArrayBuffer> {
  const { width, height, channels, bitDepth, samples, alpha } = image;
  checkArray("samples", samples, width * height * channels, bitDepth);
  if (alpha) checkArray("alpha", alpha, width * height, bitDepth);
  const colorType = (channels === 3 ? 2 : 0) + (alpha ? 4 : 0);
  const joined = alpha ? interleave(samples, alpha, channels, bitDepth) : samples;
  const encoded = (PNG as PngCodec).sync.write(
    // 16 bits: the encoder reads the whole buffer behind its input, so the copy must be exact.
    { width, height, data: Buffer.from(joined.slice().buffer) },
    { colorType, inputColorType: colorType, inputHasAlpha: alpha !== undefined, bitDepth },
  );
  const afterHeader = 33;
  // The name of the profile, its end, and the method of compression stand before the profile.
  const profile = icc && [...new TextEncoder().encode("ICC profile"), 0, 0, ...deflateSync(icc)];
  return joinBytes([
    encoded.subarray(0, afterHeader),
    ...(profile ? [pngChunk("iCCP", Uint8Array.from(profile))] : []),
    ...(density ? [pngChunk("pHYs", Uint8Array.of(...density.flatMap(bigEndian), 1))] : []),
    ...(exif ? [pngChunk("eXIf", exif)] : []),
    ...Object.entries(text).map(([keyword, value]) => pngTextChunk(keyword, value)),
    encoded.subarray(afterHeader),
  ]);
}

function bigEndian(value: number): number[] {
  return [value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 255);
}

function checkArray(name: string, array: Samples, length: number, bitDepth: number): void {
  if (array.length === length && array.BYTES_PER_ELEMENT * 8 === bitDepth) return;
  throw new TypeError(
    `Cannot encode a PNG: ${name} holds ${array.length} values of ${array.BYTES_PER_ELEMENT * 8} bits, ` +
      `the size needs ${length} of ${bitDepth} bits`,
  );
}

function interleave(samples: Samples, alpha: Samples, channels: number, bitDepth: 8 | 16): Samples {
  const joined = allocateSamples(alpha.length * (channels + 1), bitDepth);
  for (let pixel = 0; pixel < alpha.length; pixel++) {
    for (let c = 0; c < channels; c++) joined[pixel * (channels + 1) + c] = samples[pixel * channels + c]!;
    joined[pixel * (channels + 1) + channels] = alpha[pixel]!;
  }
  return joined;
}
