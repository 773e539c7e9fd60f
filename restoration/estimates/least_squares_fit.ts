/** Fits of a few coefficients to many values. */

/** Coefficients with their covariance and what is left. */
export interface Fit {
  readonly coefficients: Float64Array;
  /** Inverse of the normal matrix, times the mean square of what is left. */
  readonly variances: Float64Array;
  /** Mean square of what is left. */
  readonly residual: number;
}

/**
 * min over c of |y - B c|^2 + sum_k (c_k - p_k)^2 w_k, by elimination in the normal equations.
 * @param columns of B
 * @param prior p and w of some coefficients, by their places
 */
export function fitColumns(
  columns: readonly Float64Array[],
  y: Float64Array,
  prior: ReadonlyMap<number, { readonly value: number; readonly weight: number }> = new Map(),
): Fit {
  const n = columns.length;
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  // [A | b | I], which elimination turns into [I | c | A^-1].
  const rows = columns.map((column, i) => {
    const { value = 0, weight = 0 } = prior.get(i) ?? {};
    const a = columns.map((other, j) => dot(column, other) + (i === j ? weight : 0));
    return Float64Array.from([...a, dot(column, y) + weight * value, ...columns.map((_, j) => i === j ? 1 : 0)]);
  });
  for (let k = 0; k < n; k++) {
    const pivot = rows[k]!.map((value) => value / rows[k]![k]!);
    rows.forEach((row, i) => {
      const factor = row[k]!;
      rows[i] = i === k ? pivot : row.map((value, j) => value - factor * pivot[j]!);
    });
  }
  const coefficients = Float64Array.from(rows, (row) => row[n]!);
  let square = 0;
  for (let i = 0; i < y.length; i++) {
    square += columns.reduce((rest, column, k) => rest - coefficients[k]! * column[i]!, y[i]!) ** 2;
  }
  const residual = square / y.length;
  return { coefficients, residual, variances: Float64Array.from(rows, (row, k) => row[n + 1 + k]! * residual) };
}
