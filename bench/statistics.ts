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
