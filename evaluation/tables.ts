/** The tables of an evaluation as files. They hold no times, so equal units give equal bytes; times are a file of their own. */
import type { Summary } from "../metrics/mod.ts";
import { csv, type Field, textColumns } from "../report/mod.ts";
import { type Cell, cellAt, type FinishedUnit, meanOf, type Results, shownMean } from "./cells.ts";
import { COSTS, COUNTED_NAMES } from "./costs.ts";
import { allDifferences } from "./differences.ts";
import { formatValue, type MetricName } from "./metrics.ts";
import { labelsOf, type Place, type Plan } from "./plan.ts";
import { publishedCsv } from "./published.ts";
import { signOf } from "./statistics.ts";
import { judge } from "./trends.ts";

/** The tables as texts, by the names of their files. */
export function tableFiles(results: Results): Readonly<Record<string, string>> {
  const { cells, columns } = results;
  const own = columns.filter((name) => name !== "fid");
  const counts = COUNTED_NAMES.filter((name) =>
    name === "nfe" || cells.some(({ units }) => units.some(({ record }) => COSTS[name].of(record) !== undefined))
  );
  const published = publishedCsv(results);
  const times = ["seconds", "seconds without compiling", "batch", "peak device bytes", "adapter"];
  return {
    "results.csv": unitsCsv(
      results,
      [...counts.map((name) => COSTS[name].column), ...own],
      ({ record, metrics }) => [...counts.map((name) => COSTS[name].of(record)), ...own.map((name) => metrics[name])],
    ),
    "summary.csv": cellsCsv(results),
    "differences.csv": differencesCsv(results),
    ...(published === undefined ? {} : { "published.csv": published }),
    "results.json": `${JSON.stringify(asData(results), null, 2)}\n`,
    "times.csv": unitsCsv(results, times, ({ record: { time, peakDeviceBytes, device } }) => [
      time.seconds,
      time.steadySeconds,
      time.batch,
      peakDeviceBytes,
      device,
    ]),
  };
}

/** One line a unit, in the order of the plan. */
function unitsCsv(
  { plan, cells }: Results,
  heads: readonly string[],
  fields: (unit: FinishedUnit) => readonly Field[],
): string {
  return csv([
    ["task", "method", "image", "seed", ...heads, "unit"],
    ...cells.flatMap((cell) =>
      cell.units.map((found): readonly Field[] => {
        const { image, seed, id } = found.unit;
        return [...labels(plan, cell), plan.images[image]?.name, seed, ...fields(found), id];
      })
    ),
  ]);
}

function labels(plan: Plan, place: Place): readonly Field[] {
  const { task, method } = labelsOf(plan, place);
  return [task, method];
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
    ...cells.map(({ nominal, actual, units, missing, summaries, ...cell }): readonly Field[] => [
      ...labels(plan, cell),
      nominal,
      actual,
      new Set(units.map(({ unit }) => unit.image)).size,
      units.length,
      missing,
      ...columns.flatMap((name) => statistics(name, summaries[name])),
      undefined,
    ]),
    ...plan.notApplicable.map(({ reason, ...pair }): readonly Field[] => [
      ...labels(plan, pair),
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

/** Everything but times, as data. */
function asData(results: Results): unknown {
  const { plan, cells, columns } = results;
  const { units: _units, pairs: _pairs, notApplicable, ...described } = plan;
  return {
    ...described,
    columns,
    cells: cells.map((cell) => ({
      ...labelsOf(plan, cell),
      nfe: { nominal: cell.nominal, actual: cell.actual },
      missing: cell.missing,
      summaries: Object.fromEntries(
        Object.entries(cell.summaries).map(([name, summary]) => [name, summaryData(summary)]),
      ),
      units: cell.units.map(({ unit, record, metrics }) => ({
        image: plan.images[unit.image]?.name,
        seed: unit.seed,
        metrics: Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, number(value)])),
        ...(record.counts ? { counts: record.counts } : {}),
        ...(record.noise ? { noise: record.noise } : {}),
        key: record.key,
        unit: unit.id,
      })),
    })),
    trends: plan.expectations.trends.map((trend) => {
      const { verdict, differences } = judge(trend, results);
      return { statement: trend.statement, verdict, differences: differences.map(summaryData) };
    }),
    notApplicable: notApplicable.map(({ reason, ...pair }) => ({ ...labelsOf(plan, pair), reason })),
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
  const { plan, columns } = results;
  const shown = columns.slice(0, 2);
  const text = (cell: Cell | undefined): string =>
    cell === undefined
      ? "n/a"
      : cell.units.length === 0
      ? "-"
      : shown.map((name) => formatValue(meanOf(cell, name), name)).join(" / ");
  const rows = [
    [shown.join(" / "), ...plan.tasks.map(({ label }) => label)],
    ...plan.methods.map(({ label }, method) => [
      label,
      ...plan.tasks.map((_, task) => text(cellAt(results, task, method))),
    ]),
  ];
  return textColumns(rows);
}
