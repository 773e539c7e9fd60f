/** A study with units of every kind whose records are made up, so that tables have known bytes without a restoration. */
import { ENGINE_VERSION } from "../../engine/mod.ts";
import {
  makePlan,
  readStudy,
  shownFiles,
  type StepNoise,
  type Store,
  type Subject,
  UNIT_FILES,
  unitKey,
  type UnitRecord,
  type Work,
  writeText,
} from "../../evaluation/mod.ts";
import { randomIntegers } from "../support/random.ts";
import { pictures, SUBJECT } from "./setting.ts";

/** A network whose published figures stand beside. */
const KNOWN: Subject = { ...SUBJECT, identity: { ...SUBJECT.identity, known: ["tenth-8"] } };

/** A label that tables have to quote. */
const NOISY = 'noisy, "by" label';

const plans = new Map<boolean, Promise<Work>>();

/**
 * The plan of the study, made once: three tasks, methods of which two are the same, and pictures of which one stands there
 * twice.
 * @param best whether a picture counts with the best of its seeds
 */
export function largePlan(best: boolean): Promise<Work> {
  const made = plans.get(best) ?? makeLargePlan(best);
  plans.set(best, made);
  return made;
}

async function makeLargePlan(best: boolean): Promise<Work> {
  const study = readStudy({
    title: "Made up",
    tasks: ["sr2", { task: "denoise", label: NOISY, "sigma-y-most": 0.2 }, "ct"],
    methods: ["pseudo-inverse", { method: "ddrm", steps: 3 }, { method: "ddrm", label: "again", steps: 3 }, {
      method: "ddnm",
      steps: [2, 4],
    }],
    seeds: "3-5",
    "best-of-seeds": best,
    trends: [
      { statement: "methods", metric: "psnr", task: "sr2", rising: ["pseudo-inverse", "again"] },
      { statement: "tasks", metric: "ssim", method: "again", rising: ["sr2", NOISY] },
    ],
    paper: {
      source: "A paper",
      checkpoints: ["tenth-8"],
      rows: [{ task: "sr2", method: "again", psnr: 20, ssim: 0.5 }],
    },
  });
  const [first, ...others] = await pictures();
  return await makePlan(study, KNOWN, [first!, ...others, { ...first!, name: "once more" }]);
}

/**
 * Keeps made up records, with the same for each picture: values that are exact, infinite, absent or common.
 * @param leftOut one in so many units is missing
 */
export async function keepMadeUp(work: Work, store: Store, picture: Uint8Array, leftOut: number): Promise<void> {
  const below = randomIntegers(1);
  const part = (): number => (below(2 ** 30) + 0.5) / 2 ** 30;
  for await (const unit of work.plan.units) {
    const key = unitKey(work, unit);
    const shown = await shownFiles(key, { width: 1, height: 1, isGray: false });
    const [isMissing, isEqual, isSmall] = [below(leftOut) === 0, below(9) === 0, below(7) === 0];
    const statistics = { mean: part(), variance: part(), divergence: part() };
    const noise: StepNoise[] = [900, 400].map((timestep) => ({ timestep, ...statistics, effective: statistics }));
    const record: UnitRecord = {
      id: unit.id,
      key,
      metrics: {
        psnr: isEqual ? "infinite" : 20 + 10 * part(),
        ...(isSmall ? {} : { ssim: part() }),
        consistency: part() / 10,
        faithfulness: part(),
        ...(unit.method === 4 ? { divergence: statistics.divergence, effective: part() } : {}),
      },
      ...(unit.method === 4 ? { noise } : {}),
      nfe: unit.method + below(2),
      ...(unit.method === 0
        ? {}
        : { counts: { nfe: 3, vjp: below(3), forward: 1, adjoint: 0, pseudoInverse: 2, spectral: 7 } }),
      ...shown,
      width: 1,
      height: 1,
      time: { seconds: part(), steadySeconds: part(), batch: 1 + below(3) },
      ...(unit.method === 3 ? { peakDeviceBytes: below(2 ** 20) } : {}),
      device: `adapter ${below(2)}`,
    };
    if (isMissing) continue;
    for (const name of Object.values(shown)) await store.write(UNIT_FILES.shown(name), picture);
    await store.write(UNIT_FILES.picture(unit.id), picture);
    await writeText(store, UNIT_FILES.record(unit.id), record);
  }
}

/**
 * The first 16 digits of the SHA-256 of the files of a store that hold no unit, by their names. Hashes of units, which change
 * with the version of the engine, count as equal, and so do versions.
 */
export async function hashesOf(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, bytes] of files) {
    if (/^(units|pictures)\//.test(name)) continue;
    const text = new TextDecoder().decode(bytes).replaceAll(ENGINE_VERSION, "VERSION");
    const equal = new TextEncoder().encode(text.replaceAll(/\b[0-9a-f]{64}\b|"[0-9a-f]{20}"/g, "HASH"));
    found[name] = new Uint8Array(await crypto.subtle.digest("SHA-256", equal)).toHex().slice(0, 16);
  }
  return found;
}
