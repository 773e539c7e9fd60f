/** Linear algebra in f64 on the host for the 1-D factors of separable operators. */
import { type HostTensor, hostTensor } from "../engine/mod.ts";

/** A matrix on the host, row after row. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** The reduced decomposition A = U diag(s) V^T with r = min(rows, columns), where rows of zeros do not count. */
export interface Svd {
  /** Left singular vectors [rows, r], orthonormal columns. */
  readonly u: Matrix;
  /** Singular values [r], descending. */
  readonly s: Float64Array;
  /** Right singular vectors [columns, r], orthonormal columns. */
  readonly v: Matrix;
}

/** A matrix from a formula for its elements. */
export function matrix(rows: number, columns: number, element: (row: number, column: number) => number): Matrix {
  const data = new Float64Array(rows * columns);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) data[i++] = element(row, column);
  }
  return { rows, columns, data };
}

/** A^T. */
export function transpose({ rows, columns, data }: Matrix): Matrix {
  return matrix(columns, rows, (row, column) => data[column * columns + row]!);
}

/**
 * A B, skipping the zeros of A.
 * @throws {TypeError} if A has not as many columns as B has rows
 */
export function multiply(a: Matrix, b: Matrix): Matrix {
  if (a.columns !== b.rows) {
    throw new TypeError(
      `Cannot multiply matrices: they are [${a.rows}, ${a.columns}] and [${b.rows}, ${b.columns}], ` +
        `equal inner extents are needed; transpose one of them`,
    );
  }
  const data = new Float64Array(a.rows * b.columns);
  for (let row = 0; row < a.rows; row++) {
    const result = data.subarray(row * b.columns, (row + 1) * b.columns);
    for (let inner = 0; inner < a.columns; inner++) {
      const factor = a.data[row * a.columns + inner]!;
      if (factor === 0) continue;
      const start = inner * b.columns;
      for (let column = 0; column < result.length; column++) result[column]! += factor * b.data[start + column]!;
    }
  }
  return { rows: a.rows, columns: b.columns, data };
}

/** U diag(values) V^T, for U [m, r], values [r] and V [n, r]. */
export function compose(u: Matrix, values: Float64Array, v: Matrix): Matrix {
  const scaled = matrix(u.rows, u.columns, (row, column) => u.data[row * u.columns + column]! * values[column]!);
  return multiply(scaled, transpose(v));
}

/** A matrix rounded to f32, ready to be a constant of a trace. */
export function matrixTensor({ rows, columns, data }: Matrix): HostTensor {
  return hostTensor(Float32Array.from(data), [rows, columns]);
}

/** Cosine between two columns below which they count as orthogonal. */
const ORTHOGONAL = 1e-14;

/** Norm of a column, relative to the largest, below which it counts as zero: there rounding decides its direction. */
const NEGLIGIBLE = 1e-13;

/** Sweeps that the iteration may take; it converges quadratically, and 5 to 12 are usual. */
const SWEEPS = 60;

/**
 * Singular value decomposition by one-sided Jacobi rotations: the columns of A are turned in pairs until all are
 * orthogonal, and their norms are the singular values. The iteration starts from the columns in the cosine (DCT-II)
 * basis, in which blurs and resamplers with a reflecting boundary are orthogonal already and others nearly so.
 * @param a any matrix of finite numbers
 * @throws {RangeError} if the iteration does not converge, which finite numbers do not bring about
 */
export function svd(a: Matrix): Svd {
  const used = rowsInUse(a);
  if (used.length > 0 && used.length < a.rows) {
    const { u, s, v } = svd(matrix(used.length, a.columns, (row, column) => a.data[used[row]! * a.columns + column]!));
    const place = new Map(used.map((row, k) => [row, k]));
    const spread = matrix(a.rows, u.columns, (row, column) => {
      const k = place.get(row);
      return k === undefined ? 0 : u.data[k * u.columns + column]!;
    });
    return { u: spread, s, v };
  }
  if (a.rows < a.columns) {
    const { u, s, v } = svd(transpose(a));
    return { u: v, s, v: u };
  }
  const count = a.columns;
  const basis = cosineBasis(count);
  // Row k of `left` is column k of A V, row k of `right` column k of V: so the loops over a vector are contiguous.
  const left = transpose(multiply(a, transpose(basis))).data;
  const right = basis.data;
  const norms = orthogonalize(left, a.rows, right, count);
  const order = Array.from(norms.keys()).sort((i, j) => norms[j]! - norms[i]!);
  const s = Float64Array.from(order, (k) => norms[k]!);
  const u = matrix(count, a.rows, (k, i) => left[order[k]! * a.rows + i]!);
  normalizeRows(u, s, NEGLIGIBLE * (s[0] ?? 0));
  const v = matrix(count, count, (k, i) => right[order[k]! * count + i]!);
  return { u: transpose(u), s, v: transpose(v) };
}

/** The rows of a matrix that are not all 0. */
function rowsInUse({ rows, columns, data }: Matrix): readonly number[] {
  return Array.from({ length: rows }, (_, row) => row)
    .filter((row) => data.subarray(row * columns, (row + 1) * columns).some((value) => value !== 0));
}

/**
 * A square orthogonal matrix that begins with given columns.
 * @param v [n, r], orthonormal columns
 * @returns [n, n]; columns r to n - 1 span what is orthogonal to the given ones
 */
export function completeBasis(v: Matrix): Matrix {
  const n = v.rows;
  const rows = matrix(n, n, (k, i) => k < v.columns ? v.data[i * v.columns + k]! : 0);
  normalizeRows(rows, Float64Array.from({ length: n }, (_, k) => k < v.columns ? 1 : 0), 0);
  return transpose(rows);
}

/** The orthonormal DCT-II basis; row k is sqrt(2 / n) cos(pi k (j + 1/2) / n), and row 0 is constant. */
export function cosineBasis(n: number): Matrix {
  return matrix(n, n, (k, j) => {
    // The angle is reduced by whole turns in integers, which keeps the cosine exact to the last bits for large k j.
    const angle = (k * (2 * j + 1)) % (4 * n);
    return k === 0 ? Math.sqrt(1 / n) : Math.sqrt(2 / n) * Math.cos((Math.PI * angle) / (2 * n));
  });
}

/** Turns pairs of vectors until all are orthogonal; `right` follows every rotation. Returns the norms. */
function orthogonalize(left: Float64Array, length: number, right: Float64Array, count: number): Float64Array {
  const squares = new Float64Array(count);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let k = 0; k < count; k++) squares[k] = dot(left, k * length, k * length, length);
    const floor = squares.reduce((a, b) => Math.max(a, b), 0) * NEGLIGIBLE ** 2;
    let turned = false;
    for (let p = 0; p < count - 1; p++) {
      for (let q = p + 1; q < count; q++) {
        const a = squares[p]!;
        const b = squares[q]!;
        if (a <= floor || b <= floor) continue;
        const product = dot(left, p * length, q * length, length);
        if (Math.abs(product) <= ORTHOGONAL * Math.sqrt(a * b)) continue;
        turned = true;
        const ratio = (b - a) / (2 * product);
        const tangent = Math.sign(ratio || 1) / (Math.abs(ratio) + Math.hypot(1, ratio));
        const cosine = 1 / Math.hypot(1, tangent);
        rotate(left, p * length, q * length, length, cosine, cosine * tangent);
        rotate(right, p * count, q * count, count, cosine, cosine * tangent);
        squares[p] = a - tangent * product;
        squares[q] = b + tangent * product;
      }
    }
    if (!turned) return squares.map(Math.sqrt);
  }
  throw new RangeError(
    `Cannot decompose a matrix with ${count} columns: the rotations did not converge in ${SWEEPS} sweeps, ` +
      `finite elements are needed; check the kernel`,
  );
}

function dot(data: Float64Array, first: number, second: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += data[first + i]! * data[second + i]!;
  return sum;
}

function rotate(
  data: Float64Array,
  first: number,
  second: number,
  length: number,
  cosine: number,
  sine: number,
): void {
  for (let i = 0; i < length; i++) {
    const a = data[first + i]!;
    const b = data[second + i]!;
    data[first + i] = cosine * a - sine * b;
    data[second + i] = sine * a + cosine * b;
  }
}

/**
 * Scales row k to unit length by its norm. Rows whose norm is at most `negligible` come last and are replaced by unit
 * vectors orthogonal to all rows before them, which completes the basis.
 */
function normalizeRows({ rows, columns, data }: Matrix, norms: Float64Array, negligible: number): void {
  let axis = 0;
  for (let row = 0; row < rows; row++) {
    const vector = data.subarray(row * columns, (row + 1) * columns);
    let norm = norms[row]!;
    while (norm <= negligible) {
      vector.fill(0);
      vector[axis++] = 1;
      for (let pass = 0; pass < 2; pass++) {
        for (let other = 0; other < row; other++) {
          const overlap = dot(data, other * columns, row * columns, columns);
          for (let i = 0; i < columns; i++) vector[i]! -= overlap * data[other * columns + i]!;
        }
      }
      const rest = Math.sqrt(dot(data, row * columns, row * columns, columns));
      // An axis that the rows before already span leaves only rounding; among `columns` axes one is always far from it.
      norm = rest > 0.5 / Math.sqrt(columns) ? rest : 0;
    }
    for (let i = 0; i < columns; i++) vector[i]! /= norm;
  }
}
