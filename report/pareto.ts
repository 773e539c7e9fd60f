/** Which of several results nothing beats in cost and in quality. */

/** What a result costs, and what it is worth. */
export type Tradeoff = readonly [cost: number, quality: number];

/**
 * The places of the results that no other one dominates: none is as cheap and as good, and cheaper or better. Equal
 * results are on the front together; what is not finite is not.
 * @param better whether greater or smaller qualities are better
 * @returns places in the list, the cheapest first
 */
export function paretoFront(results: readonly Tradeoff[], better: "greater" | "smaller"): readonly number[] {
  const sign = better === "greater" ? 1 : -1;
  const isFinite = ([cost, quality]: Tradeoff): boolean => Number.isFinite(cost) && Number.isFinite(quality);
  const dominates = (a: Tradeoff, b: Tradeoff): boolean =>
    a[0] <= b[0] && sign * a[1] >= sign * b[1] && (a[0] < b[0] || a[1] !== b[1]);
  const known = results.filter(isFinite);
  return results
    .flatMap((result, place) => isFinite(result) && !known.some((other) => dominates(other, result)) ? [place] : [])
    .toSorted((a, b) => results[a]![0] - results[b]![0]);
}
