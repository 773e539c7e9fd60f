/** Evaluation as one call: a study with a network and pictures gives tables, and keeps what it has made. */
import type { Runtime } from "../engine/mod.ts";
import type { OpenedModel } from "../models/mod.ts";
import { Gathering, type Results } from "./cells.ts";
import { frontierFiles } from "./frontier.ts";
import type { KeptPlan } from "./kept_plan.ts";
import { checkNetwork, makePlan, type Subject } from "./make_plan.ts";
import { type Measures, runPasses } from "./passes.ts";
import type { StudyPicture, TaskFiles } from "./pictures.ts";
import { type Amount, costsOf, type Plan, type PlannedUnit, type Units } from "./plan.ts";
import { middleSpeed, secondsPerNfe, type Speed } from "./prediction.ts";
import { makeReport } from "./report/report.ts";
import { type Failure, type Means, runUnits, type Watch } from "./run_units.ts";
import { lookFor, type Store, writeText } from "./store.ts";
import type { Study } from "./study.ts";
import { writeTables } from "./tables.ts";
import { TextFile } from "./text_file.ts";

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
  const { pending } = await readPending(plan, plan.units, store);
  const failures = await runUnits(work, pending, { runtime, model, store, batch, watch });
  const results = await readResults(plan, store, measures, watch);
  return { results, restored: pending.length - failures.length, failures };
}

/** What a store says of units. */
export interface Pending {
  /** All of the units. */
  readonly amount: Amount;
  /** Those that are not finished. */
  readonly pending: readonly PlannedUnit[];
  /** The speed of those that are; undefined if none of them asked the network. */
  readonly speed: Speed | undefined;
}

/** Looks which units are to be done. */
export async function readPending(plan: Plan, units: Units, store: Store): Promise<Pending> {
  const costOf = costsOf(plan);
  const pending: PlannedUnit[] = [];
  const speeds: number[] = [];
  let evaluations = 0;
  for await (const [unit, record] of lookFor(store, units)) {
    evaluations += costOf(unit);
    if (!record) pending.push(unit);
    else if (record.nfe > 1) speeds.push(secondsPerNfe(record));
  }
  return { amount: { units: units.length, evaluations }, pending, speed: middleSpeed(speeds) };
}

/** The results of a plan as far as a store has them, with what is measured of the stored pictures. */
export async function readResults(plan: Plan, store: Store, measures: Measures = {}, watch?: Watch): Promise<Results> {
  const { units, fid } = await runPasses(plan, store, measures, watch);
  const gathering = new Gathering(plan);
  for await (const found of units) gathering.add(found);
  return gathering.results(units, fid);
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
  const report = await makeReport(store, results, { ...kept, pictures });
  const tables = await writeTables(results, (name) => TextFile.create(store, name));
  const files = { ...frontierFiles(results), "report.html": report };
  for (const [name, text] of Object.entries(files)) await writeText(store, name, text);
  return [...tables, ...Object.keys(files)];
}
