/** Writing PNG files with what the browser has: its own compression, and filters chosen row by row. */
import { type Image, PNG_SIGNATURE, pngChunk, pngTextChunk } from "../../raster/mod.ts";

/**
 * An image of 8 bits as a PNG file.
 * @param text keywords and texts that say how it was made
 * @throws {RangeError} if a keyword or text cannot be stored
 */
export async function encodePng(
  image: Image,
  text: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, channels, alpha } = image;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, (channels === 3 ? 2 : 0) + (alpha ? 4 : 0)], 8);
  const parts = [
    Uint8Array.from(PNG_SIGNATURE),
    pngChunk("IHDR", header),
    ...Object.entries(text).map(([keyword, value]) => pngTextChunk(keyword, value)),
    pngChunk("IDAT", await deflated(filtered(image))),
    pngChunk("IEND", new Uint8Array()),
  ];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function deflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Predictions of a byte from those at its left, above it, and above left, by filter type (PNG specification, 9.2). */
const PREDICTIONS: readonly ((left: number, up: number, corner: number) => number)[] = [
  () => 0,
  (left) => left,
  (_, up) => up,
  (left, up) => (left + up) >> 1,
  (left, up, corner) => {
    const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
    return a <= b && a <= c ? left : b <= c ? up : corner;
  },
];

/** Rows behind the type of their filter: the one whose differences have the least sum (PNG specification, 12.8). */
function filtered(image: Image): Uint8Array<ArrayBuffer> {
  const { width, height } = image;
  const { data, step } = interleaved(image);
  const length = width * step;
  const rows = new Uint8Array(height * (length + 1));
  const before = new Uint8Array(length);
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * length, (y + 1) * length);
    const up = y === 0 ? before : data.subarray((y - 1) * length, y * length);
    let least = Infinity;
    for (const [type, predict] of PREDICTIONS.entries()) {
      const candidate = new Uint8Array(length + 1);
      candidate[0] = type;
      let sum = 0;
      for (let i = 0; i < length; i++) {
        const [left, corner] = i < step ? [0, 0] : [row[i - step]!, up[i - step]!];
        const difference = (row[i]! - predict(left, up[i]!, corner)) & 255;
        candidate[i + 1] = difference;
        sum += Math.min(difference, 256 - difference);
      }
      if (sum >= least) continue;
      least = sum;
      rows.set(candidate, y * (length + 1));
    }
  }
  return rows;
}

/** Colour and alpha of every pixel side by side, and how many bytes a pixel has. */
function interleaved({ width, height, channels, samples, alpha }: Image): {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly step: number;
} {
  const step = channels + (alpha ? 1 : 0);
  const data = new Uint8Array(width * height * step);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let c = 0; c < channels; c++) data[pixel * step + c] = samples[pixel * channels + c]!;
    if (alpha) data[pixel * step + channels] = alpha[pixel]!;
  }
  return { data, step };
}
