/** Median and spread of repeated measurements. */

/** What is reported of repeated measurements, in their unit. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Number of measurements. */
  readonly samples: number;
}

/**
 * Median (mean of the middle two where their number is even), least and greatest of measurements.
 * @param values at least one number
 * @throws {RangeError} if there is none
 */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) {
    throw new RangeError("Cannot summarise measurements: there are none, at least one is needed");
  }
  return { median: (lower + upper) / 2, min: sorted[0]!, max: sorted.at(-1)!, samples: sorted.length };
}

/**
 * Relative L2 distance ||actual - expected|| / ||expected||; NaN if the lengths differ or an element is not a number.
 * @param actual what was computed
 * @param expected what it should be, not all zero
 */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return NaN;
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    norm += expected[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}
