/** An evaluation of any number of units whose workers only sleep: everything is real but the restoration. */
import {
  makePlan,
  pairName,
  readStudy,
  shownFiles,
  type Store,
  type Study,
  UNIT_FILES,
  unitKey,
  type UnitRecord,
  type Work,
  writeText,
} from "../../evaluation/mod.ts";
import { makeOffer } from "../../distribution/offer.ts";
import type { ServeOptions } from "../../distribution/coordinator.ts";
import type { Bench } from "../../distribution/mod.ts";
import { encodePng } from "../../io/mod.ts";
import { toImage } from "../../raster/mod.ts";
import { pass, pictures, SUBJECT } from "./setting.ts";

/** Two tasks, two methods and three pictures: 12 units for each seed. */
const UNITS_OF_SEED = 12;

/** A study of so many units, to the next multiple of twelve. */
function studyOf(count: number): Study {
  return readStudy({
    title: "Asleep",
    tasks: ["sr2", "colorize"],
    methods: ["pseudo-inverse", { method: "ddrm", steps: 3 }],
    seeds: Array.from({ length: Math.ceil(count / UNITS_OF_SEED) }, (_, seed) => seed),
  });
}

/** The plan of so many units. */
export async function asleepPlan(count: number): Promise<Work> {
  return await makePlan(studyOf(count), SUBJECT, await pictures());
}

/** The evaluation as a coordinator serves it, with a store that keeps nothing, so that no disk is measured. */
export async function asleepOptions(
  count: number,
  changed: Partial<ServeOptions>,
): Promise<ServeOptions> {
  const study = studyOf(count);
  const work = await makePlan(study, SUBJECT, await pictures());
  return {
    work,
    ...await makeOffer(work, study, () => Promise.reject(new Error("no file is expected"))),
    store: NOTHING,
    chunk: 8,
    lease: 60,
    replace: false,
    check: () => Promise.resolve(),
    watch: () => {},
    note: () => {},
    ...changed,
  };
}

const NOTHING: Store = {
  read: () => Promise.resolve(undefined),
  write: () => Promise.resolve(),
  has: () => Promise.resolve(false),
  list: () => Promise.resolve([]),
  readPicture: () => Promise.reject(new Error("nothing is kept")),
  writePicture: () => Promise.resolve(),
};

const SIZE = { width: 1, height: 1 };

const PICTURE = encodePng(toImage({ ...SIZE, channels: 3, data: new Float32Array(3) }));

/** The picture of all units. */
export function asleepPicture(): Uint8Array {
  return PICTURE;
}

/** Keeps a record and pictures that a coordinator takes. */
export async function keepAsleep(
  work: Work,
  unit: Parameters<typeof unitKey>[1] & { readonly id: string },
  store: Store,
): Promise<void> {
  const key = unitKey(work, unit);
  const { task: { isGray = false } } = work.pairs.get(pairName(unit))!;
  const shown = await shownFiles(key, { ...SIZE, isGray });
  for (const name of Object.values(shown)) await store.write(UNIT_FILES.shown(name), PICTURE);
  await store.write(UNIT_FILES.picture(unit.id), PICTURE);
  const record: UnitRecord = {
    id: unit.id,
    key,
    metrics: { psnr: 20 + Math.sin(unit.seed), ssim: 0.5 + Math.cos(unit.seed) / 4 },
    nfe: 0,
    ...shown,
    ...SIZE,
    time: { seconds: 1, steadySeconds: 1, batch: 1 },
    device: "asleep",
  };
  await writeText(store, UNIT_FILES.record(unit.id), record);
}

/** A bench that sleeps. */
export function asleepBench(milliseconds: number): Bench {
  return {
    adapter: "asleep",
    run: async (work, units, store) => {
      await pass(milliseconds);
      for (const unit of units) await keepAsleep(work, unit, store);
      return [];
    },
    close: () => {},
  };
}
