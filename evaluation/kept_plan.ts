/** The file of a plan: written and read unit by unit, as all of them may be more than a text can hold. */
import type { Plan, PlannedUnit, Units } from "./plan.ts";
import type { Store } from "./store.ts";
import { linesOf, TextFile } from "./text_file.ts";

/** A plan as it is kept, with how it was asked for. */
export interface KeptPlan {
  /** The plan. */
  readonly plan: Plan;
  /** The command line or program of the evaluation, without what belongs to one shard. */
  readonly command: string;
  /** The file of the study as it was, if there was one. */
  readonly configuration: string | null;
}

/** The file of the plan. */
export const PLAN_FILE = "plan.json";

/** The list of units in that file. A text within it has no line break, so no other line is like it. */
const UNITS = '    "units": [';

/** What stands before the lines of a unit. */
const INDENT = "      ";

/** Keeps a plan beside its units, so that shards can be joined. */
export async function writePlan(store: Store, kept: KeptPlan): Promise<void> {
  const text = `${JSON.stringify({ ...kept, plan: { ...kept.plan, units: [] } }, null, 2)}\n`;
  const [before, after] = text.split(`\n${UNITS}]`) as [string, string];
  await using file = await TextFile.create(store, PLAN_FILE);
  await file.write(`${before}\n${UNITS}`);
  let isFirst = true;
  for await (const unit of kept.plan.units) {
    await file.write(
      `${isFirst ? "" : ","}\n${INDENT}${JSON.stringify(unit, null, 2).replaceAll("\n", `\n${INDENT}`)}`,
    );
    isFirst = false;
  }
  await file.write(`${isFirst ? "" : "\n    "}]${after}`);
  await file.commit();
}

/**
 * The plan of a store; its units are read again by everyone who goes through them.
 * @returns undefined if there is none
 */
export async function readKeptPlan(store: Store): Promise<KeptPlan | undefined> {
  const lines = await linesOf(store, PLAN_FILE);
  if (!lines) return undefined;
  let rest = "";
  let length = 0;
  for await (const part of partsOf(lines)) {
    if (typeof part === "string") rest += `${part}\n`;
    else length++;
  }
  try {
    const kept = JSON.parse(rest) as KeptPlan;
    // Without lines of their own they are among the rest.
    if (length === 0) return kept;
    const units: Units = { length, [Symbol.asyncIterator]: () => unitsOf(store) };
    return { ...kept, plan: { ...kept.plan, units } };
  } catch {
    return undefined;
  }
}

async function* unitsOf(store: Store): AsyncGenerator<PlannedUnit, void> {
  const lines = await linesOf(store, PLAN_FILE);
  if (!lines) throw new RangeError(`Cannot go on: ${PLAN_FILE} was removed meanwhile; start again`);
  for await (const part of partsOf(lines)) if (typeof part !== "string") yield part;
}

/** The units of the file of a plan, and its other lines, among them that of an empty list in their place. */
async function* partsOf(lines: AsyncIterable<string>): AsyncGenerator<PlannedUnit | string, void> {
  let unit: string | undefined;
  for await (const line of lines) {
    if (unit === undefined) {
      if (line === UNITS) unit = "";
      else yield line;
    } else if (line.startsWith(INDENT)) {
      unit += line;
      if (!line.startsWith(`${INDENT}}`)) continue;
      yield JSON.parse(unit.replace(/,$/, ""));
      unit = "";
    } else {
      yield UNITS + line.trim();
      unit = undefined;
    }
  }
}
