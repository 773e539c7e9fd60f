/** Anderson acceleration of fixed points x = f(x): the next x mixes the last values of f so that residuals cancel. */

/**
 * The weights alpha of sum 1 that make |sum alpha_i g_i|^2 + ridge |alpha|^2 least, from [0 1^T; 1 G G^T + ridge] [l; alpha]
 * = [1; 0].
 * @param gram inner products of the residuals g_i = f(x_i) - x_i, symmetric
 * @param ridge at least 0
 */
export function mixingWeights(gram: readonly (readonly number[])[], ridge: number): readonly number[] {
  const size = gram.length;
  const rows = [
    [0, ...gram.map(() => 1), 1],
    ...gram.map((row, i) => [1, ...row.map((value, j) => value + (i === j ? ridge : 0)), 0]),
  ];
  return solved(rows).slice(1, size + 1);
}

/**
 * The solution of a system by elimination with the largest pivots.
 * @param rows each with its right side behind it; they are used up
 */
export function solved(rows: number[][]): readonly number[] {
  const size = rows.length;
  for (let k = 0; k < size; k++) {
    let best = k;
    for (let i = k + 1; i < size; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[best]![k]!)) best = i;
    [rows[k], rows[best]] = [rows[best]!, rows[k]!];
    const pivot = rows[k]!;
    for (let i = k + 1; i < size; i++) {
      const factor = rows[i]![k]! / pivot[k]!;
      for (let j = k; j <= size; j++) rows[i]![j]! -= factor * pivot[j]!;
    }
  }
  const x = new Array<number>(size).fill(0);
  for (let k = size - 1; k >= 0; k--) {
    let rest = rows[k]![size]!;
    for (let j = k + 1; j < size; j++) rest -= rows[k]![j]! * x[j]!;
    x[k] = rest / rows[k]![k]!;
  }
  return x;
}
