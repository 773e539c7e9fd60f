/** What cost buys: which methods no other one beats in cost and quality, and the tables of that as files. */
import { csv, type Field, paretoFront } from "../report/mod.ts";
import { type Cell, meanOf, type Results, shownMean } from "./cells.ts";
import { COST_NAMES, type CostName, costOf, COSTS, knownCosts } from "./costs.ts";
import { type MetricName, METRICS } from "./metrics.ts";
import { labelsOf } from "./plan.ts";

/** The quantities that are set against cost, as far as they were measured. */
const QUALITIES: readonly MetricName[] = ["psnr", "ssim", "lpips", "fid"];

/** The costs that qualities are set against; the others stand in the tables. */
export const FRONTIER_COSTS: readonly CostName[] = ["nfe", "vjp", "seconds", "bytes"];

/** The qualities that results have. */
export function qualitiesOf({ columns }: Results): readonly MetricName[] {
  return columns.filter((name) => QUALITIES.includes(name));
}

/** The finished cells of a task. */
export function cellsOfTask({ cells }: Results, task: number): readonly Cell[] {
  return cells.filter((cell) => cell.task === task && cell.finished > 0);
}

/** The cells of a task that no other one beats in a cost and a quality, the cheapest first. */
export function frontOf(cells: readonly Cell[], cost: CostName, quality: MetricName): readonly Cell[] {
  const results = cells.map((cell) => [costOf(cell, cost), meanOf(cell, quality)] as const);
  return paretoFront(results, METRICS[quality].better!).map((place) => cells[place]!);
}

/** The tables as texts, by the names of their files. They hold times. */
export function frontierFiles(results: Results): Readonly<Record<string, string>> {
  return { "frontier.csv": frontierCsv(results), ...deepinvTables(results) };
}

/** One line a cell: its costs, its qualities with their intervals, and which fronts it is on. */
function frontierCsv(results: Results): string {
  const { plan } = results;
  const qualities = qualitiesOf(results);
  const pairs = FRONTIER_COSTS.flatMap((cost) => qualities.map((quality) => ({ cost, quality })));
  return csv([
    [
      ...["task", "method", "series", "pictures"],
      ...COST_NAMES.map((name) => COSTS[name].column),
      ...qualities.flatMap((name) => [name, `${name} low`, `${name} high`]),
      ...pairs.map(({ cost, quality }) => `front ${quality} ${COSTS[cost].column}`),
    ],
    ...plan.tasks.flatMap((_, task) => {
      const cells = cellsOfTask(results, task);
      const fronts = pairs.map(({ cost, quality }) => frontOf(cells, cost, quality));
      return cells.map((cell): readonly Field[] => {
        const labels = labelsOf(plan, cell);
        return [
          ...[labels.task, labels.method, plan.methods[cell.method]?.series, cell.pictures],
          ...COST_NAMES.map((name) => costOf(cell, name)),
          ...qualities.flatMap((name) => [meanOf(cell, name), ...(cell.summaries[name]?.interval ?? [NaN, NaN])]),
          ...fronts.map((front) => front.includes(cell) ? 1 : 0),
        ];
      });
    }),
  ]);
}

/**
 * The tables in the form of the benchmarks of DeepInverse, by names of files: one of each task, as Benchopt writes it and
 * their pages read it. A line is a solver; columns `objective_X` and `objective_X_std` are the mean of X over pictures and
 * its standard deviation, other `objective_` columns costs, and `p_dataset_` columns say what was restored.
 */
function deepinvTables(results: Results): Readonly<Record<string, string>> {
  const { plan } = results;
  const qualities = qualitiesOf(results);
  const costs = knownCosts(results.cells);
  return Object.fromEntries(plan.tasks.flatMap(({ label, name }, task) => {
    const cells = cellsOfTask(results, task);
    if (cells.length === 0) return [];
    const heads = ["objective_name", "dataset_name", "p_dataset_physics", "p_dataset_size", "solver_name"];
    const rows = cells.map((cell): readonly Field[] => [
      ...[label, plan.title, name, plan.size, labelsOf(plan, cell).method],
      ...qualities.flatMap((quality) => {
        const summary = cell.summaries[quality];
        return summary ? [shownMean(summary), summary.standardDeviation] : [NaN, NaN];
      }),
      ...costs.map((cost) => costOf(cell, cost)),
    ]);
    const measured = qualities.flatMap((quality) => {
      const column = `objective_${METRICS[quality].title}`;
      return [column, `${column}_std`];
    });
    const spent = costs.map((cost) => `objective_${COSTS[cost].column.replaceAll(/\W/g, "_")}`);
    const file = `deepinv/${task + 1}-${label.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}.csv`;
    return [[file, csv([[...heads, ...measured, ...spent], ...rows])]];
  }));
}
