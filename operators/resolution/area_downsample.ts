import type { Shape } from "../../engine/mod.ts";
import { number, type Parameter, required, type ValuesOf } from "../../parameters/mod.ts";
import { type Factor, factoredOperator } from "../blur/separable_operator.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { type Matrix, matrix, matrixTensor, svd, transpose } from "../matrix.ts";
import { checkImageShape, type LinearOperator } from "../operator.ts";
import { factorIn, MOST_ENLARGED } from "./factor.ts";

const PARAMETERS = {
  /** The measurement has round(H / scale) rows and round(W / scale) columns. */
  scale: required<number>(
    number(undefined, { min: 1, max: MOST_ENLARGED, programsOnly: true }, "reduction along each side, whole or not"),
  ) as Parameter<number>,
};

/**
 * Means of equal parts of a line: row r of the matrix is the mean over [r n / m, (r + 1) n / m) of a line that is constant
 * over every pixel, so pixels on a border count by the part of them that lies inside.
 * @param m number of parts, at most n
 * @param n number of pixels
 * @returns [m, n], rows of sum 1
 */
export function areaMatrix(m: number, n: number): Matrix {
  // In units of 1 / m of a pixel all borders are integers, and the overlaps exact.
  return matrix(m, n, (row, column) => {
    const overlap = Math.min((row + 1) * n, (column + 1) * m) - Math.max(row * n, column * m);
    return Math.max(0, overlap) / n;
  });
}

/**
 * A with A^T and A^+ = A^T (A A^T)^-1. Only neighbouring rows share a pixel, so A A^T is tridiagonal, and its inverse takes
 * a number of operations in proportion to the elements of the result; its eigenvalues lie far from 0 at every reduction.
 */
function areaFactor(m: number, n: number): Factor {
  const a = areaMatrix(m, n);
  const first = (row: number): number => Math.floor(row * n / m);
  const last = (row: number): number => Math.ceil((row + 1) * n / m);
  const product = (row: number, other: number): number => {
    let sum = 0;
    for (let k = first(Math.max(row, other)); k < last(Math.min(row, other)); k++) {
      sum += a.data[row * n + k]! * a.data[other * n + k]!;
    }
    return sum;
  };
  const inverse = tridiagonalInverse(
    Float64Array.from({ length: m }, (_, row) => product(row, row)),
    Float64Array.from({ length: m - 1 }, (_, row) => product(row, row + 1)),
  );
  const solved = new Float64Array(n * m);
  for (let row = 0; row < m; row++) {
    for (let k = first(row); k < last(row); k++) {
      for (let j = 0; j < m; j++) solved[k * m + j]! += a.data[row * n + k]! * inverse.data[row * m + j]!;
    }
  }
  return {
    matrix: matrixTensor(a),
    transpose: matrixTensor(transpose(a)),
    pseudoInverse: matrixTensor({ rows: n, columns: m, data: solved }),
  };
}

/** The inverse of a symmetric positive definite tridiagonal matrix, column by column (Thomas). */
function tridiagonalInverse(diagonal: Float64Array, beside: Float64Array): Matrix {
  const m = diagonal.length;
  const pivots = Float64Array.from(diagonal);
  for (let i = 1; i < m; i++) pivots[i]! -= beside[i - 1]! ** 2 / pivots[i - 1]!;
  const data = new Float64Array(m * m);
  for (let column = 0; column < m; column++) {
    const x = data.subarray(column * m, (column + 1) * m);
    x[column] = 1;
    for (let i = column + 1; i < m; i++) x[i] = -beside[i - 1]! / pivots[i - 1]! * x[i - 1]!;
    for (let i = m - 1; i >= 0; i--) x[i] = (x[i]! - (i + 1 < m ? beside[i]! * x[i + 1]! : 0)) / pivots[i]!;
  }
  return { rows: m, columns: m, data };
}

/**
 * Measures the picture reduced to round(H / scale) x round(W / scale) pixels, each the mean of the area it covers:
 * A(X) = L X R^T per channel, exact A^+. At whole scales that divide the picture it is the mean of blocks.
 * @param imageShape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image
 */
export function areaDownsample(imageShape: Shape, { scale }: ValuesOf<typeof PARAMETERS>): LinearOperator {
  const [height, width, channels] = checkImageShape("sr_area", imageShape);
  const [rows, columns] = [height, width].map((side) => Math.max(1, Math.round(side / scale))) as [number, number];
  const left = areaFactor(rows, height);
  const isShared = height === width;
  return factoredOperator(
    "sr_area",
    [height, width, channels],
    [left, isShared ? left : areaFactor(columns, width)],
    () => {
      const vertical = svd(areaMatrix(rows, height));
      return [vertical, isShared ? vertical : svd(areaMatrix(columns, width))];
    },
  );
}

/** Means of areas. */
export const srArea: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "sr_area",
  about: "the mean of the area of every smaller pixel, at any reduction",
  parameters: PARAMETERS,
  build: areaDownsample,
  examples: [
    { imageShape: [16, 24, 3], options: { scale: 1.5 } },
    { imageShape: [17, 9, 3], options: { scale: 2.7 } },
    { imageShape: [12, 20, 1], options: { scale: 1.1 } },
  ],
  taskOf: (name) => {
    const scale = factorIn(name, "sr");
    return scale === undefined || Number.isInteger(scale) ? undefined : {
      name: `sr${scale}`,
      about: `enlarge x${scale} a picture whose pixels are means of areas`,
      kind: "super_resolution",
      fixed: { scale },
      scale,
      multiple: 1,
    };
  },
});
