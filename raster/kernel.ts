/** Blur kernels as pictures, arrays and texts. */
import { DecodeError } from "./decode_error.ts";
import type { Image } from "./image.ts";
import type { ArrayPlanes } from "./npy.ts";
import { colourRaster, rgbToGray } from "./pixels.ts";

/** Longest side of a kernel in pixels. */
const LONGEST = 1023;

/** Weights of a kernel. */
export interface KernelTaps {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** [h, w]. */
  readonly data: ArrayLike<number>;
}

/** The kernel that a picture shows: black counts as 0, the mean of the channels is the weight. */
export function kernelOfImage(image: Image): KernelTaps {
  const { width, height, data } = rgbToGray(colourRaster(image));
  return { width, height, data: Float64Array.from(data, (value) => Math.max(0, (value + 1) / 2)) };
}

/**
 * The kernel that an array holds.
 *
 * @param planes The array.
 * @returns Its weights.
 * @throws DecodeError If it has three channels.
 */
export function kernelOfArray({ channels, ...planes }: ArrayPlanes): KernelTaps {
  if (channels === 1) return planes;
  throw new DecodeError("it is an array of three channels, [h, w] is needed; take their mean");
}

/**
 * The kernel that a text holds: rows of numbers between blanks, commas or semicolons; lines that begin with # are
 * comments.
 *
 * @param text The whole text.
 * @returns Its numbers.
 * @throws DecodeError If they are no rectangle of finite numbers.
 */
export function kernelOfText(text: string): KernelTaps {
  const rows = text.split(/\r?\n/).map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/[\s,;]+/).filter((word) => word !== ""));
  const width = rows[0]?.length ?? 0;
  if (width === 0) throw new DecodeError("it holds no numbers; write one row of the kernel on each line");
  const data = rows.flatMap((row, index) => {
    if (row.length !== width) {
      throw new DecodeError(
        `row ${index + 1} has ${row.length} numbers, the first has ${width}; make them equally long`,
      );
    }
    return row.map((word) => {
      const value = Number(word);
      if (Number.isFinite(value)) return value;
      throw new DecodeError(`row ${index + 1} holds ${JSON.stringify(word.slice(0, 40))}, a finite number is needed`);
    });
  });
  return { width, height: rows.length, data };
}

/**
 * A kernel of sum 1.
 *
 * @param taps Its weights.
 * @returns The weights over their sum.
 * @throws DecodeError If it is too large, or the sum is not positive.
 */
export function kernelOfSumOne(
  { width, height, data }: KernelTaps,
): KernelTaps & { readonly data: Float32Array<ArrayBuffer> } {
  if (Math.max(width, height) > LONGEST) {
    throw new DecodeError(`it has ${width} x ${height} numbers, at most ${LONGEST} x ${LONGEST} are possible; crop it`);
  }
  const sum = Array.from(data).reduce((a, b) => a + b, 0);
  const size = Array.from(data).reduce((a, b) => a + Math.abs(b), 0);
  if (!(sum > 1e-6 * size)) {
    throw new DecodeError(`its numbers add up to ${sum}, more than 0 is needed: a blur keeps the brightness`);
  }
  return { width, height, data: Float32Array.from(data, (tap) => tap / sum) };
}
