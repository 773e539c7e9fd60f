/** Whether the order that a configuration expects comes out: by paired differences between neighbours of the order. */
import { summarize, type Summary } from "../metrics/mod.ts";
import { type Cell, cellOf, meanOf, type Results } from "./cells.ts";
import type { Trend } from "./expectations.ts";
import { formatValue, METRICS } from "./metrics.ts";
import { signOf, summarizeDifferences } from "./statistics.ts";

/**
 * `holds`: every neighbour is greater than the one before, each interval of the paired differences above zero. `fails`:
 * an interval lies below zero. `undecided`: neither. `unmeasured`: a value is missing.
 */
export type Verdict = "holds" | "fails" | "undecided" | "unmeasured";

/** What is said of a trend. */
export interface Judgement {
  readonly verdict: Verdict;
  /** Means in the order of `rising`; NaN where nothing was measured. */
  readonly means: readonly number[];
  /** Of each label after the first, its paired differences from the one before; empty where something is missing. */
  readonly differences: readonly Summary[];
}

/** Judges a trend. */
export function judge({ metric, rising, task, method }: Trend, results: Results): Judgement {
  const found = rising.map((label): Cell | undefined =>
    cellOf(results, task === undefined ? { task: label, method } : { task, method: label })
  );
  const means = found.map((cell) => meanOf(cell, metric));
  if (means.some(Number.isNaN)) return { verdict: "unmeasured", means, differences: [] };
  const differences = found.slice(1).map((cell, index) => {
    const before = found[index]!;
    // The Frechet distance is one value of all pictures: it has no differences by picture, and so no interval.
    return summarizeDifferences(before.values, cell!.values, metric, results.plan) ??
      summarize([means[index + 1]! - means[index]!]);
  });
  const signs = differences.map(signOf);
  const verdict = signs.includes("below") ? "fails" : signs.every((sign) => sign === "above") ? "holds" : "undecided";
  return { verdict, means, differences };
}

/** The figures behind a verdict: means in order, each difference with half of its interval. */
export function explain({ metric, rising }: Trend, { means, differences }: Judgement): string {
  const order = rising.map((label, index) => `${label} ${formatValue(means[index]!, metric)}`).join(" < ");
  const steps = differences.map((summary) => formatDifference(summary, metric));
  const title = `${METRICS[metric].title}: ${order}`;
  return steps.length === 0
    ? title
    : `${title}; ${steps.length === 1 ? "difference" : "differences"} ${steps.join(", ")}`;
}

/** A difference with its sign and half of its interval. */
export function formatDifference(
  { count, infinite, mean, interval: [low, high] }: Summary,
  metric: Trend["metric"],
): string {
  if (infinite > 0) return "infinite";
  const text = `${mean > 0 ? "+" : ""}${formatValue(mean, metric)}`;
  return count < 2 ? `${text} without an interval` : `${text} ± ${formatValue((high - low) / 2, metric)}`;
}
