/** How close pictures are to others, pair by pair, and all pairs together. */
import {
  type ConventionName,
  faithfulness,
  imageQuality,
  type Lpips,
  summarize,
  type Summary,
  type SummaryOptions,
} from "../metrics/mod.ts";
import { grayToRgb, type Raster } from "../raster/mod.ts";
import { fileStem } from "../restoration/mod.ts";
import { perceptualDistance } from "./passes.ts";

/** A picture of A and the one of B that belongs to it. */
export interface NamedPair {
  /** What tables call the pair. */
  readonly name: string;
  /** What messages call the first picture, such as its path. */
  readonly a: string;
  /** The same of the second. */
  readonly b: string;
}

/** Pictures of a folder, or of anything else that has names. */
export interface NamedPictures {
  /** Of the folder or file. */
  readonly path: string;
  /** Paths of its pictures. */
  readonly pictures: readonly string[];
}

/**
 * Pictures of two folders that have one name, whatever their extension.
 * @throws {RangeError} if two pictures of a folder have the same name
 */
export function pairsByName(a: NamedPictures, b: NamedPictures): readonly NamedPair[] {
  const others = byStem(b);
  return [...byStem(a)].flatMap(([name, path]) => {
    const other = others.get(name);
    return other === undefined ? [] : [{ name, a: path, b: other }];
  });
}

function byStem({ path, pictures }: NamedPictures): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const picture of pictures) {
    const other = paths.get(fileStem(picture));
    if (other !== undefined) {
      throw new RangeError(`Cannot compare "${path}": "${other}" and "${picture}" have one name; keep one of them`);
    }
    paths.set(fileStem(picture), picture);
  }
  return paths;
}

/** What is measured of a pair. */
export interface PairOptions {
  /** How PSNR and SSIM are computed. */
  readonly convention: ConventionName;
  /** Scale of the super-resolution, for conventions that crop it (default 1). */
  readonly scale?: number | undefined;
  /** The network of LPIPS, where that is measured. */
  readonly lpips?: Lpips | undefined;
  /** Whether the distance of A from B is measured. */
  readonly withDistance?: boolean;
}

/** What was measured of a pair; undefined where it was not asked for or cannot be computed. */
export interface PairRow {
  /** What tables call the pair. */
  readonly name: string;
  /** Peak signal-to-noise ratio in dB. */
  readonly psnr: number;
  /** Structural similarity; undefined where the pictures are too small. */
  readonly ssim: number | undefined;
  /** Learned perceptual distance, where it is measured. */
  readonly lpips: number | undefined;
  /** Euclidean distance over all pixels and channels, values in [-1, 1], and its root mean square. */
  readonly distance: number | undefined;
  /** Root mean square of the differences, where the distance is measured. */
  readonly rms: number | undefined;
}

/**
 * Compares two pictures; where one of them is gray, both as colours.
 * @throws {RangeError} if their sizes differ, or they are too small for LPIPS
 */
export async function comparePair(
  { name, a, b }: NamedPair,
  [first, second]: readonly [Raster, Raster],
  { convention, scale = 1, lpips, withDistance = false }: PairOptions,
): Promise<PairRow> {
  const { width, height } = first;
  if (width !== second.width || height !== second.height) {
    throw new RangeError(
      `Cannot compare "${a}" with "${b}": they have ${width} x ${height} and ${second.width} x ${second.height} ` +
        "pixels, equal sizes are needed",
    );
  }
  if (first.channels !== second.channels) [first, second] = [grayToRgb(first), grayToRgb(second)];
  const shape = [height, width, first.channels] as const;
  const far = withDistance ? faithfulness(first.data, second.data) : undefined;
  return {
    name,
    ...imageQuality(convention, first.data, second.data, { shape, scale }),
    lpips: lpips && await perceptualDistance(lpips, name, first, second),
    distance: far?.l2,
    rms: far?.rms,
  };
}

/** A quantity of a table. */
interface Column {
  readonly key: keyof PairSummaries;
  readonly title: string;
  readonly digits: number;
}

/** The quantities in their order. */
const COLUMNS: readonly Column[] = [
  { key: "psnr", title: "PSNR dB", digits: 3 },
  { key: "ssim", title: "SSIM", digits: 5 },
  { key: "lpips", title: "LPIPS", digits: 5 },
  { key: "distance", title: "L2", digits: 4 },
  { key: "rms", title: "RMS", digits: 5 },
];

/** Summaries by quantity. */
export type PairSummaries = Readonly<Partial<Record<Exclude<keyof PairRow, "name">, Summary>>>;

/** Summaries of what was measured of at least one pair. */
export function summarizePairs(rows: readonly PairRow[], options: SummaryOptions): PairSummaries {
  return Object.fromEntries(COLUMNS.flatMap(({ key }) => {
    const values = rows.map((row) => row[key]).filter((value) => value !== undefined);
    return values.length === 0 ? [] : [[key, summarize(values, options)]];
  }));
}

/** Least width of a column. */
const WIDTH = 12;

/**
 * One line a pair; of several pairs also mean, standard error and interval.
 * @param summaries of the quantities that are shown
 * @param confidence of the interval
 */
export function formatPairs(rows: readonly PairRow[], summaries: PairSummaries, confidence: number): string {
  const columns = COLUMNS.filter(({ key }) => summaries[key] !== undefined);
  const statistics: readonly (readonly [string, (summary: Summary) => number])[] = rows.length === 1 ? [] : [
    ["mean", ({ mean }) => mean],
    ["standard error", ({ standardError }) => standardError],
    [`${100 * confidence} % from`, ({ interval }) => interval[0]],
    ["to", ({ interval }) => interval[1]],
  ];
  const labels = [...rows.map(({ name }) => name), ...statistics.map(([label]) => label)];
  const first = Math.max(7, ...labels.map(({ length }) => length));
  const line = (label: string, cell: (column: Column) => string): string =>
    label.padEnd(first) + columns.map((column) => cell(column).padStart(WIDTH)).join("");
  const infinite = summaries.psnr?.infinite ?? 0;
  return [
    line("picture", ({ title }) => title),
    ...rows.map((row) => line(row.name, ({ key, digits }) => formatValue(row[key], digits))),
    ...(statistics.length === 0 ? [] : ["-".repeat(first + WIDTH * columns.length)]),
    ...statistics.map(([label, of]) => line(label, ({ key, digits }) => formatValue(of(summaries[key]!), digits))),
    ...(statistics.length === 0 || infinite === 0 ? [] : [
      `${infinite} ${infinite === 1 ? "pair is" : "pairs are"} equal: infinite PSNR, left out of its mean`,
    ]),
  ].join("\n");
}

function formatValue(value: number | undefined, digits: number): string {
  return value === undefined || Number.isNaN(value) ? "-" : value === Infinity ? "equal" : value.toFixed(digits);
}

/** A pair as data; JSON has no infinity. */
export function pairData(row: PairRow): Readonly<Record<string, unknown>> {
  return {
    name: row.name,
    psnr: row.psnr === Infinity ? "infinite" : row.psnr,
    ssim: row.ssim ?? null,
    ...(row.lpips === undefined ? {} : { lpips: row.lpips }),
    ...(row.distance === undefined ? {} : { distance: row.distance, rms: row.rms }),
  };
}
