/**
 * Statistics over pictures. Seeds of one picture share that picture, so they are no independent samples: they are
 * averaged first, and means, errors and intervals are those of pictures.
 */
import { summarize, type Summary } from "../metrics/mod.ts";
import type { MetricName } from "./metrics.ts";

/** One measured result with its picture and seed. */
export interface Measured {
  readonly unit: { readonly image: number; readonly seed: number };
  readonly metrics: Readonly<Partial<Record<MetricName, number>>>;
}

/** A value of one picture with one seed. */
interface Sample {
  readonly image: number;
  readonly value: number;
}

/** The mean over the seeds of each picture, in the order in which pictures are met. */
function pictureMeans(samples: readonly Sample[]): readonly number[] {
  return Array.from(
    Map.groupBy(samples, ({ image }) => image).values(),
    (found) => found.reduce((sum, { value }) => sum + value, 0) / found.length,
  );
}

/**
 * A metric over pictures.
 * @returns undefined where no unit has it
 */
export function summarizePictures(
  units: readonly Measured[],
  metric: MetricName,
  confidence: number,
): Summary | undefined {
  const samples = units.flatMap(({ unit: { image }, metrics }): readonly Sample[] => {
    const value = metrics[metric];
    return value === undefined ? [] : [{ image, value }];
  });
  return samples.length === 0 ? undefined : summarize(pictureMeans(samples), { confidence });
}

/**
 * The paired differences `second - first` of a metric: of the units that both have with the same picture and seed, so
 * that what a picture and its noise do to both cancels. Two infinite values differ by 0; a picture where one alone is
 * infinite is counted as such and left out of the mean, like in any summary.
 * @returns undefined where no unit of both has the metric
 */
export function summarizeDifferences(
  first: readonly Measured[],
  second: readonly Measured[],
  metric: MetricName,
  confidence: number,
): Summary | undefined {
  const nameOf = ({ unit: { image, seed } }: Measured): string => `${image} ${seed}`;
  const values = new Map(first.map((each) => [nameOf(each), each.metrics[metric]]));
  const samples = second.flatMap((each): readonly Sample[] => {
    const [before, after] = [values.get(nameOf(each)), each.metrics[metric]];
    if (before === undefined || after === undefined) return [];
    return [{ image: each.unit.image, value: before === after ? 0 : after - before }];
  });
  if (samples.length === 0) return undefined;
  // Seeds that are infinite in both directions leave no difference at all to speak of.
  const means = pictureMeans(samples).map((mean) => Number.isNaN(mean) ? Infinity : mean);
  return summarize(means, { confidence });
}

/** Whether differences are above zero, below, or neither as far as they tell. */
export type Sign = "above" | "below" | "undecided";

/** What the interval of differences says; without an interval, or with infinite differences, nothing. */
export function signOf({ infinite, interval: [low, high] }: Summary): Sign {
  if (infinite > 0) return "undecided";
  return low > 0 ? "above" : high < 0 ? "below" : "undecided";
}
