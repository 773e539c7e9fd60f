/** Paired differences between the methods of a task: a file of all pairs, and a table of how far each is from the best. */
import type { Summary } from "../metrics/mod.ts";
import { html, type Markup } from "../report/mod.ts";
import { type Cell, cellAt, meanOf, type Results } from "./cells.ts";
import { type MetricName, METRICS } from "./metrics.ts";
import { headRow, note, row, section, table } from "./report/parts.ts";
import { signOf, summarizeDifferences } from "./statistics.ts";
import { formatDifference } from "./trends.ts";

/** Two methods on one task. */
export interface Difference {
  readonly task: number;
  readonly first: number;
  readonly second: number;
  readonly metric: MetricName;
  /** Of `second - first` over pictures. */
  readonly summary: Summary;
}

/** The differences of all pairs of methods; those of fewer than two pictures have no interval and are left out. */
export function allDifferences(results: Results): readonly Difference[] {
  const { plan, columns } = results;
  return plan.tasks.flatMap((_, task) => {
    const cells = plan.methods.flatMap((_, method) => cellAt(results, task, method) ?? []);
    return columns.flatMap((metric) =>
      cells.flatMap((second, index) =>
        cells.slice(0, index).flatMap((first): readonly Difference[] => {
          const summary = between(first, second, metric, results);
          return summary ? [{ task, first: first.method, second: second.method, metric, summary }] : [];
        })
      )
    );
  });
}

function between(first: Cell, second: Cell, metric: MetricName, { plan }: Results): Summary | undefined {
  const summary = summarizeDifferences(first.values, second.values, metric, plan);
  return summary && summary.count + summary.infinite >= 2 ? summary : undefined;
}

/**
 * How far methods are from the best of each column, with the intervals of the paired differences.
 * @param metrics those that are compared; those without a better direction are left out
 * @returns undefined where there is nothing to compare
 */
export function differenceTable(results: Results, metrics: readonly MetricName[]): Markup | undefined {
  const { plan } = results;
  const columns = plan.tasks.flatMap((_, task) =>
    metrics.flatMap((metric) => {
      const best = bestOf(results, task, metric);
      return best ? [{ task, metric, best }] : [];
    })
  );
  const rows = plan.methods.map(({ label }, method) =>
    row(
      label,
      columns.map(({ task, metric, best }) => {
        const cell = cellAt(results, task, method);
        if (cell === best) return html`<b>best</b>`;
        const summary = cell && between(best, cell, metric, results);
        if (!summary) return "-";
        const open = signOf(summary) === "undecided" ? html`<small>undecided</small>` : undefined;
        return html`<span>${formatDifference(summary, metric)}</span>${open}`;
      }),
    )
  );
  if (!allDifferences(results).some(({ metric }) => metrics.includes(metric)) || columns.length === 0) return undefined;
  const heads = columns.map(({ task, metric }) => `${plan.tasks[task]?.label} ${METRICS[metric].title}`);
  const what = note(
    plan.bestOfSeeds ? "Of the best seed of each picture, " : "Paired by picture and seed, ",
    `mean over pictures ± half of the ${100 * plan.confidence} % confidence interval. `,
    "Undecided: the interval holds zero.",
  );
  return section("Differences from the best", what, table(headRow(["Method", ...heads]), rows));
}

/** The cell with the best mean of a column. */
function bestOf(results: Results, task: number, metric: MetricName): Cell | undefined {
  const { better } = METRICS[metric];
  if (better === undefined) return undefined;
  const found = results.plan.methods.flatMap((_, method) => {
    const cell = cellAt(results, task, method);
    const mean = meanOf(cell, metric);
    return cell && !Number.isNaN(mean) ? [{ cell, mean }] : [];
  });
  const sign = better === "greater" ? 1 : -1;
  return found.toSorted((a, b) => a.mean === b.mean ? 0 : sign * (b.mean - a.mean))[0]?.cell;
}
