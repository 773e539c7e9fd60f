/** Dense symmetric matrices in f64 on the host, as the Frechet distance needs them; stored row by row. */

/** A positive semidefinite matrix as R^T R. */
export interface SquareFactor {
  /** R, [rank, n]. */
  readonly rows: Float64Array;
  readonly rank: number;
}

/**
 * Cholesky decomposition with the largest remaining pivot first: A = R^T R with as many rows as A has rank.
 * Higham, Analysis of the Cholesky Decomposition of a Semi-definite Matrix, 1990.
 * @param matrix [n, n], symmetric and positive semidefinite up to rounding; not changed
 * @param n rows
 */
export function squareFactor(matrix: Float64Array, n: number): SquareFactor {
  const remaining = Float64Array.from({ length: n }, (_, i) => matrix[i * n + i]!);
  const largest = remaining.reduce((most, value) => Math.max(most, value), 0);
  const tolerance = n * Number.EPSILON * largest;
  const rows = new Float64Array(n * n);
  let rank = 0;
  for (; rank < n; rank++) {
    let pivot = 0;
    for (let i = 1; i < n; i++) if (remaining[i]! > remaining[pivot]!) pivot = i;
    if (!(remaining[pivot]! > tolerance)) break;
    const row = rows.subarray(rank * n, (rank + 1) * n);
    row.set(matrix.subarray(pivot * n, (pivot + 1) * n));
    for (let k = 0; k < rank; k++) {
      const above = rows.subarray(k * n, (k + 1) * n);
      const share = above[pivot]!;
      if (share === 0) continue;
      for (let j = 0; j < n; j++) row[j]! -= share * above[j]!;
    }
    const scale = 1 / Math.sqrt(remaining[pivot]!);
    for (let j = 0; j < n; j++) {
      row[j]! *= scale;
      remaining[j]! -= row[j]! ** 2;
    }
    // What is left of the pivot is rounding.
    remaining[pivot] = -Infinity;
  }
  return { rows: rows.subarray(0, rank * n), rank };
}

/** Rows that are computed together, so that the right matrix is read once for all of them. */
const BLOCK = 4;

/**
 * R S R^T for a symmetric S.
 * @param rows R, [m, n]
 * @param matrix S, [n, n]
 * @returns [m, m], symmetric
 */
export function congruence(rows: Float64Array, matrix: Float64Array, n: number): Float64Array {
  const m = rows.length / n;
  const result = new Float64Array(m * m);
  const products = new Float64Array(BLOCK * n);
  for (let first = 0; first < m; first += BLOCK) {
    const count = Math.min(BLOCK, m - first);
    products.fill(0);
    const [p0, p1, p2, p3] = [0, 1, 2, 3].map((k) => products.subarray(k * n, (k + 1) * n)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (let k = 0; k < n; k++) {
      const share = (index: number): number => index < count ? rows[(first + index) * n + k]! : 0;
      const [s0, s1, s2, s3] = [share(0), share(1), share(2), share(3)];
      const line = matrix.subarray(k * n, (k + 1) * n);
      for (let j = 0; j < n; j++) {
        const value = line[j]!;
        p0[j]! += s0 * value;
        p1[j]! += s1 * value;
        p2[j]! += s2 * value;
        p3[j]! += s3 * value;
      }
    }
    for (let other = 0; other < m; other++) {
      const line = rows.subarray(other * n, (other + 1) * n);
      for (let k = 0; k < count; k++) {
        const row = first + k;
        if (other > row) continue;
        let sum = 0;
        for (let j = 0; j < n; j++) sum += products[k * n + j]! * line[j]!;
        result[row * m + other] = sum;
        result[other * m + row] = sum;
      }
    }
  }
  return result;
}

/**
 * The eigenvalues of a symmetric matrix, in ascending order: reduction to tridiagonal form by reflections, then the QL
 * algorithm with implicit shifts. Golub and Van Loan, Matrix Computations, chapter 8.
 * @param matrix [n, n], of which the lower triangle is read; not changed
 * @param n rows
 * @throws {RangeError} if the iteration does not converge, as with numbers that are not finite
 */
export function symmetricEigenvalues(matrix: Float64Array, n: number): Float64Array {
  const { diagonal, below } = tridiagonal(matrix.slice(), n);
  for (let low = 0; low < n; low++) {
    for (let turn = 0;; turn++) {
      const end = endOfBlock(diagonal, below, low);
      if (end === low) break;
      if (turn === 60) {
        throw new RangeError("Cannot compute eigenvalues: the iteration does not converge, finite numbers are needed");
      }
      implicitStep(diagonal, below, low, end);
    }
  }
  return diagonal.sort();
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  /** Entry i stands between i and i + 1; the last is 0. */
  readonly below: Float64Array;
}

/** Reflects the rows away, the last first; overwrites the matrix. */
function tridiagonal(a: Float64Array, n: number): Tridiagonal {
  const diagonal = new Float64Array(n);
  const below = new Float64Array(n);
  const u = new Float64Array(n);
  const p = new Float64Array(n);
  for (let last = n - 1; last > 0; last--) {
    const row = a.subarray(last * n, last * n + last);
    diagonal[last] = a[last * n + last]!;
    let tail = 0;
    for (let j = 0; j < last - 1; j++) tail += row[j]! ** 2;
    const end = row[last - 1]!;
    if (tail === 0) {
      below[last - 1] = end;
      continue;
    }
    const norm = Math.sqrt(tail + end * end);
    const image = end > 0 ? -norm : norm;
    below[last - 1] = image;
    u.set(row);
    u[last - 1] = end - image;
    reflect(a, n, { u, p, size: last, half: (tail + u[last - 1]! ** 2) / 2 });
  }
  diagonal[0] = a[0]!;
  return { diagonal, below };
}

/** The leading part A of the matrix, [size, size], becomes H A H with H = 1 - u u^T / half. */
function reflect(
  a: Float64Array,
  n: number,
  { u, p, size, half }: { readonly u: Float64Array; readonly p: Float64Array; readonly size: number; half: number },
): void {
  p.fill(0, 0, size);
  for (let i = 0; i < size; i++) {
    const base = i * n;
    const share = u[i]!;
    let sum = a[base + i]! * share;
    for (let j = 0; j < i; j++) {
      const value = a[base + j]!;
      sum += value * u[j]!;
      p[j]! += value * share;
    }
    p[i]! += sum;
  }
  let overlap = 0;
  for (let i = 0; i < size; i++) {
    p[i]! /= half;
    overlap += p[i]! * u[i]!;
  }
  for (let i = 0; i < size; i++) p[i]! -= overlap / (2 * half) * u[i]!;
  for (let i = 0; i < size; i++) {
    const base = i * n;
    const [ui, pi] = [u[i]!, p[i]!];
    for (let j = 0; j <= i; j++) a[base + j]! -= ui * p[j]! + pi * u[j]!;
  }
}

/** The last index that is coupled to `low`. */
function endOfBlock(diagonal: Float64Array, below: Float64Array, low: number): number {
  let end = low;
  while (end < diagonal.length - 1) {
    const size = Math.abs(diagonal[end]!) + Math.abs(diagonal[end + 1]!);
    if (Math.abs(below[end]!) <= Number.EPSILON * size) break;
    end++;
  }
  return end;
}

/** One QL step with Wilkinson's shift on the block from `low` to `end`. */
function implicitStep(diagonal: Float64Array, below: Float64Array, low: number, end: number): void {
  const slope = (diagonal[low + 1]! - diagonal[low]!) / (2 * below[low]!);
  const length = Math.hypot(slope, 1);
  let g = diagonal[end]! - diagonal[low]! + below[low]! / (slope + (slope < 0 ? -length : length));
  let [sine, cosine, shift] = [1, 1, 0];
  for (let i = end - 1; i >= low; i--) {
    const f = sine * below[i]!;
    const b = cosine * below[i]!;
    const r = Math.hypot(f, g);
    below[i + 1] = r;
    if (r === 0) {
      diagonal[i + 1]! -= shift;
      below[end] = 0;
      return;
    }
    sine = f / r;
    cosine = g / r;
    g = diagonal[i + 1]! - shift;
    const turn = (diagonal[i]! - g) * sine + 2 * cosine * b;
    shift = sine * turn;
    diagonal[i + 1] = g + shift;
    g = cosine * turn - b;
  }
  diagonal[low]! -= shift;
  below[low] = g;
  below[end] = 0;
}
