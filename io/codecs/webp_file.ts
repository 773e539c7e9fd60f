/** WebP: the container here, the coder by libwebp. */
import type { Image } from "../../raster/mod.ts";
import {
  checkSize,
  type Decoded,
  DecodeError,
  imageOfRgba,
  joinBytes,
  lettersAt,
  type StoredMetadata,
} from "./image.ts";

/** One chunk of a RIFF file. */
interface Chunk {
  /** Four letters. */
  readonly type: string;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** What the first chunks of a file state. */
interface WebpHeader {
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
}

/** Flags of the VP8X chunk. */
const FLAGS = { icc: 0x20, alpha: 0x10, exif: 0x08, xmp: 0x04 };

/** Longest side that the format has. */
export const MAX_WEBP_SIDE = 16383;

/**
 * Decodes a WebP file, lossy or lossless; of an animation its first frame.
 *
 * @param bytes The whole file.
 * @param maxPixels Largest allowed number of pixels; the header is judged before anything is allocated.
 * @returns The image as stored, sentences for the user, and what the file says of itself.
 * @throws DecodeError If the file is truncated, damaged or too large.
 */
export async function decodeWebp(bytes: Uint8Array<ArrayBuffer>, maxPixels: number): Promise<Decoded> {
  const view = viewOf(bytes);
  const end = 8 + (bytes.length < 12 ? Infinity : view.getUint32(4, true));
  // The size is rounded up to an even number, and some encoders leave the last byte out.
  if (end > bytes.length + 1) {
    throw new DecodeError(`the WebP file is truncated: it has ${bytes.length} of ${end} bytes; get a complete copy`);
  }
  const chunks = readChunks(bytes.subarray(12, end));
  const header = readHeader(chunks);
  checkSize(header.width, header.height, maxPixels);
  const warnings: string[] = [];
  const frame = chunks.find(({ type }) => type === "ANMF")?.data;
  let image: Image;
  if (frame) {
    warnings.push("the picture is animated; only its first frame is read");
    image = await decodeFrame(frame, header, maxPixels);
  } else {
    image = await decodeStill(bytes, header);
  }
  const dataOf = (wanted: string): Uint8Array<ArrayBuffer> | undefined =>
    chunks.find(({ type }) => type === wanted)?.data;
  const exif = dataOf("EXIF");
  const icc = dataOf("ICCP");
  return {
    image,
    warnings,
    // Some writers put the introduction of JPEG before the block.
    metadata: {
      ...(exif ? { exif: lettersAt(exif, 0, 4) === "Exif" ? exif.subarray(6) : exif } : {}),
      ...(icc ? { icc } : {}),
    },
    lossy: !chunks.some(({ type }) => type === "VP8L"),
  };
}

/**
 * The XMP packet of a WebP file.
 *
 * @param bytes The whole file.
 * @returns The packet, a view into the file; nothing if there is none.
 */
export function webpXmp(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  return readChunks(bytes.subarray(12)).find(({ type }) => type === "XMP ")?.data;
}

/** The first frame of an animation on its canvas, which is transparent elsewhere. */
async function decodeFrame(frame: Uint8Array<ArrayBuffer>, canvas: WebpHeader, maxPixels: number): Promise<Image> {
  if (frame.length < 16) throw new DecodeError("the WebP file is damaged: a frame is cut short");
  const [left, top] = [2 * uint24(frame, 0), 2 * uint24(frame, 3)];
  const parts = readChunks(frame.subarray(16)).filter(({ type }) => /^(ALPH|VP8[ L])$/.test(type));
  const header = readHeader(parts.toSorted((a, b) => Number(a.type === "ALPH") - Number(b.type === "ALPH")));
  checkSize(header.width, header.height, maxPixels);
  if (left + header.width > canvas.width || top + header.height > canvas.height) {
    throw new DecodeError("the WebP file is damaged: a frame reaches beyond its canvas");
  }
  const hasAlpha = header.hasAlpha || parts[0]?.type === "ALPH";
  const still = riff([
    ...(parts[0]?.type === "ALPH" ? [extendedHeader(header, FLAGS.alpha)] : []),
    ...parts,
  ]);
  const image = await decodeStill(still, { ...header, hasAlpha });
  if (image.width === canvas.width && image.height === canvas.height) return image;
  const samples = new Uint8Array(canvas.width * canvas.height * 3);
  const alpha = new Uint8Array(canvas.width * canvas.height);
  for (let y = 0; y < image.height; y++) {
    const [from, to] = [y * image.width, (top + y) * canvas.width + left];
    samples.set(image.samples.subarray(3 * from, 3 * (from + image.width)), 3 * to);
    if (image.alpha) alpha.set(image.alpha.subarray(from, from + image.width), to);
    else alpha.fill(255, to, to + image.width);
  }
  return { width: canvas.width, height: canvas.height, channels: 3, bitDepth: 8, samples, alpha };
}

async function decodeStill(bytes: Uint8Array<ArrayBuffer>, { width, height, hasAlpha }: WebpHeader): Promise<Image> {
  const { default: decode } = await import("@jsquash/webp/decode.js");
  let decoded;
  try {
    decoded = await decode(bytes.slice().buffer);
  } catch (error) {
    throw new DecodeError("the WebP file is damaged: its pixel data cannot be decoded", { cause: error });
  }
  if (decoded.width !== width || decoded.height !== height) {
    throw new DecodeError("the WebP file is damaged: its picture has another size than its header states");
  }
  return imageOfRgba(decoded, hasAlpha);
}

/**
 * Encodes a picture of 8 bits as a WebP file.
 *
 * @param image The image; gray is stored as RGB, which the format needs.
 * @param quality 0 to 100, lossy.
 * @param metadata EXIF block, ICC profile and XMP packet to store.
 * @returns The bytes of the file.
 */
export async function encodeWebp(
  image: Image,
  quality: number,
  { exif, icc, xmp }: StoredMetadata,
): Promise<Uint8Array<ArrayBuffer>> {
  const { default: encode } = await import("@jsquash/webp/encode.js");
  const encoded = new Uint8Array(await encode(rgbaOf(image), { quality, exact: 1 }));
  if (!exif && !icc && !xmp) return encoded;
  const coded = readChunks(encoded.subarray(12)).filter(({ type }) => type !== "VP8X");
  const flags = (image.alpha ? FLAGS.alpha : 0) | (exif ? FLAGS.exif : 0) | (icc ? FLAGS.icc : 0) |
    (xmp ? FLAGS.xmp : 0);
  return riff([
    extendedHeader(image, flags),
    ...(icc ? [{ type: "ICCP", data: icc }] : []),
    ...coded,
    ...(exif ? [{ type: "EXIF", data: exif }] : []),
    ...(xmp ? [{ type: "XMP ", data: xmp }] : []),
  ]);
}

/**
 * A picture of 8 bits as the coders take it.
 *
 * @param image Gray or RGB.
 * @returns Four samples per pixel.
 */
export function rgbaOf({ width, height, channels, samples, alpha }: Image): ImageData {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let c = 0; c < 3; c++) data[4 * pixel + c] = samples[pixel * channels + (channels === 3 ? c : 0)]!;
    data[4 * pixel + 3] = alpha?.[pixel] ?? 255;
  }
  return { width, height, data, colorSpace: "srgb", pixelFormat: "rgba-unorm8" } as ImageData;
}

/** Size and alpha by the first chunk that states them (RFC 9649, 2.5 to 2.7). */
function readHeader(chunks: readonly Chunk[]): WebpHeader {
  const [first] = chunks;
  const data = first?.data ?? new Uint8Array(0);
  const view = viewOf(data);
  if (first?.type === "VP8X" && data.length >= 10) {
    return { width: 1 + uint24(data, 4), height: 1 + uint24(data, 7), hasAlpha: (data[0]! & FLAGS.alpha) !== 0 };
  }
  if (first?.type === "VP8L" && data.length >= 5 && data[0] === 0x2f) {
    const bits = view.getUint32(1, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff), hasAlpha: ((bits >>> 28) & 1) === 1 };
  }
  if (first?.type === "VP8 " && data.length >= 10 && data[3] === 0x9d && data[4] === 1 && data[5] === 0x2a) {
    return { width: view.getUint16(6, true) & 0x3fff, height: view.getUint16(8, true) & 0x3fff, hasAlpha: false };
  }
  throw new DecodeError("the WebP file is damaged: it does not begin with a header");
}

/** The chunks of a RIFF body; one that is cut short keeps what is there. */
function readChunks(body: Uint8Array<ArrayBuffer>): Chunk[] {
  const chunks: Chunk[] = [];
  const view = viewOf(body);
  for (let offset = 0; offset + 8 <= body.length;) {
    const length = view.getUint32(offset + 4, true);
    chunks.push({ type: lettersAt(body, offset, 4), data: body.subarray(offset + 8, offset + 8 + length) });
    offset += 8 + length + (length & 1);
  }
  return chunks;
}

function riff(chunks: readonly Chunk[]): Uint8Array<ArrayBuffer> {
  const parts = chunks.flatMap(({ type, data }) => [
    new TextEncoder().encode(type),
    uint32(data.length),
    data,
    new Uint8Array(data.length & 1),
  ]);
  const length = parts.reduce((sum, part) => sum + part.length, 4);
  return joinBytes([new TextEncoder().encode("RIFF"), uint32(length), new TextEncoder().encode("WEBP"), ...parts]);
}

function extendedHeader({ width, height }: { readonly width: number; readonly height: number }, flags: number): Chunk {
  const sizes = [width - 1, height - 1].flatMap((side) => [side & 255, (side >> 8) & 255, side >> 16]);
  return { type: "VP8X", data: Uint8Array.of(flags, 0, 0, 0, ...sizes) };
}

function uint24(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16);
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}

function viewOf(bytes: Uint8Array<ArrayBuffer>): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
