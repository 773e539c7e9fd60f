/** The tables of an evaluation as files. They hold no times, so equal units give equal bytes; times are a file of their own. */
import type { Summary } from "../../metrics/mod.ts";
import { csv, type Field, textColumns } from "../../report/mod.ts";
import { type Cell, type Results, shownMean } from "./cells.ts";
import { allDifferences } from "./differences.ts";
import { formatValue, type MetricName } from "./metrics.ts";
import { signOf } from "./statistics.ts";
import type { Store } from "./store.ts";
import { judge } from "./trends.ts";

/** Names of the files. */
export const TABLE_FILES = ["results.csv", "summary.csv", "differences.csv", "results.json", "times.csv"] as const;

/** Writes the tables. */
export async function writeTables(store: Store, results: Results): Promise<void> {
  await store.writeText("results.csv", unitsCsv(results));
  await store.writeText("summary.csv", cellsCsv(results));
  await store.writeText("differences.csv", differencesCsv(results));
  await store.writeText("results.json", `${JSON.stringify(asData(results), null, 2)}\n`);
  await store.writeText("times.csv", timesCsv(results));
}

/** One line a unit, in the order of the plan. */
function unitsCsv({ plan, cells, columns }: Results): string {
  const own = columns.filter((name) => name !== "fid");
  return csv([
    ["task", "method", "image", "seed", "nfe", ...own, "unit"],
    ...cells.flatMap(({ task, method, actual, units }) =>
      units.map(({ unit, metrics }): readonly Field[] => [
        plan.tasks[task]?.label,
        plan.methods[method]?.label,
        plan.images[unit.image]?.name,
        unit.seed,
        actual,
        ...own.map((name) => metrics[name]),
        unit.id,
      ])
    ),
  ]);
}

/** One line a cell: means over pictures, standard errors, intervals; and one for each pair that cannot be. */
function cellsCsv({ plan, cells, columns }: Results): string {
  const heads = columns.flatMap((name) =>
    name === "fid" ? [name] : [name, ...STATISTICS.map((what) => `${name} ${what}`)]
  );
  const statistics = (name: MetricName, summary: Summary | undefined): readonly Field[] => {
    const mean = summary && shownMean(summary);
    return name === "fid" ? [mean] : [mean, ...spread(summary)];
  };
  return csv([
    ["task", "method", "nfe nominal", "nfe actual", "pictures", "units", "missing", ...heads, "not applicable"],
    ...cells.map(({ task, method, nominal, actual, units, missing, summaries }): readonly Field[] => [
      plan.tasks[task]?.label,
      plan.methods[method]?.label,
      nominal,
      actual,
      new Set(units.map(({ unit }) => unit.image)).size,
      units.length,
      missing,
      ...columns.flatMap((name) => statistics(name, summaries[name])),
      undefined,
    ]),
    ...plan.notApplicable.map(({ task, method, reason }): readonly Field[] => [
      plan.tasks[task]?.label,
      plan.methods[method]?.label,
      ...Array.from({ length: 5 + heads.length }, () => undefined),
      reason,
    ]),
  ]);
}

/** What tables say of a mean besides its value. */
const STATISTICS = ["standard error", "low", "high"] as const;

function spread(summary: Summary | undefined): readonly Field[] {
  return [summary?.standardError, ...(summary?.interval ?? [undefined, undefined])];
}

/** One line for each task, quantity and pair of methods: the mean over pictures of their paired differences. */
function differencesCsv(results: Results): string {
  const { plan } = results;
  return csv([
    ["task", "quantity", "method", "minus", "pictures", "infinite", "difference", ...STATISTICS, "sign"],
    ...allDifferences(results).map(({ task, first, second, metric, summary }): readonly Field[] => [
      plan.tasks[task]?.label,
      metric,
      plan.methods[second]?.label,
      plan.methods[first]?.label,
      summary.count,
      summary.infinite,
      summary.mean,
      ...spread(summary),
      signOf(summary),
    ]),
  ]);
}

/** Wall times, which differ from run to run. */
function timesCsv({ plan, cells }: Results): string {
  return csv([
    ["task", "method", "image", "seed", "seconds", "seconds without compiling", "batch", "adapter", "unit"],
    ...cells.flatMap(({ task, method, units }) =>
      units.map(({ unit, record: { time, device } }): readonly Field[] => [
        plan.tasks[task]?.label,
        plan.methods[method]?.label,
        plan.images[unit.image]?.name,
        unit.seed,
        time.seconds,
        time.steadySeconds,
        time.batch,
        device,
        unit.id,
      ])
    ),
  ]);
}

/** Everything but times, as data. */
function asData(results: Results): unknown {
  const { plan, cells, columns } = results;
  const { units: _units, pairs: _pairs, notApplicable, ...described } = plan;
  const label = ({ task, method }: { readonly task: number; readonly method: number }): object => ({
    task: plan.tasks[task]?.label,
    method: plan.methods[method]?.label,
  });
  return {
    ...described,
    columns,
    cells: cells.map((cell) => ({
      ...label(cell),
      nfe: { nominal: cell.nominal, actual: cell.actual },
      missing: cell.missing,
      summaries: Object.fromEntries(
        Object.entries(cell.summaries).map(([name, summary]) => [name, summaryData(summary)]),
      ),
      units: cell.units.map(({ unit, record, metrics }) => ({
        image: plan.images[unit.image]?.name,
        seed: unit.seed,
        metrics: Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, number(value)])),
        ...(record.noise ? { noise: record.noise } : {}),
        key: record.key,
        unit: unit.id,
      })),
    })),
    trends: plan.expectations.trends.map((trend) => {
      const { verdict, differences } = judge(trend, results);
      return { statement: trend.statement, verdict, differences: differences.map(summaryData) };
    }),
    notApplicable: notApplicable.map(({ reason, ...pair }) => ({ ...label(pair), reason })),
  };
}

function summaryData(summary: Summary): unknown {
  const { count, infinite, standardDeviation, standardError, interval } = summary;
  return {
    count,
    infinite,
    mean: number(shownMean(summary)),
    standardDeviation: number(standardDeviation),
    standardError: number(standardError),
    interval: interval.map(number),
  };
}

/** JSON has neither infinity nor NaN. */
function number(value: number): number | string | null {
  return value === Infinity ? "infinite" : Number.isNaN(value) ? null : value;
}

/** The cells as text: a line a method, the tasks as columns, PSNR and SSIM or what there is first. */
export function formatCells(results: Results): string {
  const { plan, cells, columns } = results;
  const shown = columns.slice(0, 2);
  const text = (cell: Cell | undefined): string =>
    cell === undefined ? "n/a" : cell.units.length === 0 ? "-" : shown.map((name) => {
      const summary = cell.summaries[name];
      return summary ? formatValue(shownMean(summary), name) : "-";
    }).join(" / ");
  const rows = [
    [shown.join(" / "), ...plan.tasks.map(({ label }) => label)],
    ...plan.methods.map(({ label }, method) => [
      label,
      ...plan.tasks.map((_, task) => text(cells.find((cell) => cell.task === task && cell.method === method))),
    ]),
  ];
  return textColumns(rows);
}
