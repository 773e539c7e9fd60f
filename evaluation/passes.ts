/** What is measured of finished units by networks with weights of the user: LPIPS of each, FID of a cell. Both are kept. */
import {
  type FeatureExtractor,
  FeatureStatistics,
  frechetDistance,
  type GaussianStatistics,
  type Lpips,
} from "../metrics/mod.ts";
import { grayToRgb, type Raster } from "../raster/mod.ts";
import type { FinishedUnit } from "./cells.ts";
import { pairName, type Plan } from "./plan.ts";
import type { Watch } from "./run_units.ts";
import { standingUnits } from "./statistics.ts";
import { hashOf, lookFor, metricsOf, readJson, type Store, UNIT_FILES, type UnitRecord, writeText } from "./store.ts";

/** A network that measures, opened when it is first needed. */
export interface Measure<N> {
  /** All that tells it from others, such as the SHA-256 of its files. */
  key(): Promise<unknown>;
  /** Reads its network. */
  load(): Promise<N>;
}

/** What is measured after the units were made. */
export interface Measures {
  /** The network of LPIPS. */
  readonly lpips?: Measure<Lpips> | undefined;
  /** The network of FID. */
  readonly inception?: Measure<FeatureExtractor> | undefined;
}

/** What was measured after the units were made. */
export interface Passes {
  /** The finished units with all that was measured of them, read from the store whenever one goes through them. */
  readonly units: AsyncIterable<FinishedUnit>;
  /** Frechet distance by `pairName`. */
  readonly fid: ReadonlyMap<string, number>;
}

/** Measures what is asked for and not kept yet. Pictures are compared as they are stored, with 8 bits. */
export async function runPasses(
  plan: Plan,
  store: Store,
  { lpips, inception }: Measures,
  watch?: Watch,
): Promise<Passes> {
  const distance = lpips && await measureLpips(plan, store, lpips, watch);
  const fid = inception ? await measureFid(plan, store, inception, watch) : new Map<string, number>();
  return { units: { [Symbol.asyncIterator]: () => finishedUnits(plan, store, distance) }, fid };
}

async function* finishedUnits(
  plan: Plan,
  store: Store,
  lpips: ((record: UnitRecord) => Promise<number>) | undefined,
): AsyncGenerator<FinishedUnit, void> {
  for await (const [unit, record] of lookFor(store, plan.units)) {
    if (record) {
      yield { unit, record, metrics: { ...metricsOf(record), ...(lpips ? { lpips: await lpips(record) } : {}) } };
    }
  }
}

/** Measures LPIPS of all finished units; gives what reads it. */
async function measureLpips(
  plan: Plan,
  store: Store,
  { key, load }: Measure<Lpips>,
  watch: Watch | undefined,
): Promise<(record: UnitRecord) => Promise<number>> {
  const name = (await hashOf(await key())).slice(0, 16);
  let network: Promise<Lpips> | undefined;
  const measure = async ({ id, truth }: UnitRecord): Promise<number> =>
    await kept(store, `units/${id}.lpips-${name}.json`, "distance", async () => {
      const [a, b] = [
        await store.readPicture(UNIT_FILES.picture(id)),
        await store.readPicture(UNIT_FILES.shown(truth)),
      ];
      return await perceptualDistance(await (network ??= load()), id, a, b);
    });
  let done = 0;
  for await (const { record } of finishedUnits(plan, store, undefined)) {
    await measure(record);
    await watch?.("LPIPS", ++done, plan.units.length);
  }
  return measure;
}

/** What the Frechet distance of a cell needs of a unit. */
interface Standing {
  readonly id: string;
  readonly image: number;
  readonly truth: string;
  readonly psnr: number;
}

/** Measures the Frechet distance of every cell, by `pairName`. */
async function measureFid(
  plan: Plan,
  store: Store,
  { key: keyOf, load }: Measure<FeatureExtractor>,
  watch: Watch | undefined,
): Promise<ReadonlyMap<string, number>> {
  const key = await keyOf();
  const found = new Map<string, number>();
  let network: Promise<FeatureExtractor> | undefined;
  let done = 0;
  const tell = (): void | Promise<void> => watch?.("FID", done, plan.pairs.length);
  const measure = async (name: string, made: readonly Standing[]): Promise<void> => {
    const finished = standingUnits(made, ({ psnr }) => psnr, plan);
    done++;
    await tell();
    if (finished.length < 2) return;
    const ids = finished.map(({ id }) => id);
    const fid = await kept(store, `units/fid-${await hashOf([key, ids])}.json`, "fid", async () => {
      const extractor = await (network ??= load());
      const statistics = (names: readonly string[]): Promise<GaussianStatistics> =>
        featureStatistics(extractor, names.map((name) => () => store.readPicture(name)), tell);
      return frechetDistance(
        await statistics(ids.map(UNIT_FILES.picture)),
        await statistics(finished.map(({ truth }) => UNIT_FILES.shown(truth))),
      );
    });
    found.set(name, fid);
  };
  let cell: { readonly name: string; readonly made: Standing[] } | undefined;
  for await (const { unit, record } of finishedUnits(plan, store, undefined)) {
    const name = pairName(unit);
    if (cell && cell.name !== name) await measure(cell.name, cell.made);
    if (cell?.name !== name) cell = { name, made: [] };
    const { id, truth } = record;
    cell.made.push({ id, image: unit.image, truth, psnr: metricsOf(record).psnr ?? -Infinity });
  }
  if (cell) await measure(cell.name, cell.made);
  return found;
}

/** A number that is kept in a file of its own, measured where it is not there. */
async function kept(store: Store, file: string, name: string, measure: () => Promise<number>): Promise<number> {
  const found = (await readJson(store, file) as Readonly<Record<string, unknown>> | undefined)?.[name];
  if (typeof found === "number") return found;
  const value = await measure();
  await writeText(store, file, { [name]: value });
  return value;
}

/**
 * LPIPS of two pictures of one size.
 * @param name of the picture, for messages
 * @throws {RangeError} if they are too small
 */
export async function perceptualDistance(lpips: Lpips, name: string, a: Raster, b: Raster): Promise<number> {
  const { width, height } = a;
  if (Math.min(width, height) < lpips.leastSide) {
    throw new RangeError(
      `Cannot compute LPIPS of "${name}": it has ${width} x ${height} pixels, at least ${lpips.leastSide} x ` +
        `${lpips.leastSide} are needed for the network ${lpips.network}; leave --lpips-weights out`,
    );
  }
  const [found] = await lpips.distances(grayToRgb(a).data, grayToRgb(b).data, [1, height, width, 3]);
  return found!.distance;
}

/**
 * Statistics of the features of pictures, read one after the other.
 * @param onPicture called with the number of pictures that are done; it may throw to stop
 * @throws {RangeError} if there are fewer than two pictures
 */
export async function featureStatistics(
  extractor: FeatureExtractor,
  pictures: readonly (() => Promise<Raster>)[],
  onPicture?: (done: number) => void | Promise<void>,
): Promise<GaussianStatistics> {
  const gathered = new FeatureStatistics(extractor.dimension, extractor.source);
  for (const [index, read] of pictures.entries()) {
    const { data, width, height } = grayToRgb(await read());
    gathered.add(await extractor.extract(data, [1, height, width, 3]));
    await onPicture?.(index + 1);
  }
  return gathered.result();
}
