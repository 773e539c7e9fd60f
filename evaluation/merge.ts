/** Joins the results of shards. */
import { type KeptPlan, PLAN_FILE } from "./plan.ts";
import type { Watch } from "./run_units.ts";
import { canonical, readJson, type Store, writeText } from "./store.ts";

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
  const plans = await Promise.all(
    Array.from(parts, async ([name, store]) => [name, await readPlan(store, name)] as const),
  );
  const [first, kept] = plans[0]!;
  const known = canonical(kept.plan);
  const other = plans.find(([, { plan }]) => canonical(plan) !== known);
  if (other) {
    throw new RangeError(
      `Cannot merge "${first}" and "${other[0]}": they are of different plans; give the shards of one evaluation`,
    );
  }
  let done = 0;
  for (const part of parts.values()) {
    for (const folder of ["pictures", "units"] as const) {
      // The JSON files that count come after the pictures.
      const names = [...await part.list(folder)].sort((a, b) =>
        Number(a.endsWith(".json")) - Number(b.endsWith(".json")) || (a < b ? -1 : 1)
      );
      for (const name of names.map((name) => `${folder}/${name}`)) {
        if (await into.has(name)) continue;
        await into.write(name, (await part.read(name))!);
        await watch?.("merge", done, parts.size);
      }
    }
    await watch?.("merge", ++done, parts.size);
  }
  await writeText(into, PLAN_FILE, kept);
  return kept;
}

async function readPlan(store: Store, name: string): Promise<KeptPlan> {
  const kept = await readJson(store, PLAN_FILE) as KeptPlan | undefined;
  if (kept?.plan?.units) return kept;
  throw new RangeError(`Cannot read "${name}": it has no ${PLAN_FILE}; give the --out folder of an evaluation`);
}
