/** The tables of the report: methods as rows, tasks as groups of columns, the best bold, the second best underlined. */
import type { Summary } from "../../metrics/mod.ts";
import { type Content, html, type Markup } from "../../report/mod.ts";
import { cellAt, meanOf, type Results, shownMean } from "../cells.ts";
import { formatValue, type MetricName, METRICS } from "../metrics.ts";
import { table } from "./parts.ts";

/** Quantities of the first table, as in papers; the others have a table of their own. */
export const MAIN_METRICS: readonly MetricName[] = ["psnr", "ssim", "lpips", "fid", "divergence"];

/** Rank of each method in one column: 1 the best, 2 the second, by what tables show; only among at least two. */
function ranks(results: Results, task: number, metric: MetricName): ReadonlyMap<number, number> {
  const { better } = METRICS[metric];
  const means = results.plan.methods.flatMap((_, method) => {
    const mean = meanOf(cellAt(results, task, method), metric);
    return Number.isNaN(mean) ? [] : [{ method, mean: rounded(mean, metric) }];
  });
  if (better === undefined || means.length < 2) return new Map();
  const order = [...new Set(means.map(({ mean }) => mean))].sort((a, b) => better === "greater" ? b - a : a - b);
  return new Map(means.map(({ method, mean }) => [method, order.indexOf(mean) + 1]));
}

function rounded(value: number, metric: MetricName): number {
  return Number.isFinite(value) ? Number(value.toFixed(METRICS[metric].digits)) : value;
}

function interval({ count, interval: [low, high] }: Summary, metric: MetricName): Content {
  if (count < 2) return undefined;
  return html`<small>±${formatValue((high - low) / 2, metric)}</small>`;
}

/**
 * A table of some quantities.
 * @param columns quantities of each task, in order
 */
export function resultTable(results: Results, columns: readonly MetricName[]): Markup {
  const { plan } = results;
  const rank = plan.tasks.map((_, task) => new Map(columns.map((metric) => [metric, ranks(results, task, metric)])));
  const arrows = { greater: " ↑", smaller: " ↓", neither: "" };
  const arrow = (metric: MetricName): string => arrows[METRICS[metric].better ?? "neither"];
  const rows = plan.methods.map(({ label }, method) => {
    const cells = plan.tasks.map((_, task) => {
      const cell = cellAt(results, task, method);
      if (!cell || cell.finished === 0) {
        const reason = plan.notApplicable.find((pair) => pair.task === task && pair.method === method)?.reason;
        return html`<td class="first none" colspan="${columns.length}" title="${reason ?? "no unit is finished"}">${
          cell ? "missing" : "n/a"
        }</td>`;
      }
      return columns.map((metric, index) => {
        const summary = cell.summaries[metric];
        const place = rank[task]?.get(metric)?.get(method);
        const classes = [index === 0 ? "first" : "", place === 1 ? "best" : place === 2 ? "second" : ""].join(" ")
          .trim();
        if (!summary) return html`<td class="${classes}">-</td>`;
        return html`<td class="${classes}"><span>${formatValue(shownMean(summary), metric)}</span>${
          interval(summary, metric)
        }</td>`;
      });
    });
    return html`<tr><th scope="row">${label}</th><td class="nfe">${evaluationsText(results, method)}</td>${cells}</tr>`;
  });
  const heads = plan.tasks.map(({ label }) =>
    html`<th class="first" colspan="${columns.length}" scope="colgroup">${label}</th>`
  );
  const units = plan.tasks.map(() =>
    columns.map((metric, index) =>
      html`<th class="${index === 0 ? "first" : ""}" scope="col" title="${METRICS[metric].meaning}">${
        METRICS[metric].title
      }${arrow(metric)}</th>`
    )
  );
  const head = html`
    <tr><th rowspan="2">Method</th><th rowspan="2" class="nfe" title="network evaluations made">NFE</th>${heads}</tr>
    <tr>${units}</tr>
  `;
  return table(head, rows);
}

/** Evaluations of a method, which may differ between tasks. */
function evaluationsText({ cells }: Results, method: number): string {
  const counts = cells.filter((cell) => cell.method === method).map(({ actual }) => actual);
  if (counts.length === 0) return "-";
  const [least, most] = [Math.min(...counts), Math.max(...counts)].map((count) => Math.round(count));
  return least === most ? String(least) : `${least}-${most}`;
}
