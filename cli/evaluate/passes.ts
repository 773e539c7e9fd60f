/** What is measured of finished units by networks with weights of the user: LPIPS of each, FID of a cell. Both are kept. */
import type { Runtime } from "../../engine/mod.ts";
import { sha256OfFile } from "../../io/mod.ts";
import { grayToRgb } from "../../raster/mod.ts";
import { type FeatureExtractor, FeatureStatistics, frechetDistance } from "../../metrics/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { Interrupt } from "../interrupt.ts";
import { readPicture } from "../metrics/inputs.ts";
import { loadInception, loadLpips, perceptualDistance } from "../metrics/networks.ts";
import type { Reporter } from "../progress.ts";
import type { Passes } from "./cells.ts";
import { pairName, type Plan } from "./plan.ts";
import { hashOf, type Store, type UnitRecord } from "./store.ts";

/** What the passes work with. */
export interface PassMeans {
  readonly args: Arguments;
  readonly store: Store;
  readonly reporter: Reporter;
  readonly interrupt: Interrupt;
  /** Opens the device, at most once. */
  readonly runtime: () => Promise<Runtime>;
}

/**
 * Measures what is asked for and not kept yet. Pictures are compared as they are stored, with 8 bits.
 * @param records finished units
 */
export async function runPasses(
  plan: Plan,
  records: ReadonlyMap<string, UnitRecord>,
  means: PassMeans,
): Promise<Passes> {
  return { lpips: await measureLpips(records, means), fid: await measureFid(plan, records, means) };
}

async function measureLpips(
  records: ReadonlyMap<string, UnitRecord>,
  { args, store, reporter, interrupt, runtime }: PassMeans,
): Promise<ReadonlyMap<string, number>> {
  const weights = args.text("lpips-weights");
  const found = new Map<string, number>();
  if (weights === undefined) return found;
  const name = hashOf([
    await sha256OfFile(weights),
    await sha256OfFile(args.text("lpips-linear") ?? weights),
    args.text("lpips-network") ?? null,
  ]).slice(0, 16);
  let lpips: Awaited<ReturnType<typeof loadLpips>>;
  let done = 0;
  for (const [id, { truth }] of records) {
    const file = `units/${id}.lpips-${name}.json`;
    const kept = await store.readJson(file) as { readonly distance?: unknown } | undefined;
    let distance = kept?.distance;
    if (typeof distance !== "number") {
      lpips ??= await loadLpips(await runtime(), args);
      const [a, b] = [await readPicture(store.picturePath(id)), await readPicture(store.path(`pictures/${truth}`))];
      distance = (await perceptualDistance(lpips!, id, grayToRgb(a.raster), grayToRgb(b.raster))).distance;
      await interrupt.hold(() => store.writeJson(file, { distance }));
      await interrupt.check();
    }
    found.set(id, distance as number);
    reporter.step("LPIPS", ++done, records.size);
  }
  reporter.done();
  return found;
}

async function measureFid(
  plan: Plan,
  records: ReadonlyMap<string, UnitRecord>,
  { args, store, reporter, interrupt, runtime }: PassMeans,
): Promise<ReadonlyMap<string, number>> {
  const weights = args.text("inception");
  const found = new Map<string, number>();
  if (weights === undefined) return found;
  const network = [await sha256OfFile(weights), args.text("preparation") ?? null];
  const cells = Map.groupBy(plan.units, ({ task, method }) => pairName(task, method));
  let extractor: FeatureExtractor | undefined;
  let done = 0;
  for (const [name, units] of cells) {
    const finished = units.flatMap(({ id }) => records.get(id) ?? []);
    reporter.step("FID", ++done, cells.size);
    if (finished.length < 2) continue;
    const file = `units/fid-${hashOf([network, finished.map(({ id }) => id)])}.json`;
    const kept = await store.readJson(file) as { readonly fid?: unknown } | undefined;
    let fid = kept?.fid;
    if (typeof fid !== "number") {
      extractor ??= await loadInception(await runtime(), args);
      const sets = [
        finished.map(({ id }) => store.picturePath(id)),
        finished.map(({ truth }) => store.path(`pictures/${truth}`)),
      ];
      const statistics = [];
      for (const paths of sets) {
        const gathered = new FeatureStatistics(extractor!.dimension, extractor!.source);
        for (const path of paths) {
          const { data, width, height } = grayToRgb((await readPicture(path)).raster);
          gathered.add(await extractor!.extract(data, [1, height, width, 3]));
          await interrupt.check();
        }
        statistics.push(gathered.result());
      }
      fid = frechetDistance(statistics[0]!, statistics[1]!);
      await interrupt.hold(() => store.writeJson(file, { fid }));
    }
    found.set(name, fid as number);
  }
  reporter.done();
  return found;
}
