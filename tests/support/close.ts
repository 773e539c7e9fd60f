/** Distances between arrays of numbers. */
import { relativeError } from "../../metrics/mod.ts";

export { relativeError };

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
