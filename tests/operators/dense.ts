/** Dense linear algebra in f64, apart from that of the operators: matrices written out element by element. */
import { elementCount, ReferenceRuntime, type Shape, type Tensor } from "../../engine/mod.ts";

/** A matrix, row after row. */
export interface Dense {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** A = U diag(s) V^T with r = columns of A; columns of U that belong to s = 0 are 0. */
export interface Decomposition {
  /** [rows, r] */
  readonly u: Dense;
  /** [r], in no order. */
  readonly s: Float64Array;
  /** [r, r] */
  readonly v: Dense;
}

/** A matrix from a formula for its elements. */
export function dense(rows: number, columns: number, element: (row: number, column: number) => number): Dense {
  const data = Float64Array.from(
    { length: rows * columns },
    (_, i) => element(Math.floor(i / columns), i % columns),
  );
  return { rows, columns, data };
}

/** The unit matrix. */
export function unit(n: number): Dense {
  return dense(n, n, (row, column) => row === column ? 1 : 0);
}

/** A^T. */
export function transposed({ rows, columns, data }: Dense): Dense {
  return dense(columns, rows, (row, column) => data[column * columns + row]!);
}

/** A B. */
export function product(a: Dense, b: Dense): Dense {
  if (a.columns !== b.rows) throw new TypeError(`Cannot multiply: ${a.columns} columns and ${b.rows} rows`);
  const data = new Float64Array(a.rows * b.columns);
  for (let i = 0; i < a.rows; i++) {
    for (let k = 0; k < a.columns; k++) {
      const factor = a.data[i * a.columns + k]!;
      for (let j = 0; factor !== 0 && j < b.columns; j++) {
        data[i * b.columns + j]! += factor * b.data[k * b.columns + j]!;
      }
    }
  }
  return { rows: a.rows, columns: b.columns, data };
}

/** A^-1 B of a positive definite A, by Gauss's elimination. */
export function solve(a: Dense, b: Dense): Dense {
  const n = a.rows;
  const [left, right] = [a.data.slice(), b.data.slice()];
  const subtract = (from: number, row: number, factor: number): void => {
    for (let j = row; j < n; j++) left[from * n + j]! -= factor * left[row * n + j]!;
    for (let j = 0; j < b.columns; j++) right[from * b.columns + j]! -= factor * right[row * b.columns + j]!;
  };
  for (let row = 0; row < n; row++) {
    for (let below = row + 1; below < n; below++) {
      const factor = left[below * n + row]! / left[row * n + row]!;
      if (factor !== 0) subtract(below, row, factor);
    }
  }
  for (let row = n - 1; row >= 0; row--) {
    const pivot = left[row * n + row]!;
    for (let j = 0; j < b.columns; j++) right[row * b.columns + j]! /= pivot;
    for (let above = 0; above < row; above++) {
      const factor = left[above * n + row]!;
      for (let j = 0; factor !== 0 && j < b.columns; j++) {
        right[above * b.columns + j]! -= factor * right[row * b.columns + j]!;
      }
    }
  }
  return { rows: n, columns: b.columns, data: right };
}

/** The Kronecker product: rows and columns of A count slowly, those of B fast. */
export function kronecker(a: Dense, b: Dense): Dense {
  return dense(
    a.rows * b.rows,
    a.columns * b.columns,
    (i, j) =>
      a.data[Math.floor(i / b.rows) * a.columns + Math.floor(j / b.columns)]! *
      b.data[(i % b.rows) * b.columns + j % b.columns]!,
  );
}

/** The singular value decomposition by Hestenes' rotations of pairs of columns. */
export function decomposed(a: Dense): Decomposition {
  const n = a.columns;
  const w = Float64Array.from(transposed(a).data);
  const v = Float64Array.from(unit(n).data);
  const dot = (p: number, q: number): number => {
    let sum = 0;
    for (let i = 0; i < a.rows; i++) sum += w[p * a.rows + i]! * w[q * a.rows + i]!;
    return sum;
  };
  const turn = (data: Float64Array, length: number, p: number, q: number, angle: number): void => {
    const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
    for (let i = 0; i < length; i++) {
      const [x, y] = [data[p * length + i]!, data[q * length + i]!];
      data[p * length + i] = cosine * x + sine * y;
      data[q * length + i] = cosine * y - sine * x;
    }
  };
  const floor = 1e-30 * Math.max(...Array.from({ length: n }, (_, k) => dot(k, k)), 1e-300);
  for (let isDone = false, sweep = 0; !isDone; sweep++) {
    if (sweep > 80) throw new RangeError("Cannot decompose the matrix: the rotations did not converge");
    isDone = true;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const [a11, a22, a12] = [dot(p, p), dot(q, q), dot(p, q)];
        if (Math.abs(a12) <= 1e-14 * Math.sqrt(a11 * a22) || Math.min(a11, a22) <= floor) continue;
        isDone = false;
        const angle = 0.5 * Math.atan2(2 * a12, a11 - a22);
        turn(w, a.rows, p, q, angle);
        turn(v, n, p, q, angle);
      }
    }
  }
  const s = Float64Array.from({ length: n }, (_, k) => Math.sqrt(dot(k, k)));
  const u = dense(a.rows, n, (i, k) => s[k]! > 0 ? w[k * a.rows + i]! / s[k]! : 0);
  return { u, s, v: transposed({ rows: n, columns: n, data: v }) };
}

/** Relative size of a singular value that counts as rounding. */
const ROUNDING = 1e-10;

function rebuilt(a: Dense, value: (s: number) => number): Dense {
  const wide = a.columns > a.rows;
  const { u, s, v } = decomposed(wide ? transposed(a) : a);
  const limit = ROUNDING * Math.max(...s);
  const scaled = dense(u.rows, u.columns, (i, k) => s[k]! > limit ? u.data[i * u.columns + k]! * value(s[k]!) : 0);
  const result = product(scaled, transposed(v));
  return wide ? transposed(result) : result;
}

/** A without the singular values below a threshold. */
export function truncated(a: Dense, threshold = 0): Dense {
  return rebuilt(a, (s) => s < threshold ? 0 : s);
}

/** A^+, where singular values below a threshold count as 0. */
export function pseudoInverse(a: Dense, threshold = 0): Dense {
  return transposed(rebuilt(a, (s) => s < threshold ? 0 : 1 / s));
}

/** The singular values that are not 0, from the largest to the smallest; parts that share no element are apart. */
export function singularValues(a: Dense): number[] {
  const values = independentParts(a).flatMap((part) => {
    return Array.from(decomposed(part.columns > part.rows ? transposed(part) : part).s);
  });
  const limit = 1e-6 * Math.max(...values);
  return values.filter((s) => s > limit).sort((x, y) => y - x);
}

/** The blocks of a matrix that is block diagonal but for the order of rows and columns. */
function independentParts(a: Dense): Dense[] {
  const partOfColumn = new Int32Array(a.columns).fill(-1);
  const partOfRow = new Int32Array(a.rows).fill(-1);
  let parts = 0;
  for (let first = 0; first < a.columns; first++) {
    if (partOfColumn[first]! >= 0) continue;
    partOfColumn[first] = parts;
    const open = [first];
    for (let column = open.pop(); column !== undefined; column = open.pop()) {
      for (let row = 0; row < a.rows; row++) {
        if (partOfRow[row]! >= 0 || a.data[row * a.columns + column] === 0) continue;
        partOfRow[row] = parts;
        for (let other = 0; other < a.columns; other++) {
          if (partOfColumn[other]! >= 0 || a.data[row * a.columns + other] === 0) continue;
          partOfColumn[other] = parts;
          open.push(other);
        }
      }
    }
    parts++;
  }
  return Array.from({ length: parts }, (_, part) => {
    const rows = Array.from(partOfRow.keys()).filter((row) => partOfRow[row] === part);
    const columns = Array.from(partOfColumn.keys()).filter((column) => partOfColumn[column] === part);
    return dense(Math.max(1, rows.length), columns.length, (i, j) => {
      return rows.length === 0 ? 0 : a.data[rows[i]! * a.columns + columns[j]!]!;
    });
  });
}

/**
 * The image of least |A x - y| in the Krylov space of A^T A and A^T y with k dimensions: what k steps of conjugate
 * gradients reach.
 */
export function krylov(a: Dense, y: Dense, k: number): Dense {
  const at = transposed(a);
  const basis: Float64Array[] = [];
  let next = product(at, y);
  for (let step = 0; step < k; step++) {
    const vector = Float64Array.from(next.data);
    for (let pass = 0; pass < 2; pass++) {
      for (const known of basis) {
        const overlap = known.reduce((sum, value, i) => sum + value * vector[i]!, 0);
        known.forEach((value, i) => vector[i]! -= overlap * value);
      }
    }
    const size = Math.hypot(...vector);
    basis.push(vector.map((value) => value / size));
    next = product(at, product(a, { rows: a.columns, columns: 1, data: basis[step]! }));
  }
  const q = dense(a.columns, k, (i, j) => basis[j]![i]!);
  return product(q, product(pseudoInverse(product(a, q)), y));
}

/** The matrix of a linear map of tensors, from its values at the unit vectors. */
export async function matrixOf(map: (x: Tensor) => Tensor, from: Shape, to: Shape): Promise<Dense> {
  const [columns, rows] = [elementCount(from), elementCount(to)];
  return transposed({
    rows: columns,
    columns: rows,
    data: await valuesOf(map, unit(columns), from),
  });
}

/** The values of a map of tensors at the rows of a matrix. */
export async function valuesOf(map: (x: Tensor) => Tensor, images: Dense, shape: Shape): Promise<Float64Array> {
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage<"x", never, "y">("map", ({ x }) => ({ y: map(x) }));
  const x = runtime.upload(Float32Array.from(images.data), [images.rows, ...shape]);
  return Float64Array.from(await (await stage({ x }, {})).y.read());
}
