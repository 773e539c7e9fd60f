/** The rows of the tables from what lies in a folder, with the distances that networks see where weights are given. */
import { createHash } from "node:crypto";
import type { Runtime } from "../../engine/mod.ts";
import { frechetDistance } from "../../metrics/mod.ts";
import { type Arguments, UsageError } from "../arguments.ts";
import type { Interrupt } from "../interrupt.ts";
import { readPicture } from "../metrics/inputs.ts";
import { loadInception, loadLpips, perceptualDistance, statisticsOf } from "../metrics/networks.ts";
import type { Reporter } from "../progress.ts";
import type { EvaluationRecord, Store } from "./store.ts";
import { type Row, type Tables, tablesOf } from "./tables.ts";

/** The options of the distances. */
export const PERCEPTUAL_OPTIONS = {
  "lpips-weights": { kind: "text", value: "FILE", help: "Also LPIPS with this VGG16 or AlexNet; see metrics --help" },
  "lpips-linear": { kind: "text", value: "FILE", help: "Linear weights of LPIPS (default: in the same file)" },
  inception: { kind: "text", value: "FILE", help: "Also the Frechet distance (FID) with this Inception v3" },
} as const;

/** What the distances are computed with. */
export interface Measuring {
  readonly args: Arguments;
  /** Needed if weights are given. */
  readonly runtime: Runtime | undefined;
  readonly reporter: Reporter;
  readonly interrupt: Interrupt;
}

/**
 * Reads all units that are there and summarises them. LPIPS is computed once for each unit, and the Frechet distance of
 * each task and method from two pictures on, both from the pictures as they were written.
 * @throws {FileError | CheckpointError} if weights cannot be read or do not fit
 */
export async function gatherTables(store: Store, record: EvaluationRecord, measuring: Measuring): Promise<Tables> {
  const rows: Row[] = [];
  for (const { hash, case: own } of record.units) {
    const unit = await store.read(hash);
    if (unit) rows.push({ ...unit, hash, case: own });
  }
  const all = await withLpips(store, rows, measuring);
  return tablesOf(record, all, await frechetDistances(store, all, measuring));
}

async function withLpips(
  store: Store,
  rows: readonly Row[],
  { args, runtime, reporter, interrupt }: Measuring,
): Promise<readonly Row[]> {
  const path = args.text("lpips-weights");
  if (path === undefined && args.has("lpips-linear")) throw new UsageError("--lpips-linear needs --lpips-weights FILE");
  const lpips = runtime && await loadLpips(runtime, args);
  if (path === undefined || !lpips) return rows;
  const linear = await Deno.readFile(args.text("lpips-linear") ?? path);
  const weights = createHash("sha256").update(await Deno.readFile(path)).update(linear).digest("hex");
  const measured: Row[] = [];
  for (const [index, row] of rows.entries()) {
    let distance = await store.readLpips(row.hash, weights);
    if (distance === undefined) {
      const [restored, truth] = await Promise.all(
        [store.picturePath(row.hash), store.casePath(row.case, "truth")].map(readPicture),
      );
      distance = (await perceptualDistance(lpips, row.image, restored!.raster, truth!.raster)).distance;
      await store.writeLpips(row.hash, weights, distance);
    }
    measured.push({ ...row, lpips: distance });
    reporter.step("LPIPS", index + 1, rows.length);
    await interrupt.check();
  }
  reporter.done();
  return measured;
}

async function frechetDistances(
  store: Store,
  rows: readonly Row[],
  { args, runtime, reporter, interrupt }: Measuring,
): Promise<(task: string, method: string) => number | undefined> {
  const extractor = runtime && await loadInception(runtime, args);
  const distances = new Map<string, number>();
  if (!extractor) return () => undefined;
  const nameOf = (task: string, method: string): string => JSON.stringify([task, method]);
  const cells = Map.groupBy(rows, ({ task, method }) => nameOf(task, method));
  for (const [name, own] of cells) {
    if (own.length < 2) continue;
    const featuresOf = (pictures: readonly string[]): ReturnType<typeof statisticsOf> =>
      statisticsOf({ kind: "folder", path: store.folder, pictures }, {
        extractor,
        onPicture: async (done, total) => {
          reporter.step("features", done, total);
          await interrupt.check();
        },
      });
    const restored = await featuresOf(own.map(({ hash }) => store.picturePath(hash)));
    const truth = await featuresOf(own.map((row) => store.casePath(row.case, "truth")));
    distances.set(name, frechetDistance(restored, truth));
  }
  reporter.done();
  return (task, method) => distances.get(nameOf(task, method));
}
