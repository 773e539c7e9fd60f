/** Filter matrices: a kernel slid along one dimension, with a rule for what lies outside. */
import { type Matrix } from "../matrix.ts";

/** What a filter finds outside the picture: the picture mirrored with the edge pixel repeated, its other side, or zeros. */
export type Boundary = "reflect" | "circular" | "zero";

/** A kernel that slides along one dimension. */
export interface Filter {
  /** Weights; tap k of output row i lies at column `start + stride * i + k`. */
  readonly taps: ArrayLike<number>;
  /** Column of tap 0 in row 0. */
  readonly start: number;
  /** Columns between neighbouring rows. */
  readonly stride: number;
  readonly boundary: Boundary;
}

/**
 * The matrix [n / stride, n] of a filter. Reflection repeats as often as needed, so that kernels may be longer than n.
 * @param n extent of the dimension, divisible by the stride
 */
export function filterMatrix(n: number, { taps, start, stride, boundary }: Filter): Matrix {
  const rows = n / stride;
  const data = new Float64Array(rows * n);
  for (let row = 0; row < rows; row++) {
    for (let tap = 0; tap < taps.length; tap++) {
      const column = start + stride * row + tap;
      const inside = column >= 0 && column < n;
      if (!inside && boundary === "zero") continue;
      data[row * n + (boundary === "circular" ? wrap(column, n) : reflect(column, n))]! += taps[tap]!;
    }
  }
  return { rows, columns: n, data };
}

/** Filter matrices of a centred kernel with an odd number of taps, at a border that is mirrored with the edge pixel repeated. */
export function mirroredFilter(taps: ArrayLike<number>): (extent: number) => Matrix {
  return centredFilter(taps, "reflect");
}

/** Filter matrices of a centred kernel with an odd number of taps. */
export function centredFilter(taps: ArrayLike<number>, boundary: Boundary): (extent: number) => Matrix {
  const start = -Math.floor(taps.length / 2);
  return (extent) => filterMatrix(extent, { taps, start, stride: 1, boundary });
}

/**
 * Filter matrices of a centred kernel of which some rows are measured, that the kernel does not leave; the others are 0.
 * @param part.first the first measured row
 * @param part.count how many there are
 */
export function measuredFilter(
  taps: ArrayLike<number>,
  { first, count }: { readonly first: number; readonly count: number },
): (extent: number) => Matrix {
  return (extent) => {
    const whole = centredFilter(taps, "zero")(extent);
    whole.data.fill(0, 0, first * extent);
    whole.data.fill(0, (first + count) * extent);
    return whole;
  };
}

/** The pixel at `column` of the picture repeated again and again. */
function wrap(column: number, n: number): number {
  return ((column % n) + n) % n;
}

/** The pixel at `column` of the picture mirrored again and again: ... 1 0 | 0 1 ... n-1 | n-1 n-2 ... */
function reflect(column: number, n: number): number {
  const period = 2 * n;
  const folded = wrap(column, period);
  return folded < n ? folded : period - 1 - folded;
}
