/** Joins the output folders of shards into one. */
import { FileError, writeAtomically } from "../../io/mod.ts";
import type { Interrupt } from "../interrupt.ts";
import type { Reporter } from "../progress.ts";
import type { Plan } from "./plan.ts";
import { canonical, Store } from "./store.ts";

/** A plan as it is kept, with how it was asked for. */
export interface KeptPlan {
  readonly plan: Plan;
  /** The command line of the evaluation, without what belongs to one shard. */
  readonly command: string;
  /** The configuration file as it was, if there was one. */
  readonly configuration: string | null;
}

/** The file of the plan. */
export const PLAN_FILE = "plan.json";

/**
 * The plan of an output folder.
 * @throws {FileError} if there is none
 */
export async function readPlan(folder: string): Promise<KeptPlan> {
  const kept = await Store.reading(folder).readJson(PLAN_FILE) as KeptPlan | undefined;
  if (kept?.plan?.units) return kept;
  throw new FileError(`Cannot read "${folder}": it has no ${PLAN_FILE}; give the --out folder of an evaluation`);
}

/**
 * Copies the units of parts, with their pictures and side files, to a folder.
 * @returns the plan, which all parts share
 * @throws {FileError} if a folder is none of an evaluation, or of another one
 */
export async function mergeParts(
  parts: readonly string[],
  store: Store,
  { reporter, interrupt }: { readonly reporter: Reporter; readonly interrupt: Interrupt },
): Promise<KeptPlan> {
  const plans = await Promise.all(parts.map(readPlan));
  const [first] = plans as [KeptPlan, ...KeptPlan[]];
  const known = canonical(first.plan);
  const other = plans.findIndex(({ plan }) => canonical(plan) !== known);
  if (other >= 0) {
    throw new FileError(
      `Cannot merge "${parts[0]}" and "${
        parts[other]
      }": they are of different plans; give the shards of one evaluation`,
    );
  }
  for (const [index, part] of parts.entries()) {
    for (const folder of ["pictures", "units"]) {
      const names: string[] = [];
      for await (const { name, isFile } of Deno.readDir(`${part}/${folder}`)) {
        if (isFile && !name.startsWith(".")) names.push(name);
      }
      // Pictures come before the JSON files that count: ".png" sorts after ".json", so by this order.
      names.sort((a, b) => Number(a.endsWith(".json")) - Number(b.endsWith(".json")) || (a < b ? -1 : 1));
      for (const name of names) {
        const path = `${folder}/${name}`;
        if (await store.has(path)) continue;
        const bytes = await Deno.readFile(`${part}/${path}`);
        await interrupt.hold(() => writeAtomically(store.path(path), bytes));
        await interrupt.check();
      }
    }
    reporter.step("merge", index + 1, parts.length);
  }
  reporter.done();
  await store.writeJson(PLAN_FILE, first);
  return first;
}
