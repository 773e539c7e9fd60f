/** The tables of an evaluation as files. They hold no times, so equal units give equal bytes; times are a file of their own. */
import type { Summary } from "../metrics/mod.ts";
import { csv, type Field, textColumns } from "../report/mod.ts";
import { type Cell, cellAt, type FinishedUnit, meanOf, type Results, shownMean } from "./cells.ts";
import { COSTS, COUNTED_NAMES } from "./costs.ts";
import { allDifferences } from "./differences.ts";
import { formatValue, type MetricName } from "./metrics.ts";
import { labelsOf, pairName, type Place, type Plan } from "./plan.ts";
import { publishedCsv } from "./published.ts";
import { signOf } from "./statistics.ts";
import type { TextFile } from "./text_file.ts";
import { judge } from "./trends.ts";

/** The tables as texts, by the names of their files; all of them are in memory then. */
export async function tableFiles(results: Results): Promise<Readonly<Record<string, string>>> {
  const texts: Record<string, string> = {};
  await writeTables(results, (name) => {
    texts[name] = "";
    return Promise.resolve({
      write: (text) => Promise.resolve(void (texts[name] += text)),
      commit: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  });
  return texts;
}

/**
 * Writes the tables; all that have something of each unit in one way through the units.
 * @param create begins the file of a name
 * @returns their names
 */
export async function writeTables(
  results: Results,
  create: (name: string) => Promise<Pick<TextFile, "write" | "commit" | typeof Symbol.asyncDispose>>,
): Promise<readonly string[]> {
  const published = publishedCsv(results);
  const tables: readonly UnitTable[] = [
    resultsCsv(results),
    textTable("summary.csv", cellsCsv(results)),
    textTable("differences.csv", differencesCsv(results)),
    ...(published === undefined ? [] : [textTable("published.csv", published)]),
    resultsJson(results),
    timesCsv(results),
  ];
  const open: (readonly [UnitTable, Awaited<ReturnType<typeof create>>])[] = [];
  try {
    for (const table of tables) {
      const file = await create(table.name);
      open.push([table, file]);
      await file.write(table.head);
    }
    for await (const found of results.units) {
      for (const [{ row }, file] of open) if (row) await file.write(row(found));
    }
    for (const [{ end }, file] of open) {
      if (end) await file.write(end());
      await file.commit();
    }
  } finally {
    for (const [, file] of open) await file[Symbol.asyncDispose]();
  }
  return tables.map(({ name }) => name);
}

/** A file that may have something of each unit, in the order of the plan. */
interface UnitTable {
  readonly name: string;
  readonly head: string;
  readonly row?: (found: FinishedUnit) => string;
  readonly end?: () => string;
}

function textTable(name: string, head: string): UnitTable {
  return { name, head };
}

function resultsCsv(results: Results): UnitTable {
  const { cells, columns } = results;
  const own = columns.filter((name) => name !== "fid");
  const counts = COUNTED_NAMES.filter((name) => name === "nfe" || cells.some(({ costs }) => costs[name] !== undefined));
  return unitsCsv(
    "results.csv",
    results,
    [...counts.map((name) => COSTS[name].column), ...own],
    ({ record, metrics }) => [...counts.map((name) => COSTS[name].of(record)), ...own.map((name) => metrics[name])],
  );
}

function timesCsv(results: Results): UnitTable {
  const heads = ["seconds", "seconds without compiling", "batch", "peak device bytes", "adapter"];
  return unitsCsv("times.csv", results, heads, ({ record: { time, peakDeviceBytes, device } }) => [
    time.seconds,
    time.steadySeconds,
    time.batch,
    peakDeviceBytes,
    device,
  ]);
}

/** One line a unit. */
function unitsCsv(
  name: string,
  { plan }: Results,
  heads: readonly string[],
  fields: (unit: FinishedUnit) => readonly Field[],
): UnitTable {
  return {
    name,
    head: csv([["task", "method", "image", "seed", ...heads, "unit"]]),
    row: (found) => {
      const { image, seed, id } = found.unit;
      return csv([[...labels(plan, found.unit), plan.images[image]?.name, seed, ...fields(found), id]]);
    },
  };
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
    ...cells.map(({ nominal, actual, pictures, finished, missing, summaries, ...cell }): readonly Field[] => [
      ...labels(plan, cell),
      nominal,
      actual,
      pictures,
      finished,
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

/** The empty list of the units of a cell in `results.json`. A text within it has no line break, so nothing else is like it. */
const NO_UNITS = '\n      "units": []';

/** What stands before the lines of a unit there. */
const INDENT = "        ";

/** Everything but times, as data. */
function resultsJson(results: Results): UnitTable {
  const { plan, cells } = results;
  const [head, ...parts] = `${JSON.stringify(asData(results), null, 2)}\n`.split(NO_UNITS) as [string, ...string[]];
  const begin = NO_UNITS.slice(0, -1);
  let at = 0;
  let count = 0;
  const endCell = (): string => {
    const closed = `${count === 0 ? "" : "\n      "}]${parts[at]}`;
    at++;
    count = 0;
    return at < cells.length ? closed + begin : closed;
  };
  return {
    name: "results.json",
    head: cells.length > 0 ? head + begin : head,
    row: (found) => {
      let text = "";
      while (pairName(cells[at]!) !== pairName(found.unit)) text += endCell();
      const lines = JSON.stringify(unitData(plan, found), null, 2).replaceAll("\n", `\n${INDENT}`);
      return `${text}${count++ === 0 ? "" : ","}\n${INDENT}${lines}`;
    },
    end: () => {
      let text = "";
      while (at < cells.length) text += endCell();
      return text;
    },
  };
}

/** Everything but times and units, which have an empty list in each cell. */
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
      units: [],
    })),
    trends: plan.expectations.trends.map((trend) => {
      const { verdict, differences } = judge(trend, results);
      return { statement: trend.statement, verdict, differences: differences.map(summaryData) };
    }),
    notApplicable: notApplicable.map(({ reason, ...pair }) => ({ ...labelsOf(plan, pair), reason })),
  };
}

function unitData(plan: Plan, { unit, record, metrics }: FinishedUnit): unknown {
  return {
    image: plan.images[unit.image]?.name,
    seed: unit.seed,
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, number(value)])),
    ...(record.counts ? { counts: record.counts } : {}),
    ...(record.noise ? { noise: record.noise } : {}),
    key: record.key,
    unit: unit.id,
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
      : cell.finished === 0
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
