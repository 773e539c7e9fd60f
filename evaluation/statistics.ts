/**
 * Statistics over pictures. Seeds of one picture share that picture, so they are no independent samples: they are
 * averaged first, or the best of them is taken where a study says so, and means, errors and intervals are those of pictures.
 */
import { summarize, type Summary } from "../metrics/mod.ts";
import { type MetricName, METRICS } from "./metrics.ts";

/** One measured result with its picture and seed. */
export interface Measured {
  /** Of what. */
  readonly unit: { readonly image: number; readonly seed: number };
  /** Its quantities, those that were measured. */
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
class PictureValue {
  readonly #best: ((a: number, b: number) => number) | undefined;
  #count = 0;
  #sum = 0;
  #extreme: number;

  constructor(metric: MetricName, bestOfSeeds: boolean) {
    const better = bestOfSeeds ? METRICS[metric].better : undefined;
    this.#best = better && (better === "greater" ? Math.max : Math.min);
    this.#extreme = better === "greater" ? -Infinity : Infinity;
  }

  add(value: number): void {
    this.#count++;
    if (this.#best) this.#extreme = this.#best(this.#extreme, value);
    else this.#sum += value;
  }

  get value(): number {
    return this.#best ? this.#extreme : this.#sum / this.#count;
  }
}

/**
 * A metric over pictures.
 * @returns undefined where no unit has it
 */
export function summarizePictures(
  units: Iterable<Measured>,
  metric: MetricName,
  { confidence, bestOfSeeds = false }: PictureStatistics,
): Summary | undefined {
  const pictures = new Map<number, PictureValue>();
  for (const { unit: { image }, metrics } of units) {
    const value = metrics[metric];
    if (value !== undefined) atPicture(pictures, image, () => new PictureValue(metric, bestOfSeeds)).add(value);
  }
  if (pictures.size === 0) return undefined;
  return summarize(Array.from(pictures.values(), ({ value }) => value), { confidence });
}

/**
 * The paired differences `second - first` of a metric: of the units that both have with the same picture and seed, so
 * that what a picture and its noise do to both cancels. Where the best of the seeds counts, it is the difference of both
 * best. Two infinite values differ by 0; a picture where one alone is infinite is counted as such and left out of the
 * mean, like in any summary.
 * @param first runs in the order of the plan; one that is missing is there without the metric
 * @param second the same runs of the other
 * @returns undefined where no unit of both has the metric
 */
export function summarizeDifferences(
  first: Iterable<Measured>,
  second: Iterable<Measured>,
  metric: MetricName,
  { confidence, bestOfSeeds = false }: PictureStatistics,
): Summary | undefined {
  const difference = (before: number, after: number): number => before === after ? 0 : after - before;
  const made = (): PictureValue => new PictureValue(metric, bestOfSeeds);
  const pictures = new Map<
    number,
    { readonly mean: PictureValue; readonly best: readonly [PictureValue, PictureValue] }
  >();
  const others = first[Symbol.iterator]();
  for (const { unit: { image }, metrics } of second) {
    const [before, after] = [others.next().value?.metrics[metric], metrics[metric]];
    if (before === undefined || after === undefined) continue;
    const { mean, best } = atPicture(pictures, image, () => ({ mean: made(), best: [made(), made()] as const }));
    mean.add(difference(before, after));
    best[0].add(before);
    best[1].add(after);
  }
  if (pictures.size === 0) return undefined;
  const differences = Array.from(
    pictures.values(),
    ({ mean, best: [before, after] }) => bestOfSeeds ? difference(before.value, after.value) : mean.value,
  );
  // Seeds that are infinite in both directions leave no difference at all to speak of.
  return summarize(differences.map((mean) => Number.isNaN(mean) ? Infinity : mean), { confidence });
}

/** What is there of a picture, made where there is nothing. */
function atPicture<T>(pictures: Map<number, T>, image: number, make: () => T): T {
  const found = pictures.get(image) ?? make();
  pictures.set(image, found);
  return found;
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
