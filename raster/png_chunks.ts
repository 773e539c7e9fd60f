/** PNG files as chunks. */
import { DecodeError } from "./decode_error.ts";

/** The eight bytes every PNG file starts with. */
export const PNG_SIGNATURE: readonly number[] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** One chunk of a PNG file. */
export interface PngChunk {
  /** Four letters. */
  readonly type: string;
  /** Contents, a view into the file. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** The whole chunk with length, type and checksum, a view into the file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What the IHDR chunk states. */
export interface PngHeader {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Bits per sample or palette index: 1, 2, 4, 8 or 16. */
  readonly bitDepth: number;
  /** 0 gray, 2 RGB, 3 palette, 4 gray with alpha, 6 RGB with alpha. */
  readonly colorType: number;
  /** Adam7 interlacing. */
  readonly interlaced: boolean;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** CRC-32 of ISO 3309, reflected, polynomial 0xedb88320, as PNG uses it. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * Assembles one chunk: length, type, data, CRC-32.
 *
 * @param type Four ASCII letters.
 * @param data Contents.
 * @returns The bytes as they stand in a file.
 */
export function pngChunk(type: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/**
 * Reads the header of a PNG file without looking further.
 *
 * @param bytes The file, at least its first 33 bytes.
 * @returns The header.
 * @throws DecodeError If the header is cut short, damaged, or states a format that PNG does not have.
 */
export function readPngHeader(bytes: Uint8Array<ArrayBuffer>): PngHeader {
  if (bytes.length < 33) throw new DecodeError("the PNG file is truncated inside its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (chunkType(bytes, 8) === "CgBI") {
    throw new DecodeError("it is a PNG changed for iOS (CgBI), which other programs cannot read; save it as plain PNG");
  }
  if (view.getUint32(8) !== 13 || chunkType(bytes, 8) !== "IHDR") {
    throw new DecodeError("the PNG file is damaged: its first chunk is not a header");
  }
  if (view.getUint32(29) !== crc32(bytes.subarray(12, 29))) {
    throw new DecodeError("the PNG file is damaged: the checksum of its header is wrong");
  }
  const bitDepth = bytes[24]!;
  const colorType = bytes[25]!;
  if (!(ALLOWED_DEPTHS[colorType] ?? []).includes(bitDepth)) {
    throw new DecodeError(
      `the PNG header states colour type ${colorType} with ${bitDepth} bits, which PNG does not have`,
    );
  }
  if (bytes[26] !== 0 || bytes[27] !== 0 || bytes[28]! > 1) {
    throw new DecodeError("the PNG header states an unknown compression, filter or interlace method");
  }
  return { width: view.getUint32(16), height: view.getUint32(20), bitDepth, colorType, interlaced: bytes[28] === 1 };
}

/** Bit depths by colour type (PNG specification, table 11.1). */
const ALLOWED_DEPTHS: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/**
 * Splits a PNG file into its chunks, up to and with IEND, and checks every checksum.
 *
 * @param bytes The whole file.
 * @returns The chunks in file order, without ancillary ones whose checksum is wrong, and the types of those.
 * @throws DecodeError If the file is truncated or a critical chunk is damaged or unknown.
 */
export function readPngChunks(
  bytes: Uint8Array<ArrayBuffer>,
): { chunks: readonly PngChunk[]; dropped: readonly string[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: PngChunk[] = [];
  const dropped: string[] = [];
  let offset = 8;
  while (chunks.at(-1)?.type !== "IEND") {
    if (offset + 12 > bytes.length) throw truncated(bytes.length);
    const length = view.getUint32(offset);
    const type = chunkType(bytes, offset);
    if (!/^[A-Za-z]{4}$/.test(type)) {
      throw new DecodeError(`the PNG file is damaged at byte ${offset}: no chunk starts there`);
    }
    const end = offset + 12 + length;
    if (end > bytes.length) throw truncated(bytes.length);
    const whole = bytes.subarray(offset, end);
    const intact = view.getUint32(end - 4) === crc32(whole.subarray(4, 8 + length));
    const critical = bytes[offset + 4]! < 0x60;
    // Transparency changes pixels, so it is as critical here as colour.
    if (!intact && (critical || type === "tRNS")) {
      throw new DecodeError(`the PNG file is damaged at byte ${offset}: the checksum of its ${type} chunk is wrong`);
    }
    if (critical && !["IHDR", "PLTE", "IDAT", "IEND"].includes(type)) {
      throw new DecodeError(`the PNG file has the critical chunk "${type}", which is not part of PNG`);
    }
    if (intact) chunks.push({ type, data: whole.subarray(8, 8 + length), bytes: whole });
    else dropped.push(type);
    offset = end;
  }
  return { chunks, dropped };
}

/** The letters after the length field of the chunk at `offset`. */
function chunkType(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
}

function truncated(length: number): DecodeError {
  return new DecodeError(
    `the PNG file is truncated: it ends at byte ${length}, before its end mark; get a complete copy`,
  );
}
