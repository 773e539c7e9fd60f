/**
 * Relative L2 distance ||actual - expected|| / ||expected||; the absolute norm where `expected` is all zero.
 * @param actual what was computed
 * @param expected what it should be
 * @returns NaN if the lengths differ or an element is not a number
 */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return NaN;
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    const value = expected[i] as number;
    difference += ((actual[i] as number) - value) ** 2;
    norm += value * value;
  }
  return Math.sqrt(difference / (norm || 1));
}
