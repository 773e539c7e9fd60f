/** What is measured of finished units by networks with weights of the user: LPIPS of each, FID of a cell. Both are kept. */
import {
  type FeatureExtractor,
  FeatureStatistics,
  frechetDistance,
  type GaussianStatistics,
  type Lpips,
} from "../metrics/mod.ts";
import { grayToRgb, type Raster } from "../raster/mod.ts";
import type { Passes } from "./cells.ts";
import { pairName, type Plan } from "./plan.ts";
import type { Watch } from "./run_units.ts";
import { standingUnits } from "./statistics.ts";
import { hashOf, metricsOf, readJson, type Store, UNIT_FILES, type UnitRecord, writeText } from "./store.ts";

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

/**
 * Measures what is asked for and not kept yet. Pictures are compared as they are stored, with 8 bits.
 * @param records finished units
 */
export async function runPasses(
  plan: Plan,
  records: ReadonlyMap<string, UnitRecord>,
  store: Store,
  { lpips, inception }: Measures,
  watch?: Watch,
): Promise<Passes> {
  const found = { lpips: new Map<string, number>(), fid: new Map<string, number>() };
  if (lpips) {
    const name = (await hashOf(await lpips.key())).slice(0, 16);
    let network: Promise<Lpips> | undefined;
    for (const [id, { truth }] of records) {
      const distance = await kept(store, `units/${id}.lpips-${name}.json`, "distance", async () => {
        const [a, b] = [
          await store.readPicture(UNIT_FILES.picture(id)),
          await store.readPicture(UNIT_FILES.shown(truth)),
        ];
        return await perceptualDistance(await (network ??= lpips.load()), id, a, b);
      });
      found.lpips.set(id, distance);
      await watch?.("LPIPS", found.lpips.size, records.size);
    }
  }
  if (!inception) return found;
  const key = await inception.key();
  const cells = Map.groupBy(plan.units, pairName);
  let network: Promise<FeatureExtractor> | undefined;
  let done = 0;
  for (const [name, units] of cells) {
    const made = units.flatMap(({ id, image }) => {
      const record = records.get(id);
      return record ? [{ image, record }] : [];
    });
    const finished = standingUnits(made, ({ record }) => metricsOf(record).psnr ?? -Infinity, plan)
      .map(({ record }) => record);
    const tell = (): void | Promise<void> => watch?.("FID", done, cells.size);
    done++;
    await tell();
    if (finished.length < 2) continue;
    const fid = await kept(
      store,
      `units/fid-${await hashOf([key, finished.map(({ id }) => id)])}.json`,
      "fid",
      async () => {
        const extractor = await (network ??= inception.load());
        const statistics = (names: readonly string[]): Promise<GaussianStatistics> =>
          featureStatistics(extractor, names.map((name) => () => store.readPicture(name)), tell);
        return frechetDistance(
          await statistics(finished.map(({ id }) => UNIT_FILES.picture(id))),
          await statistics(finished.map(({ truth }) => UNIT_FILES.shown(truth))),
        );
      },
    );
    found.fid.set(name, fid);
  }
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
