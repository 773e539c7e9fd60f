/** The place k of a line of n pixels that is mirrored at its ends without them, again and again. */
export function mirrored(k: number, n: number): number {
  const period = Math.max(1, 2 * n - 2);
  const folded = ((k % period) + period) % period;
  return folded < n ? folded : period - folded;
}
