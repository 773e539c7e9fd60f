/** Evaluation as one call: a study with a network and pictures gives tables, and keeps what it has made. */
import type { Runtime } from "../engine/mod.ts";
import type { OpenedModel } from "../models/mod.ts";
import { gather, type Results } from "./cells.ts";
import { frontierFiles } from "./frontier.ts";
import { checkNetwork, makePlan, type Subject } from "./make_plan.ts";
import { type Measures, runPasses } from "./passes.ts";
import type { StudyPicture, TaskFiles } from "./pictures.ts";
import { type KeptPlan, type Plan, PLAN_FILE } from "./plan.ts";
import { makeReport } from "./report/report.ts";
import { type Failure, type Means, runUnits, type Watch } from "./run_units.ts";
import { readUnits, type Store, writeText } from "./store.ts";
import type { Study } from "./study.ts";
import { tableFiles } from "./tables.ts";

/** What an evaluation works with. */
export interface EvaluateOptions
  extends Pick<Means, "store" | "batch" | "watch">, Pick<Subject, "identity">, Partial<Pick<Subject, "label">> {
  /** The good pictures, at least one. */
  readonly pictures: readonly StudyPicture[];
  /** How weights are kept (default "f32"). */
  readonly precision?: string;
  /** Reads the files that options of tasks name. */
  readonly files?: TaskFiles;
  /** What is measured of the stored pictures besides. */
  readonly measures?: Measures;
}

/** What came of an evaluation. */
export interface Evaluation {
  /** All results, those that were there already included. */
  readonly results: Results;
  /** How many units were made; the others were there already. */
  readonly restored: number;
  /** Units that could not be made. */
  readonly failures: readonly Failure[];
}

/**
 * Restores every picture for every task by every method with every seed, and measures the results. What the store has is
 * not made again, so an evaluation that was stopped goes on where it was.
 * @param runtime where the network is
 * @param study as `readStudy` gives it
 * @throws {UsageError} if something in the study does not fit, with its place
 * @throws what `watch` throws
 */
export async function evaluate(
  runtime: Runtime,
  model: OpenedModel,
  study: Study,
  { store, pictures, identity, precision = "f32", label, files, batch, watch, measures }: EvaluateOptions,
): Promise<Evaluation> {
  const { config: { imageSize }, process } = model;
  const work = await makePlan(study, { identity, precision, label, imageSize, process }, pictures, files);
  checkNetwork(work, { name: identity.name, model });
  const { plan } = work;
  const records = await readUnits(store, plan.units.map(({ id }) => id));
  const pending = plan.units.filter(({ id }) => !records.has(id));
  const failures = await runUnits(work, pending, { runtime, model, store, batch, watch });
  const results = await readResults(plan, store, measures, watch);
  return { results, restored: pending.length - failures.length, failures };
}

/** The results of a plan as far as a store has them, with what is measured of the stored pictures. */
export async function readResults(plan: Plan, store: Store, measures: Measures = {}, watch?: Watch): Promise<Results> {
  const records = await readUnits(store, plan.units.map(({ id }) => id));
  return gather(plan, records, await runPasses(plan, records, store, measures, watch));
}

/**
 * Writes the tables and the report.
 * @param kept the plan, with how it was asked for
 * @param pictures how many are shown in the report for each task (default 4)
 * @returns names of the files
 */
export async function writeResults(
  store: Store,
  results: Results,
  kept: Omit<KeptPlan, "plan">,
  pictures = 4,
): Promise<readonly string[]> {
  const files = {
    ...tableFiles(results),
    ...frontierFiles(results),
    "report.html": await makeReport(store, results, { ...kept, pictures }),
  };
  for (const [name, text] of Object.entries(files)) await writeText(store, name, text);
  return Object.keys(files);
}

/** Keeps a plan beside its units, so that shards can be joined. */
export async function writePlan(store: Store, kept: KeptPlan): Promise<void> {
  await writeText(store, PLAN_FILE, kept);
}
