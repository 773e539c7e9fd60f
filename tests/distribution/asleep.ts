/** An evaluation of any number of units whose workers only sleep: everything is real but the restoration. */
import { createHash } from "node:crypto";
import {
  canonical,
  makePlan,
  pairName,
  type PlannedUnit,
  readStudy,
  shownFiles,
  type Store,
  UNIT_FILES,
  unitKey,
  type Work,
  writeText,
} from "../../evaluation/mod.ts";
import { makeOffer } from "../../distribution/offer.ts";
import type { ServeOptions } from "../../distribution/coordinator.ts";
import type { Bench } from "../../distribution/mod.ts";
import { encodePng } from "../../io/mod.ts";
import { toImage } from "../../raster/mod.ts";
import { pass, pictures, SUBJECT } from "./setting.ts";

const STUDY = readStudy({
  title: "Asleep",
  tasks: ["sr2", "colorize"],
  methods: ["pseudo-inverse", { method: "ddrm", steps: 3 }],
  seeds: [0],
});

/** A seed that no unit has, whose place in a key is known by it. */
const PLACE = "4294967295";

/** Units as `makePlan` would name them, without its memory: 12 for each seed. */
function unitsOf(work: Work, count: number): readonly PlannedUnit[] {
  const units: PlannedUnit[] = [];
  const perPair = Math.ceil(count / work.plan.pairs.length);
  for (const { task, method } of work.plan.pairs) {
    const keys = work.pictures.map((_, image) =>
      canonical(unitKey(work, { task, method, image, seed: Number(PLACE) })).split(PLACE)
    );
    for (let at = 0; at < perPair && units.length < count; at++) {
      const image = at % keys.length;
      const seed = Math.floor(at / keys.length);
      const id = createHash("sha256").update(keys[image]!.join(`${seed}`)).digest("hex");
      units.push({ id, task, method, image, seed });
    }
  }
  return units;
}

/** The evaluation as a coordinator serves it, with a store that keeps nothing, so that no disk is measured. */
export async function asleepOptions(
  count: number,
  changed: Partial<ServeOptions>,
): Promise<ServeOptions> {
  const planned = await makePlan(STUDY, SUBJECT, await pictures());
  const work = { ...planned, plan: { ...planned.plan, units: unitsOf(planned, count) } };
  return {
    work,
    ...await makeOffer(work, STUDY, () => Promise.reject(new Error("no file is expected"))),
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

/** A bench that sleeps, and gives records and pictures that a coordinator takes. */
export function asleepBench(milliseconds: number): Bench {
  const size = { width: 1, height: 1 };
  const picture = encodePng(toImage({ ...size, channels: 3, data: new Float32Array(3) }));
  return {
    adapter: "asleep",
    run: async (work, units, store) => {
      await pass(milliseconds);
      for (const unit of units) {
        const key = unitKey(work, unit);
        const { task: { isGray = false } } = work.pairs.get(pairName(unit))!;
        const shown = await shownFiles(key, { ...size, isGray });
        for (const name of Object.values(shown)) await store.write(UNIT_FILES.shown(name), picture);
        await store.write(UNIT_FILES.picture(unit.id), picture);
        const time = { seconds: 1, steadySeconds: 1, batch: 1 };
        const record = { id: unit.id, key, metrics: {}, nfe: 0, ...shown, ...size, time, device: "asleep" };
        await writeText(store, UNIT_FILES.record(unit.id), record);
      }
      return [];
    },
    close: () => {},
  };
}
