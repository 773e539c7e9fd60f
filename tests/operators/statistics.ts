/** Tests of random numbers against the distribution that they should have. */
import { assert } from "@std/assert";

/** How many deviations of a normal number a statistic may lie off: one honest statistic in 30,000 does. */
const DEVIATIONS = 4;

/** The share of standard normal numbers below x, to 1e-9. */
export function normalShare(x: number): number {
  if (x < -8) return 0;
  if (x > 8) return 1;
  // The series of the integral of exp(-t^2 / 2) from 0 on: all terms have one sign.
  let [term, sum] = [x, x];
  for (let k = 1; k < 400; k++) {
    term *= x * x / (2 * k + 1);
    sum += term;
    if (Math.abs(term) < 1e-17 * Math.abs(sum)) break;
  }
  return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
}

/** A value of chi-square that is exceeded as rarely as a normal number exceeds 4 deviations (Wilson and Hilferty). */
export function chiSquareLimit(freedom: number): number {
  const width = 2 / (9 * freedom);
  return freedom * (1 - width + DEVIATIONS * Math.sqrt(width)) ** 3;
}

/** Fails unless counts fit expected ones by chi-square; neighbouring bins are joined until 8 are expected in each. */
export function assertCounts(found: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  const bins: [found: number, expected: number][] = [];
  let [open, wanted] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    open += found[i] ?? 0;
    wanted += expected[i]!;
    if (wanted < 8) continue;
    bins.push([open, wanted]);
    [open, wanted] = [0, 0];
  }
  const last = bins[bins.length - 1]!;
  last[0] += open;
  last[1] += wanted;
  const square = bins.reduce((sum, [n, m]) => sum + (n - m) ** 2 / m, 0);
  const limit = chiSquareLimit(Math.max(1, bins.length - 1));
  assert(bins.length > 1 && square <= limit, `${what}: chi-square ${square} of ${bins.length} bins exceeds ${limit}`);
}

/** Fails unless values of (0, 1) are uniform there, in equal bins. */
export function assertUniform(values: ArrayLike<number>, bins: number, what: string): void {
  const counts = new Array<number>(bins).fill(0);
  for (const value of Array.from(values)) {
    assert(value >= 0 && value <= 1, `${what}: ${value}`);
    counts[Math.min(bins - 1, Math.floor(value * bins))]!++;
  }
  assertCounts(counts, counts.map(() => values.length / bins), what);
}

/** Fails unless events of given probabilities happened as often as they should, each of `trials` times. */
export function assertRates(
  found: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  trials: number,
  what: string,
): void {
  let [square, freedom] = [0, 0];
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!;
    const variance = trials * p * (1 - p);
    if (variance < 4) {
      assert(Math.abs(found[i]! - trials * p) <= 20, `${what}: ${found[i]} of ${trials} at ${i}, probability ${p}`);
      continue;
    }
    square += (found[i]! - trials * p) ** 2 / variance;
    freedom++;
  }
  if (freedom === 0) return;
  const limit = chiSquareLimit(freedom);
  assert(square <= limit, `${what}: chi-square ${square} of ${freedom} rates exceeds ${limit}`);
}

/** Fails unless the mean of independent values is the expected one, by their known deviation. */
export function assertMean(values: ArrayLike<number>, mean: number, deviation: number, what: string): void {
  const found = Array.from(values).reduce((a, b) => a + b, 0) / values.length;
  const error = DEVIATIONS * deviation / Math.sqrt(values.length);
  assert(Math.abs(found - mean) <= error, `${what}: mean ${found}, not ${mean} within ${error}`);
}

/** The probabilities of 0 to `most` for a Poisson number. */
export function poissonShares(mean: number, most: number): number[] {
  const shares = [Math.exp(-mean)];
  for (let k = 1; k <= most; k++) shares.push(shares[k - 1]! * mean / k);
  return shares;
}
