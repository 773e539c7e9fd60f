/** The frontier: quality against what it costs, a chart for each quality and cost of a task, and the figures below. */
import { type Chart, chart, type Content, html, legend, type Markup, type Point, size } from "../../report/mod.ts";
import { type Cell, meanOf, type Results } from "../cells.ts";
import { type CostName, costOf, COSTS, knownCosts } from "../costs.ts";
import { cellsOfTask, FRONTIER_COSTS, frontOf, qualitiesOf } from "../frontier.ts";
import { formatValue, type MetricName, METRICS } from "../metrics.ts";
import { details, headRow, note, row, section, table } from "./parts.ts";

/** What stands below the axis of a cost, and how it is scaled: counts that may be 0 have a place for it. */
const AXES: Readonly<Partial<Record<CostName, Pick<Chart, "xTitle" | "logarithmic">>>> = {
  nfe: { xTitle: "network evaluations", logarithmic: "x+1" },
  vjp: { xTitle: "vector-Jacobian products", logarithmic: "x+1" },
  seconds: { xTitle: "seconds", logarithmic: "x" },
  bytes: { xTitle: "peak device memory, MB", logarithmic: "x" },
};

/** The section; nothing where no task has two methods to choose between. */
export function frontierSection(results: Results): Markup | undefined {
  const { plan } = results;
  const names = [...new Set(plan.methods.map(({ series }) => series))];
  const tasks = plan.tasks.flatMap(({ label }, task) => {
    const cells = cellsOfTask(results, task);
    return cells.length < 2 ? [] : [{ label, cells }];
  });
  const costs = knownCosts(tasks.flatMap(({ cells }) => cells));
  const qualities = qualitiesOf(results);
  if (costs.length === 0 || qualities.length === 0) return undefined;
  const parts = tasks.map(({ label, cells }, index) => {
    const charts = qualities.flatMap((quality) =>
      FRONTIER_COSTS.filter((cost) => costs.includes(cost)).flatMap((cost) =>
        chart(chartOf(results, { title: label, names, cells, cost, quality })) ?? []
      )
    );
    const figures = figuresOf(results, cells, { costs, qualities });
    return details(label, [html`<div class="charts large">${charts}</div>`, figures], index === 0);
  });
  const what = note(
    "Means over pictures; whiskers are their confidence intervals, cut off at the edge of a chart. Dashed and ringed: the ",
    "Pareto front, the methods that no other one beats in both. What is counted and how is in docs/frontier.md.",
  );
  return section("What each evaluation buys", what, legend(names), parts);
}

/** Of what a chart is. */
interface Shown {
  readonly title: string;
  /** The series, in the order of their colours. */
  readonly names: readonly string[];
  readonly cells: readonly Cell[];
  readonly cost: CostName;
  readonly quality: MetricName;
}

function chartOf({ plan }: Results, { title, names, cells, cost, quality }: Shown): Chart {
  const scale = cost === "bytes" ? 1e-6 : 1;
  const pointOf = (cell: Cell): Point => [
    scale * costOf(cell, cost),
    meanOf(cell, quality),
    cell.summaries[quality]?.interval,
  ];
  return {
    title,
    ...AXES[cost]!,
    yTitle: quality === "psnr" ? "PSNR dB" : METRICS[quality].title,
    front: METRICS[quality].better!,
    size: "large",
    series: names.map((name) => ({
      name,
      points: cells.filter(({ method }) => plan.methods[method]?.series === name).map(pointOf),
    })),
  };
}

/** The costs and qualities of the cells of a task, and the fronts that each is on. */
function figuresOf(
  { plan }: Results,
  cells: readonly Cell[],
  { costs, qualities }: { readonly costs: readonly CostName[]; readonly qualities: readonly MetricName[] },
): Markup {
  const fronts = qualities.map((quality) => ({
    name: METRICS[quality].title,
    by: FRONTIER_COSTS.filter((cost) => costs.includes(cost)).map((cost) => ({
      name: COSTS[cost].title,
      cells: frontOf(cells, cost, quality),
    })),
  }));
  const frontsOf = (cell: Cell): string =>
    fronts.flatMap(({ name, by }) => {
      const found = by.filter((front) => front.cells.includes(cell));
      return found.length === 0 ? [] : [`${name}: ${found.map(({ name }) => name).join(", ")}`];
    }).join("; ");
  const rows = cells.map((cell) =>
    row(plan.methods[cell.method]?.label, [
      ...costs.map((cost) => formatCost(costOf(cell, cost), cost)),
      ...qualities.map((quality) => qualityOf(cell, quality)),
      frontsOf(cell),
    ])
  );
  const heads = [
    "Method",
    ...costs.map((cost) => COSTS[cost].title),
    ...qualities.map((quality) => METRICS[quality].title),
    "On the front of",
  ];
  return table(headRow(heads), rows);
}

function qualityOf(cell: Cell, quality: MetricName): Content {
  const { count = 0, interval: [low, high] = [NaN, NaN] } = cell.summaries[quality] ?? {};
  const reach = count < 2 ? undefined : html`<small>±${formatValue((high - low) / 2, quality)}</small>`;
  return html`<span>${formatValue(meanOf(cell, quality), quality)}</span>${reach}`;
}

function formatCost(value: number, cost: CostName): string {
  if (Number.isNaN(value)) return "-";
  if (cost === "bytes") return size(value);
  if (cost === "seconds") return value.toPrecision(3);
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}
