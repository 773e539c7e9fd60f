import { crc32, deflateSync } from "node:zlib";

/** A PNG to be assembled by hand, so that tests do not depend on the encoder under test. */
export interface PngRecipe {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  readonly colorType: number;
  readonly interlaced?: boolean;
  /** Stored sample of channel c at (x, y). */
  readonly sample: (x: number, y: number, c: number) => number;
  /** Chunks between header and pixel data. */
  readonly chunks?: readonly Uint8Array[];
  /** Changes the packed rows before compression. */
  readonly alterRows?: (rows: Uint8Array) => Uint8Array;
  /** Changes the compressed data. */
  readonly alterData?: (data: Uint8Array) => Uint8Array;
}

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const CHANNELS = [1, 0, 3, 1, 2, 0, 4];
const PASSES = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

/** One chunk with length and checksum. */
export function chunk(type: string, data: ArrayLike<number>): Uint8Array {
  const body = Uint8Array.from([...new TextEncoder().encode(type), ...Array.from(data)]);
  return join([uint32(data.length), body, uint32(crc32(body))]);
}

/** A header chunk. */
export function headerChunk(
  width: number,
  height: number,
  bitDepth: number,
  colorType: number,
  interlace = 0,
): Uint8Array {
  return chunk("IHDR", [...uint32(width), ...uint32(height), bitDepth, colorType, 0, 0, interlace]);
}

/** A whole file. */
export function makePng(recipe: PngRecipe): Uint8Array<ArrayBuffer> {
  const { width, height, bitDepth, colorType, interlaced = false, chunks = [] } = recipe;
  const channels = CHANNELS[colorType]!;
  const rows: number[] = [];
  for (const [x0, y0, dx, dy] of (interlaced ? PASSES : [[0, 0, 1, 1]]) as [number, number, number, number][]) {
    if (x0 >= width) continue;
    for (let y = y0; y < height; y += dy) {
      let bits = "";
      for (let x = x0; x < width; x += dx) {
        for (let c = 0; c < channels; c++) bits += recipe.sample(x, y, c).toString(2).padStart(bitDepth, "0");
      }
      bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, "0");
      rows.push(0, ...(bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
    }
  }
  const packed = recipe.alterRows?.(Uint8Array.from(rows)) ?? Uint8Array.from(rows);
  const data = recipe.alterData?.(new Uint8Array(deflateSync(packed))) ?? new Uint8Array(deflateSync(packed));
  // Two data chunks: readers must join them.
  const half = data.length >> 1;
  return join([
    Uint8Array.from(SIGNATURE),
    headerChunk(width, height, bitDepth, colorType, interlaced ? 1 : 0),
    ...chunks,
    chunk("IDAT", data.subarray(0, half)),
    chunk("IDAT", data.subarray(half)),
    chunk("IEND", []),
  ]);
}

/** A big-endian TIFF block whose only tag is the EXIF orientation. */
export function exifBlock(orientation: number): Uint8Array {
  return Uint8Array.of(
    0x4d,
    0x4d,
    0,
    42,
    0,
    0,
    0,
    8,
    0,
    1,
    0x01,
    0x12,
    0,
    3,
    0,
    0,
    0,
    1,
    0,
    orientation,
    0,
    0,
    0,
    0,
    0,
    0,
  );
}

/** Several arrays as one. */
export function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
