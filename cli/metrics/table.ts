/** What `metrics` found, as a table and as data. */
import type { Summary } from "../../metrics/mod.ts";

/** What was measured of a pair; undefined where it was not asked for or cannot be computed. */
export interface PairRow {
  readonly name: string;
  readonly psnr: number;
  readonly ssim: number | undefined;
  readonly lpips: number | undefined;
  /** Euclidean distance over all pixels and channels, values in [-1, 1], and its root mean square. */
  readonly distance: number | undefined;
  readonly rms: number | undefined;
}

/** A quantity of a table. */
interface Column {
  readonly key: "psnr" | "ssim" | "lpips" | "distance" | "rms";
  readonly title: string;
  readonly digits: number;
}

/** The quantities in their order. */
export const COLUMNS: readonly Column[] = [
  { key: "psnr", title: "PSNR dB", digits: 3 },
  { key: "ssim", title: "SSIM", digits: 5 },
  { key: "lpips", title: "LPIPS", digits: 5 },
  { key: "distance", title: "L2", digits: 4 },
  { key: "rms", title: "RMS", digits: 5 },
];

/** Summaries by quantity. */
export type Summaries = Readonly<Partial<Record<Column["key"], Summary>>>;

/** Least width of a column. */
const WIDTH = 12;

/**
 * One line a pair; of several pairs also mean, standard error and interval.
 * @param rows the pairs
 * @param summaries of the quantities that are shown
 * @param confidence of the interval
 */
export function formatPairs(rows: readonly PairRow[], summaries: Summaries, confidence: number): string {
  const columns = COLUMNS.filter(({ key }) => summaries[key] !== undefined);
  const labels = ["mean", "standard error", `${100 * confidence} % from`, "to"];
  const first = Math.max(
    7,
    ...rows.map(({ name }) => name.length),
    ...(rows.length > 1 ? labels.map((l) => l.length) : []),
  );
  const line = (label: string, cell: (column: Column) => string): string =>
    label.padEnd(first) + columns.map((column) => cell(column).padStart(WIDTH)).join("");
  const lines = [line("picture", ({ title }) => title)];
  for (const row of rows) lines.push(line(row.name, ({ key, digits }) => formatValue(row[key], digits)));
  if (rows.length === 1) return lines.join("\n");
  const statistic = (label: string, value: (summary: Summary) => number): string =>
    line(label, ({ key, digits }) => formatValue(value(summaries[key]!), digits));
  return [
    ...lines,
    "-".repeat(first + WIDTH * columns.length),
    statistic(labels[0]!, ({ mean }) => mean),
    statistic(labels[1]!, ({ standardError }) => standardError),
    statistic(labels[2]!, ({ interval }) => interval[0]),
    statistic(labels[3]!, ({ interval }) => interval[1]),
    ...infiniteNote(summaries),
  ].join("\n");
}

function infiniteNote({ psnr }: Summaries): readonly string[] {
  const count = psnr?.infinite ?? 0;
  if (count === 0) return [];
  return [`${count} ${count === 1 ? "pair is" : "pairs are"} equal: infinite PSNR, left out of its mean`];
}

function formatValue(value: number | undefined, digits: number): string {
  return value === undefined || Number.isNaN(value) ? "-" : value === Infinity ? "equal" : value.toFixed(digits);
}

/** Pairs as data; JSON has no infinity. */
export function pairData(row: PairRow): Readonly<Record<string, unknown>> {
  return {
    name: row.name,
    psnr: row.psnr === Infinity ? "infinite" : row.psnr,
    ssim: row.ssim ?? null,
    ...(row.lpips === undefined ? {} : { lpips: row.lpips }),
    ...(row.distance === undefined ? {} : { distance: row.distance, rms: row.rms }),
  };
}
