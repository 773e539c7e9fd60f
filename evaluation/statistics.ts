/**
 * Statistics over pictures. Seeds of one picture share that picture, so they are no independent samples: they are
 * averaged first, or the best of them is taken where a study says so, and means, errors and intervals are those of pictures.
 */
import { summarize, type Summary } from "../metrics/mod.ts";
import { type MetricName, METRICS } from "./metrics.ts";

/** One measured result with its picture and seed. */
export interface Measured {
  readonly unit: { readonly image: number; readonly seed: number };
  readonly metrics: Readonly<Partial<Record<MetricName, number>>>;
}

/** How the results of a picture become one value, and values an interval. */
export interface PictureStatistics {
  /** Of the intervals. */
  readonly confidence: number;
  /** Whether a picture counts with the best of its seeds, by the original, instead of their mean. */
  readonly bestOfSeeds?: boolean;
}

/** Values of one picture, one for each seed, as one: their mean, or the best where the quantity has a better direction. */
function reduced(values: readonly number[], metric: MetricName, bestOfSeeds: boolean): number {
  const { better } = METRICS[metric];
  if (bestOfSeeds && better !== undefined) return better === "greater" ? Math.max(...values) : Math.min(...values);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * A metric over pictures.
 * @returns undefined where no unit has it
 */
export function summarizePictures(
  units: readonly Measured[],
  metric: MetricName,
  { confidence, bestOfSeeds = false }: PictureStatistics,
): Summary | undefined {
  const samples = units.flatMap(({ unit: { image }, metrics }) => {
    const value = metrics[metric];
    return value === undefined ? [] : [{ image, value }];
  });
  if (samples.length === 0) return undefined;
  const pictures = Map.groupBy(samples, ({ image }) => image).values();
  const values = Array.from(pictures, (found) => reduced(found.map(({ value }) => value), metric, bestOfSeeds));
  return summarize(values, { confidence });
}

/**
 * The paired differences `second - first` of a metric: of the units that both have with the same picture and seed, so
 * that what a picture and its noise do to both cancels. Where the best of the seeds counts, it is the difference of both
 * best. Two infinite values differ by 0; a picture where one alone is infinite is counted as such and left out of the
 * mean, like in any summary.
 * @returns undefined where no unit of both has the metric
 */
export function summarizeDifferences(
  first: readonly Measured[],
  second: readonly Measured[],
  metric: MetricName,
  { confidence, bestOfSeeds = false }: PictureStatistics,
): Summary | undefined {
  const nameOf = ({ unit: { image, seed } }: Measured): string => `${image} ${seed}`;
  const values = new Map(first.map((each) => [nameOf(each), each.metrics[metric]]));
  const samples = second.flatMap((each) => {
    const [before, after] = [values.get(nameOf(each)), each.metrics[metric]];
    return before === undefined || after === undefined ? [] : [{ image: each.unit.image, before, after }];
  });
  if (samples.length === 0) return undefined;
  const difference = (before: number, after: number): number => before === after ? 0 : after - before;
  const of = (values: readonly number[]): number => reduced(values, metric, bestOfSeeds);
  const differences = Array.from(Map.groupBy(samples, ({ image }) => image).values(), (found) => {
    if (bestOfSeeds) return difference(of(found.map(({ before }) => before)), of(found.map(({ after }) => after)));
    return of(found.map(({ before, after }) => difference(before, after)));
  });
  // Seeds that are infinite in both directions leave no difference at all to speak of.
  return summarize(differences.map((mean) => Number.isNaN(mean) ? Infinity : mean), { confidence });
}

/**
 * The units that stand for their pictures: all, or of each picture the one of greatest PSNR where the best of the seeds
 * counts.
 */
export function standingUnits<U extends { readonly image: number }>(
  units: readonly U[],
  psnrOf: (unit: U) => number,
  { bestOfSeeds = false }: Pick<PictureStatistics, "bestOfSeeds">,
): readonly U[] {
  if (!bestOfSeeds) return units;
  return Array.from(
    Map.groupBy(units, ({ image }) => image).values(),
    (found) => found.reduce((best, unit) => psnrOf(unit) > psnrOf(best) ? unit : best),
  );
}

/** Whether differences are above zero, below, or neither as far as they tell. */
export type Sign = "above" | "below" | "undecided";

/** What the interval of differences says; without an interval, or with infinite differences, nothing. */
export function signOf({ infinite, interval: [low, high] }: Summary): Sign {
  if (infinite > 0) return "undecided";
  return low > 0 ? "above" : high < 0 ? "below" : "undecided";
}
