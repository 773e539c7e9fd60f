/** Joins the results of shards. */
import { type KeptPlan, PLAN_FILE, readKeptPlan, writePlan } from "./kept_plan.ts";
import type { Units } from "./plan.ts";
import type { Watch } from "./run_units.ts";
import { canonical, hashOf, type Store } from "./store.ts";
import { namesOf } from "./text_file.ts";

/** Files that are copied at once. */
const AT_ONCE = 32;

/** Units whose texts are hashed together. */
const HASHED = 10_000;

/**
 * Copies the units of parts, with their pictures and side files, to a store.
 * @param parts the parts with what messages call them, at least one
 * @returns the plan, which all parts share
 * @throws {RangeError} if a part has no plan, or another one
 */
export async function mergeParts(
  parts: ReadonlyMap<string, Store>,
  into: Store,
  watch?: Watch,
): Promise<KeptPlan> {
  const plans: (readonly [name: string, kept: KeptPlan, hash: string])[] = [];
  for (const [name, store] of parts) {
    const kept = await readPlan(store, name);
    plans.push([name, kept, await planHash(kept)]);
  }
  const [first, kept, known] = plans[0]!;
  const other = plans.find(([, , hash]) => hash !== known);
  if (other) {
    throw new RangeError(
      `Cannot merge "${first}" and "${other[0]}": they are of different plans; give the shards of one evaluation`,
    );
  }
  let done = 0;
  for (const part of parts.values()) {
    for (const folder of ["pictures", "units"] as const) {
      // The JSON files that count come after the pictures.
      for (const isCounted of [false, true]) {
        let copies: Promise<void>[] = [];
        const finish = async (): Promise<void> => {
          await Promise.all(copies);
          copies = [];
          await watch?.("merge", done, parts.size);
        };
        for await (const name of namesOf(part, folder)) {
          if (name.endsWith(".json") !== isCounted) continue;
          copies.push(copy(part, into, `${folder}/${name}`));
          if (copies.length === AT_ONCE) await finish();
        }
        await finish();
      }
    }
    await watch?.("merge", ++done, parts.size);
  }
  await writePlan(into, kept);
  return (await readKeptPlan(into))!;
}

/** Copies a file that is not there yet. */
async function copy(from: Store, into: Store, name: string): Promise<void> {
  if (!(await into.has(name))) await into.write(name, (await from.read(name))!);
}

/** What tells a plan from others. */
async function planHash({ plan }: KeptPlan): Promise<string> {
  let hash = await hashOf({ ...plan, units: [] });
  for await (const block of blocksOf(plan.units)) hash = await hashOf([hash, block]);
  return hash;
}

async function* blocksOf(units: Units): AsyncGenerator<string, void> {
  let block: string[] = [];
  for await (const unit of units) {
    block.push(canonical(unit));
    if (block.length < HASHED) continue;
    yield block.join("");
    block = [];
  }
  yield block.join("");
}

async function readPlan(store: Store, name: string): Promise<KeptPlan> {
  const kept = await readKeptPlan(store);
  if (kept?.plan?.units) return kept;
  throw new RangeError(`Cannot read "${name}": it has no ${PLAN_FILE}; give the --out folder of an evaluation`);
}
