/** Distances between arrays of numbers. */

/**
 * Relative L2 error: ||actual - expected|| / ||expected||; the absolute norm where `expected` is all zero; NaN if the
 * lengths differ or an element is not a number.
 */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return NaN;
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    const e = expected[i] as number;
    difference += ((actual[i] as number) - e) ** 2;
    norm += e * e;
  }
  return Math.sqrt(difference / (norm || 1));
}

/**
 * Fails unless the relative L2 error is at most `limit`.
 * @throws {Error} naming the error found and the limit
 */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  limit: number,
  what = "values",
): void {
  const error = relativeError(actual, expected);
  if (error <= limit) return;
  throw new Error(
    `${what}: relative L2 error ${error.toExponential(2)} exceeds ${limit} (${actual.length} of ${expected.length} ` +
      `elements; first ${Array.from(actual).slice(0, 4)} against ${Array.from(expected).slice(0, 4)})`,
  );
}
