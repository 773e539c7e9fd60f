/** The loss of JPEG compression without the file: quantised cosine coefficients of 8 x 8 blocks. */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";

/** Quantisation steps of luminance at quality 50, row by row of vertical frequency (ITU T.81, table K.1). */
const LUMINANCE: readonly number[] = [
  [16, 11, 10, 16, 24, 40, 51, 61],
  [12, 12, 14, 19, 26, 58, 60, 55],
  [14, 13, 16, 24, 40, 57, 69, 56],
  [14, 17, 22, 29, 51, 87, 80, 62],
  [18, 22, 37, 56, 68, 109, 103, 77],
  [24, 35, 55, 64, 81, 104, 113, 92],
  [49, 64, 78, 87, 103, 121, 120, 101],
  [72, 92, 95, 98, 112, 100, 103, 99],
].flat();

/** Quantisation steps of chrominance at quality 50 (table K.2); the rest of the table is 99. */
const CHROMINANCE: readonly number[] = Array.from({ length: 64 }, (_, i) => {
  const corner = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]];
  return corner[Math.floor(i / 8)]?.[i % 8] ?? 99;
});

/**
 * Which way round the tables are used: as the standard has them, or transposed, as in the differentiable JPEG of the
 * published experiments (the luminance table is not symmetric). `whole` is the standard in whole steps of 1 to 255, as
 * libjpeg and most programs write it into files.
 */
export type JpegTables = "published" | "standard" | "whole";

/** Parameters of `jpegNoise`. */
export interface JpegOptions {
  /** 1 (worst) to 100 (best). */
  readonly quality: number;
  /** Default `published`. */
  readonly tables?: JpegTables;
}

/** Side of the blocks that are transformed. */
export const BLOCK = 8;

/** Side that planes are padded to a multiple of: chrominance has half the size. */
export const UNIT = 16;

/** What is taken from luminance, so that it lies around 0. */
export const MIDDLE = 128;

/** From red, green and blue to luminance and the two chrominances, one column for each. */
export const TO_PLANES = [[0.299, -0.168736, 0.5], [0.587, -0.331264, -0.418688], [0.114, 0.5, -0.081312]] as const;

/** COSINE[8 u + x]: the orthonormal DCT-II. */
export const COSINE = Float64Array.from({ length: 64 }, (_, i) => {
  const [u, x] = [Math.floor(i / BLOCK), i % BLOCK];
  return (u === 0 ? Math.SQRT1_2 : 1) / 2 * Math.cos((2 * x + 1) * u * Math.PI / 16);
});

/** Steps [64] to whose multiples cosine coefficients are rounded, row by row of vertical frequency. */
export interface JpegSteps {
  /** 64 steps of brightness, row by row of vertical frequency. */
  readonly luminance: Float64Array;
  /** Those of colour differences. */
  readonly chrominance: Float64Array;
}

/**
 * The tables times a factor, 50 / q for q < 50 and 2 - q / 50 from there on; steps of 1 at q = 100.
 * @throws {RangeError} if the quality is out of range
 */
export function jpegSteps({ quality, tables = "published" }: JpegOptions): JpegSteps {
  if (!(quality >= 1 && quality <= 100)) {
    throw new RangeError(`Cannot apply JPEG: the quality is ${quality}, a number from 1 to 100 is needed; use 60`);
  }
  const factor = quality < 50 ? 50 / quality : 2 - quality / 50;
  // Of 90 the factor is a little less than 0.2 in floating point, which would make 19 percent.
  const percent = Math.floor(quality < 50 ? 5000 / quality : 200 - 2 * quality);
  const steps = (table: readonly number[]): Float64Array =>
    Float64Array.from({ length: 64 }, (_, i) => {
      const entry = table[tables === "published" ? (i % BLOCK) * BLOCK + Math.floor(i / BLOCK) : i]!;
      if (tables === "whole") {
        return Math.min(255, Math.max(1, Math.floor((entry * percent + 50) / 100)));
      }
      return factor === 0 ? 1 : entry * factor;
    });
  return { luminance: steps(LUMINANCE), chrominance: steps(CHROMINANCE) };
}

/** The quality of the standard tables that a luminance table of a file is, or is nearest to by its mean step, 1 to 100. */
export function jpegQuality(luminance: ArrayLike<number>): number {
  for (let quality = 100; quality >= 1; quality--) {
    const steps = jpegSteps({ quality, tables: "whole" }).luminance;
    if (steps.every((step, i) => step === luminance[i])) return quality;
  }
  const sum = (table: ArrayLike<number>): number => Array.from(table).reduce((a, b) => a + b, 0);
  const factor = sum(luminance) / sum(LUMINANCE);
  return Math.min(100, Math.max(1, factor > 1 ? 50 / factor : 100 - 50 * factor));
}

interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Float64Array;
}

/**
 * What JPEG makes of pictures, without rounding pixels to 8 bits: [-1, 1] is taken to 0 .. 255, pictures are padded
 * with 0 to multiples of 16 and converted to luminance and chrominance; chrominance is averaged over 2 x 2 pixels;
 * cosine coefficients of 8 x 8 blocks are rounded (half to even) to multiples of the table times a factor, 50 / q for
 * q < 50 and 2 - q / 50 from there on (steps of 1 at q = 100); and all is undone. Gray pictures count as equal red,
 * green and blue.
 * @param pictures [N, H, W, C] in [-1, 1], C = 1 or 3
 * @returns the same shape, in [-1, 1]
 * @throws {TypeError} if there are other channels
 * @throws {RangeError} if the quality is out of range
 */
export function jpegNoise(pictures: HostTensor, options: JpegOptions): HostTensor {
  const [count = 0, height = 0, width = 0, channels = 0] = pictures.shape;
  if (pictures.shape.length !== 4 || (channels !== 1 && channels !== 3)) {
    throw new TypeError(
      `Cannot apply JPEG: the measurement has shape [${pictures.shape.join(", ")}], [N, height, width, 1 or 3] is ` +
        `needed; choose a task whose measurement is a picture`,
    );
  }
  const { luminance, chrominance } = jpegSteps(options);
  const result = new Float32Array(pictures.data.length);
  const size = height * width * channels;
  for (let n = 0; n < count; n++) {
    const picture = pictures.data.subarray(n * size, (n + 1) * size);
    const [y, cb, cr] = toPlanes(picture, height, width, channels);
    const [blue, red] = [cb, cr].map((plane) => enlarged(quantized(halved(plane), chrominance))) as [Plane, Plane];
    fromPlanes([quantized(y, luminance), blue, red], result.subarray(n * size, (n + 1) * size), width, channels);
  }
  return hostTensor(result, pictures.shape);
}

/** Luminance and chrominance, all around 0, of a picture padded with black. */
function toPlanes(
  picture: Float32Array | Uint32Array,
  height: number,
  width: number,
  channels: number,
): readonly [Plane, Plane, Plane] {
  const up = (extent: number): number => Math.ceil(extent / UNIT) * UNIT;
  const [rows, columns] = [up(height), up(width)];
  const plane = (index: 0 | 1 | 2, shift = 0): Plane => {
    const data = new Float64Array(rows * columns);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const at = (row * width + column) * channels;
        let sum = 0;
        for (let c = 0; c < 3; c++) sum += TO_PLANES[c]![index] * 127.5 * (picture[at + (channels === 1 ? 0 : c)]! + 1);
        data[row * columns + column] = sum;
      }
    }
    if (shift !== 0) data.forEach((value, i) => data[i] = value - shift);
    return { width: columns, height: rows, data };
  };
  return [plane(0, MIDDLE), plane(1), plane(2)];
}

/** The inverse of `toPlanes`, clamped to the value range. */
function fromPlanes(
  [y, cb, cr]: readonly [Plane, Plane, Plane],
  out: Float32Array,
  width: number,
  channels: number,
): void {
  for (let pixel = 0; pixel * channels < out.length; pixel++) {
    const at = Math.floor(pixel / width) * y.width + pixel % width;
    const [l, b, r] = [y.data[at]! + MIDDLE, cb.data[at]!, cr.data[at]!];
    const colours = [l + 1.402 * r, l - 0.344136 * b - 0.714136 * r, l + 1.772 * b]
      .map((value) => Math.min(255, Math.max(0, value)) / 127.5 - 1);
    if (channels === 3) out.set(colours, 3 * pixel);
    else out[pixel] = (colours[0]! + colours[1]! + colours[2]!) / 3;
  }
}

/** Means of 2 x 2 pixels. */
function halved({ width, height, data }: Plane): Plane {
  const [columns, rows] = [width / 2, height / 2];
  const small = Float64Array.from({ length: columns * rows }, (_, i) => {
    const at = 2 * Math.floor(i / columns) * width + 2 * (i % columns);
    return (data[at]! + data[at + 1]! + data[at + width]! + data[at + width + 1]!) / 4;
  });
  return { width: columns, height: rows, data: small };
}

/** Every pixel as 2 x 2 pixels. */
function enlarged({ width, height, data }: Plane): Plane {
  const columns = 2 * width;
  const large = Float64Array.from(
    { length: 4 * data.length },
    (_, i) => data[Math.floor(i / columns / 2) * width + Math.floor((i % columns) / 2)]!,
  );
  return { width: columns, height: 2 * height, data: large };
}

/** Rounds to the nearest integer, halves to the even one. */
function roundEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Transforms, rounds and transforms back every block of values around 0. */
function quantized({ width, height, data }: Plane, steps: Float64Array): Plane {
  const result = data.slice();
  const block = new Float64Array(BLOCK * BLOCK);
  for (let top = 0; top < height; top += BLOCK) {
    for (let left = 0; left < width; left += BLOCK) {
      for (let i = 0; i < 64; i++) block[i] = result[(top + (i >> 3)) * width + left + (i & 7)]!;
      const coefficients = turned(block, false);
      coefficients.forEach((value, i) => coefficients[i] = roundEven(value / steps[i]!) * steps[i]!);
      const pixels = turned(coefficients, true);
      for (let i = 0; i < 64; i++) result[(top + (i >> 3)) * width + left + (i & 7)] = pixels[i]!;
    }
  }
  return { width, height, data: result };
}

/** The cosine transform of a block along both directions, or its inverse. */
function turned(block: Float64Array, inverse: boolean): Float64Array {
  const once = (values: Float64Array): Float64Array => {
    // Transforms along the rows and swaps rows and columns, so that twice does both directions.
    const result = new Float64Array(64);
    for (let row = 0; row < BLOCK; row++) {
      for (let u = 0; u < BLOCK; u++) {
        let sum = 0;
        for (let x = 0; x < BLOCK; x++) {
          sum += values[row * BLOCK + x]! * COSINE[inverse ? x * BLOCK + u : u * BLOCK + x]!;
        }
        result[u * BLOCK + row] = sum;
      }
    }
    return result;
  };
  return once(once(block));
}
