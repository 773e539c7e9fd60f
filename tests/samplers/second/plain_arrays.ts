/** Vectors and dense matrices in f64, for second implementations that share no code with what they check. */
import { sampleNormal } from "../../../kernels/mod.ts";

/** A vector. */
export type Vector = readonly number[];

/** A matrix by rows. */
export type Matrix = readonly Vector[];

/** A matrix from its entries. */
export function matrix(rows: number, columns: number, entry: (row: number, column: number) => number): Matrix {
  return Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => entry(i, j)));
}

/** M^T. */
export function transposed(m: Matrix): Matrix {
  return matrix(m[0]!.length, m.length, (i, j) => m[j]![i]!);
}

/** M x. */
export function times(m: Matrix, x: Vector): Vector {
  return m.map((row) => row.reduce((sum, entry, j) => sum + entry * x[j]!, 0));
}

/** L M. */
export function product(l: Matrix, m: Matrix): Matrix {
  const columns = transposed(m);
  return l.map((row) => times(columns, row));
}

/** The sum of vectors with factors. */
export function sum(...terms: readonly (readonly [factor: number, x: Vector])[]): Vector {
  return terms[0]![1].map((_, i) => terms.reduce((total, [factor, x]) => total + factor * x[i]!, 0));
}

/** x - y. */
export function difference(x: Vector, y: Vector): Vector {
  return sum([1, x], [-1, y]);
}

/** Entry by entry, x_i y_i. */
export function scaled(x: Vector, y: Vector): Vector {
  return x.map((value, i) => value * y[i]!);
}

/** Every entry brought into [-1, 1]. */
export function clamped(x: Vector): Vector {
  return x.map((value) => Math.min(1, Math.max(-1, value)));
}

/** |x|. */
export function norm(x: Vector): number {
  return Math.sqrt(x.reduce((total, value) => total + value * value, 0));
}

/** Seeded normal deviates, as they are kept in f32. */
export function normals(count: number, seed: number): Vector {
  return Array.from(sampleNormal(seed * 2 ** 21, count));
}

/** A seeded orthogonal matrix: Gram and Schmidt, twice, on normal deviates. */
export function orthogonal(size: number, seed: number): Matrix {
  const rows: Vector[] = [];
  for (let i = 0; i < size; i++) {
    let row = normals(size, seed * 1000 + i);
    for (let pass = 0; pass < 2; pass++) {
      for (const other of rows) row = sum([1, row], [-times([other], row)[0]!, other]);
    }
    const length = norm(row);
    rows.push(row.map((value) => value / length));
  }
  return rows;
}

/** Eigenvalues of a symmetric matrix and, as the rows of `vectors`, its eigenvectors: rotations of Jacobi. */
export function eigen(symmetric: Matrix): { readonly values: Vector; readonly vectors: Matrix } {
  const size = symmetric.length;
  const a = symmetric.map((row) => [...row]);
  const vectors = matrix(size, size, (i, j) => i === j ? 1 : 0).map((row) => [...row]);
  const turn = (x: number[], y: number[], c: number, s: number): void => {
    for (let k = 0; k < size; k++) [x[k], y[k]] = [c * x[k]! - s * y[k]!, s * x[k]! + c * y[k]!];
  };
  for (let sweep = 0; sweep < 30; sweep++) {
    let rotated = false;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        if (Math.abs(a[p]![q]!) < 1e-15) continue;
        rotated = true;
        const angle = Math.atan2(2 * a[p]![q]!, a[q]![q]! - a[p]![p]!) / 2;
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        turn(a[p]!, a[q]!, c, s);
        for (const row of a) [row[p], row[q]] = [c * row[p]! - s * row[q]!, s * row[p]! + c * row[q]!];
        turn(vectors[p]!, vectors[q]!, c, s);
      }
    }
    if (!rotated) break;
  }
  return { values: a.map((row, i) => row[i]!), vectors };
}

/** A = U diag(s) V^T; the columns of U that belong to s = 0 are 0. */
export interface Decomposition {
  readonly u: Matrix;
  readonly s: Vector;
  readonly v: Matrix;
}

/** The decomposition of a matrix by the eigenvectors of A^T A; values below 1e-6 count as 0. */
export function decomposed(a: Matrix): Decomposition {
  const { values, vectors } = eigen(product(transposed(a), a));
  const s = values.map((value) => value > 1e-12 ? Math.sqrt(value) : 0);
  const columns = vectors.map((row, i) => times(a, row).map((value) => s[i]! > 0 ? value / s[i]! : 0));
  return { u: transposed(columns), s, v: transposed(vectors) };
}

/** A and A^+ as matrices, and what they are made of. */
export interface DenseOperator extends Decomposition {
  readonly a: Matrix;
  readonly pseudoInverse: Matrix;
}

/** The operator with a decomposition. */
export function fromDecomposition({ u, s, v }: Decomposition): DenseOperator {
  const columns = (factors: Vector): Matrix => u.map((row) => scaled(row, factors));
  return {
    u,
    s,
    v,
    a: product(columns(s), transposed(v)),
    pseudoInverse: product(v, transposed(columns(s.map((value) => value > 0 ? 1 / value : 0)))),
  };
}

/** The operator with a matrix. */
export function fromMatrix(a: Matrix): DenseOperator {
  return { ...fromDecomposition(decomposed(a)), a };
}

/** Images [height, width, channels] with all coordinates of a flat index. */
export function pixelOf(index: number, [, width, channels]: readonly number[]): readonly [number, number, number] {
  return [Math.floor(index / (width! * channels!)), Math.floor(index / channels!) % width!, index % channels!];
}

/** Means over blocks of scale x scale pixels, each channel alone. */
export function blockMeans(shape: readonly number[], scale: number): Matrix {
  const [height = 0, width = 0, channels = 0] = shape;
  const measured = [height / scale, width / scale, channels];
  return matrix(height * width * channels / scale ** 2, height * width * channels, (row, column) => {
    const [i, j, c] = pixelOf(row, measured);
    const [k, l, d] = pixelOf(column, shape);
    return Math.floor(k / scale) === i && Math.floor(l / scale) === j && c === d ? 1 / scale ** 2 : 0;
  });
}

/** One gray value for each pixel, of weights 0.3333, 0.3334, 0.3333. */
export function grayValues([height = 0, width = 0]: readonly number[]): Matrix {
  const weights = [0.3333, 0.3334, 0.3333];
  return matrix(
    height * width,
    3 * height * width,
    (row, column) => Math.floor(column / 3) === row ? weights[column % 3]! : 0,
  );
}

/** What a mask of pixels [H, W] keeps, all channels of a pixel alike. */
export function keptPixels(mask: ArrayLike<number>, channels: number): Matrix {
  const size = mask.length * channels;
  return matrix(size, size, (row, column) => row === column ? mask[Math.floor(row / channels)]! : 0);
}
