/** Pictures as tensors [H, W, C]: values from a formula, and where the elements of one picture are in another. */
import { elementCount, type HostTensor, hostTensor, type Shape } from "../engine/mod.ts";
import { NO_ELEMENT } from "../kernels/mod.ts";

/** A tensor [H, W, C] from a formula for its elements. */
export function pixelValues(
  shape: Shape,
  value: (row: number, column: number, channel: number) => number,
): HostTensor {
  const [, width, channels] = shape as [number, number, number];
  const data = Float32Array.from({ length: elementCount(shape) }, (_, i) => {
    const pixel = Math.floor(i / channels);
    return value(Math.floor(pixel / width), pixel % width, i % channels);
  });
  return hostTensor(data, shape);
}

/**
 * For every element of a picture [H, W, C] its place in another one of as many channels, for `gatherElements`.
 * @param columns width of the other picture
 * @param from row and column of a pixel in the other picture; nothing where it has none
 */
export function pixelPlaces(
  shape: Shape,
  columns: number,
  from: (row: number, column: number) => readonly [number, number] | undefined,
): HostTensor {
  const [, width, channels] = shape as [number, number, number];
  const index = Uint32Array.from({ length: elementCount(shape) }, (_, i) => {
    const pixel = Math.floor(i / channels);
    const place = from(Math.floor(pixel / width), pixel % width);
    return place ? (place[0] * columns + place[1]) * channels + i % channels : NO_ELEMENT;
  });
  return hostTensor(index, shape);
}

/** The place k of n that are mirrored again and again without those at the ends: ... 2 1 | 0 1 ... n-1 | n-2 ... */
export function mirroredPlace(k: number, n: number): number {
  if (n === 1) return 0;
  const period = 2 * n - 2;
  const folded = ((k % period) + period) % period;
  return folded < n ? folded : period - folded;
}

/** The places of a picture [H, W, C] moved by some rows and columns, wrapping around. */
export function rolled(shape: Shape, rows: number, columns: number): HostTensor {
  const [height, width] = shape as [number, number, number];
  return pixelPlaces(shape, width, (row, column) => [(row + rows) % height, (column + columns) % width]);
}
