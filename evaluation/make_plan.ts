/** Making the plan of an evaluation: every method is asked about the operator of every task before anything runs. */
import { ENGINE_VERSION, ReferenceRuntime, type Shape } from "../engine/mod.ts";
import type { ConventionName } from "../metrics/mod.ts";
import { countsPublished, type DiffusionProcess, levelsOf, type NoiseModel } from "../models/mod.ts";
import { leastCommonMultiple, type Operator, type OperatorValues } from "../operators/mod.ts";
import { numberOf, type OptionValues, UsageError } from "../parameters/mod.ts";
import {
  checkConditioning,
  chooseMethod,
  chooseNoise,
  chooseTask,
  describingOptions,
  fileOptions,
  imageChannels,
  type Method,
  methodRefusal,
  type NamedModel,
  operatorOptions,
  type Task,
  taskOperator,
  windowOf,
  type WindowSetting,
} from "../restoration/mod.ts";
import { seededNoise } from "../samplers/mod.ts";
import { type PairNoise, sigmaMost } from "./drawn_noise.ts";
import { type Entry, within } from "./entries.ts";
import { NO_FILES, type Prepared, prepareTruth, type StudyPicture, type TaskFiles } from "./pictures.ts";
import { type Label, type ModelIdentity, pairName, type Plan, type PlannedPair, type PlannedUnit } from "./plan.ts";
import { seedsOf } from "./seeds.ts";
import type { Study } from "./study.ts";
import { PlanUnits } from "./units.ts";

/** Raised when the same units would give other results. */
const RESULT_VERSION = 1;

/** What is known of the network before it is opened. */
export interface Subject {
  /** Which network it is. */
  readonly identity: ModelIdentity;
  /** How weights are kept, such as "f32". */
  readonly precision: string;
  /** Class of the pictures, for class-conditional networks. */
  readonly label: number | undefined;
  /** Side of the training pictures. */
  readonly imageSize: number;
  /** What the network was trained with. */
  readonly process: DiffusionProcess;
}

/** What is needed to run a pair. */
export interface Pair extends PairNoise {
  /** What is wrong with the pictures. */
  readonly task: Task;
  /** Options of the task by their names on a command line. */
  readonly taskOptions: OptionValues;
  /** What restores them, with its parameters. */
  readonly method: Method;
  /** Whether the operator is drawn from the seed, as random masks are. */
  readonly isDrawn: boolean;
  /** What decides its results, besides picture and seed. */
  readonly key: Readonly<Record<string, unknown>>;
}

/** A plan with what is needed to carry it out. */
export interface Work {
  /** All units, and what they are of. */
  readonly plan: Plan;
  /** The good pictures, in the order of the plan. */
  readonly pictures: readonly StudyPicture[];
  /** Reads the files that options of tasks name. */
  readonly files: TaskFiles;
  /** The pair of a task and a method, by `pairName`. */
  readonly pairs: ReadonlyMap<string, Pair>;
  /** Class of the pictures. */
  readonly label: number | undefined;
  /** In what windows the network sees the pictures; undefined if whole. */
  readonly window: WindowSetting | undefined;
  /** Whether predicted noise is measured. */
  readonly withNoise: boolean;
}

/**
 * Makes the plan.
 * @param all the good pictures, at least one; `limit` of the study is applied to them
 * @param files reads what options name
 * @throws {UsageError} if something does not fit, with its place; {RangeError} if there is no picture
 */
export async function makePlan(
  { tasks, methods, seeds, title, expectations, options }: Study,
  { identity, precision, label, imageSize, process }: Subject,
  all: readonly StudyPicture[],
  files: TaskFiles = NO_FILES,
): Promise<Work> {
  const pictures = all.slice(0, numberOf(options, "limit"));
  if (pictures.length === 0) throw new RangeError("Cannot evaluate: there is no picture, at least one is needed");
  const size = numberOf(options, "size") ?? imageSize;
  const convention = (options["convention"] ?? "ddnm") as ConventionName;
  const withNoise = options["noise-statistics"] === true;
  const window = windowOf(options);
  const common = {
    result: RESULT_VERSION,
    engine: ENGINE_VERSION,
    model: identity.sha256,
    precision,
    class: label ?? null,
    size,
    convention,
    // 2: with the effective noise.
    noiseStatistics: withNoise ? 2 : false,
    // Only where they are given: what was evaluated before there were any keeps its hash.
    ...(window ? { window } : {}),
    ...(process.predictionType === "epsilon" && countsPublished(process) ? {} : { process: keyOf(process) }),
  };
  const pairs = new Map<string, Pair>();
  const planned: PlannedPair[] = [];
  const notApplicable: Plan["notApplicable"][number][] = [];
  for (const [taskIndex, { place, label: taskLabel, options: taskOptions }] of tasks.entries()) {
    const task = within(place, () => chooseTask(taskOptions, ""));
    const noise = within(place, () => chooseNoise(taskOptions, task));
    const most = within(place, () => sigmaMost(taskOptions));
    const noiseKey = most === undefined ? noise : { kind: "gaussian", sigma: [0, most] };
    const taskKey = { task: await describeTask(task, taskOptions, files), noise: noiseKey };
    const sizes = { multiple: multipleOf(task, 1), longest: size };
    const prepared = await prepareTruth(pictures[0]!, { task, options: taskOptions, ...sizes, files });
    const probe = await makeProbe(prepared, { task, taskOptions, files, seed: seedsOf(seeds, 0)[0]! });
    for (const [methodIndex, { byTask = {}, ...general }] of methods.entries()) {
      const entry = { ...general, options: { ...general.options, ...byTask[taskLabel] } };
      const method = methodOf(entry, task);
      const level = numberOf(entry.options, "noise-level");
      const sigmaY = level ?? (most === undefined ? numberOf(taskOptions, "sigma-y") ?? 0 : undefined);
      const place = { task: taskIndex, method: methodIndex };
      const reason = typeof method === "string" ? method : await refusal(probe, method, sigmaY ?? most ?? 0, process);
      if (typeof method === "string" || typeof probe === "string" || reason !== undefined) {
        notApplicable.push({ ...place, reason: reason ?? "" });
        continue;
      }
      const key = {
        ...common,
        ...taskKey,
        sigmaY: sigmaY ?? "drawn",
        method: { name: method.name, options: method.options },
      };
      const pair = { task, taskOptions, method, noise, sigmaMost: most, sigmaY, isDrawn: probe.isDrawn, key };
      pairs.set(pairName(place), pair);
      planned.push({ ...place, evaluations: method.evaluations });
    }
  }
  const plan: Plan = {
    version: ENGINE_VERSION,
    title,
    model: identity,
    precision,
    size,
    convention,
    confidence: numberOf(options, "confidence") ?? 0.95,
    images: pictures.map(({ name, sha256 }) => ({ name, sha256 })),
    tasks: tasks.map(labelOf),
    methods: methods.map(labelOf),
    seeds,
    ...(options["best-of-seeds"] === true ? { bestOfSeeds: true } : {}),
    pairs: planned,
    notApplicable,
    units: [],
    expectations,
  };
  const work = { plan, pictures, files, pairs, label, window, withNoise };
  return { ...work, plan: { ...plan, units: unitsOf(work) } };
}

/** All units of a plan: every picture and seed of every pair. */
export function unitsOf({ plan, pairs, pictures }: Pick<Work, "plan" | "pairs" | "pictures">): PlanUnits {
  const keyed = plan.pairs.map(({ task, method }) => ({
    task,
    method,
    key: pairs.get(pairName({ task, method }))!.key,
  }));
  return new PlanUnits(keyed, pictures, plan.seeds);
}

function labelOf({ name, label, series }: Entry): Label {
  return { name, label, series };
}

/** All that decides a unit of a pair. */
export function unitKey(
  { pairs, pictures }: Pick<Work, "pairs" | "pictures">,
  unit: Omit<PlannedUnit, "id">,
): Readonly<Record<string, unknown>> {
  return { ...pairs.get(pairName(unit))!.key, image: pictures[unit.image]!.sha256, seed: unit.seed };
}

/**
 * Makes sure that an open network fits the class and the tasks of a plan.
 * @throws {UsageError} if it does not
 */
export function checkNetwork({ pairs, label }: Work, network: NamedModel): void {
  if (imageChannels(network) === 1) {
    throw new UsageError(
      `"${network.name}" is a gray network (1 channel), evaluations are of colours: a --model of 3 channels is needed`,
    );
  }
  for (const { task } of pairs.values()) checkConditioning(network, task, label);
}

/** Sides of pictures are multiples of it. */
export function multipleOf(task: Task, downsampling: number): number {
  return leastCommonMultiple(downsampling, task.multiple ?? task.scale);
}

/** What the study says of a task, files by their content. */
async function describeTask(
  { name, operator }: Task,
  given: OptionValues,
  files: TaskFiles,
): Promise<Readonly<Record<string, unknown>>> {
  const named = fileOptions();
  const options: Record<string, unknown> = {};
  for (const option of Object.keys(describingOptions())) {
    const value = given[option];
    if (value === undefined) continue;
    options[option] = named.includes(option) ? await files.sha256(String(value)) : value;
  }
  return { name, operator, options };
}

/** The method of an entry for a task, or why there is none. */
function methodOf({ name, options, place, lenient }: Entry, task: Task): Method | string {
  const unfit = methodRefusal(options, task);
  if (unfit !== undefined) return unfit;
  if (!lenient) return within(place, () => chooseMethod(options, task));
  try {
    return chooseMethod(options, task);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
  // What `*` says is for the methods that take it.
  let kept: OptionValues = { method: name };
  let method = chooseMethod(kept, task);
  for (const [option, value] of Object.entries(options)) {
    try {
      const tried = { ...kept, [option]: value };
      method = chooseMethod(tried, task);
      kept = tried;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
  }
  return method;
}

/** An operator to ask methods about, or why it cannot be built. */
type Probe = { readonly operator: Operator; readonly imageShape: Shape; readonly isDrawn: boolean } | string;

async function makeProbe(
  { padded, known }: Prepared,
  { task, taskOptions, files, seed }: {
    readonly task: Task;
    readonly taskOptions: OptionValues;
    readonly files: TaskFiles;
    readonly seed: number;
  },
): Promise<Probe> {
  const imageShape = [padded.height, padded.width, 3];
  try {
    const read = { ...await files.values(task, taskOptions), ...known };
    const optionsOf = (seed: number): OperatorValues =>
      operatorOptions(task, imageShape, taskOptions, { files: read, seed, isMeasured: false });
    const options = optionsOf(seed);
    const other = optionsOf(seed === 0 ? 1 : 0);
    const isDrawn = Object.keys(options).some((name) => options[name] !== other[name]);
    return { operator: taskOperator(task, imageShape, options), imageShape, isDrawn };
  } catch (error) {
    return reasonOf(error);
  }
}

/** What of a process decides results. */
function keyOf({ predictionType, range, schedule }: DiffusionProcess): object {
  return { predictionType, range, alphaBar: schedule ? Array.from(schedule.alphaBar) : null };
}

/** Why a method refuses an operator; undefined if it does not. Samplers check everything before anything runs. */
async function refusal(
  probe: Probe,
  { run, timesteps, levels }: Method,
  sigmaY: number,
  process: DiffusionProcess,
): Promise<string | undefined> {
  if (typeof probe === "string") return probe;
  const alphaBar = levelsOf(process, levels === "own" ? "published" : levels);
  if (timesteps.least > alphaBar.length) {
    return `${timesteps.option} is ${timesteps.least}, there are ${alphaBar.length} timesteps`;
  }
  const { operator, imageShape } = probe;
  const cpu = new ReferenceRuntime();
  const model: NoiseModel = {
    imageShape,
    alphaBar,
    process,
    withLevels: () => model,
    predictEps(): never {
      throw new Error("Cannot predict noise: this network is there to be asked for its shape alone");
    },
  };
  const shape = [1, ...operator.measurementShape];
  const y = cpu.upload(new Float32Array(shape.reduce((product, extent) => product * extent, 1)), shape);
  try {
    const steps = run(cpu, { model, operator, y, sigmaY }, seededNoise([0]));
    await steps.return(undefined as never);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  } finally {
    cpu.destroy();
  }
}

/**
 * The message of a refusal.
 * @throws what is no refusal
 */
function reasonOf(error: unknown): string {
  if (error instanceof RangeError || error instanceof TypeError) return error.message;
  throw error;
}
