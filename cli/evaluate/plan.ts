/** The plan of an evaluation: which units there are, which pairs of task and method cannot be, and what everything is called. */
import { ENGINE_VERSION, ReferenceRuntime, type Shape } from "../../engine/mod.ts";
import { FileSource, sha256Of, sha256OfFile } from "../../io/mod.ts";
import { type ConventionName } from "../../metrics/mod.ts";
import { defaultModelSource, type NoiseModel, planDescription } from "../../models/mod.ts";
import type { MeasurementNoise, OperatorValues } from "../../operators/mod.ts";
import { type Evaluations, seededNoise } from "../../samplers/mod.ts";
import type { Arguments } from "../arguments.ts";
import { numberOf, type OptionValues, UsageError } from "../../parameters/mod.ts";
import {
  chooseMethod,
  chooseNoise,
  chooseTask,
  describingOptions,
  fileOptions,
  leastCommonMultiple,
  maskFileOf,
  methodRefusal,
  operatorOptions,
  type Task,
  taskOperator,
  TASKS,
} from "../../restoration/mod.ts";
import type { Method } from "../../restoration/mod.ts";
import { openDescribed } from "../model_file.ts";
import { precisionOf } from "../runtime.ts";
import { filesWith } from "../task_files.ts";
import type { Configuration } from "./config.ts";
import { type Entry, within } from "./entries.ts";
import type { Expectations } from "./expectations.ts";
import { type ListedImage, listImages, prepareImage } from "./images.ts";
import { type Seeds, seedsOf } from "./seeds.ts";
import { hashOf } from "./store.ts";

/** Raised when the same units would give other results. */
const RESULT_VERSION = 1;

/** What is known of a model before it is opened. */
export interface ModelIdentity {
  readonly name: string;
  readonly sha256: string;
  /** Published checkpoints with the same tensors. */
  readonly known: readonly string[];
}

/** A task or method as plans and tables know it. */
export interface Label {
  readonly name: string;
  readonly label: string;
  readonly series: string;
}

/** A result to be had: indices into the lists of the plan. */
export interface PlannedUnit {
  /** Hash of all that decides the result. */
  readonly id: string;
  readonly task: number;
  readonly method: number;
  readonly image: number;
  readonly seed: number;
}

/** A pair of task and method that can be, and what a run of it costs. */
export interface PlannedPair {
  readonly task: number;
  readonly method: number;
  readonly evaluations: Evaluations;
}

/** The plan as data, the same for all shards. */
export interface Plan {
  readonly version: string;
  readonly title: string;
  readonly model: ModelIdentity;
  readonly precision: string;
  readonly size: number;
  readonly convention: ConventionName;
  /** Of the intervals of means. */
  readonly confidence: number;
  readonly images: readonly { readonly name: string; readonly sha256: string }[];
  readonly tasks: readonly Label[];
  readonly methods: readonly Label[];
  readonly seeds: Seeds;
  readonly pairs: readonly PlannedPair[];
  readonly notApplicable: readonly { readonly task: number; readonly method: number; readonly reason: string }[];
  readonly units: readonly PlannedUnit[];
  readonly expectations: Expectations;
}

/** What is needed to run a pair. */
export interface Pair {
  readonly task: Task;
  readonly taskOptions: OptionValues;
  readonly method: Method;
  readonly noise: MeasurementNoise;
  /** Standard deviation that the method reckons with. */
  readonly sigmaY: number;
  /** Whether the operator is drawn from the seed, as random masks are. */
  readonly isDrawn: boolean;
  /** What decides its results, besides picture and seed. */
  readonly key: Readonly<Record<string, unknown>>;
}

/** A plan with what is needed to carry it out. */
export interface Work {
  readonly plan: Plan;
  readonly images: readonly ListedImage[];
  /** The pair of a task and a method, by `pairName`. */
  readonly pairs: ReadonlyMap<string, Pair>;
  /** Whether predicted noise is measured. */
  readonly withNoise: boolean;
}

/** Name of a pair in `Work.pairs`. */
export function pairName(task: number, method: number): string {
  return `${task}/${method}`;
}

/**
 * Makes the plan.
 * @throws {UsageError} if something does not fit, with its place
 * @throws {FileError} if a picture or model cannot be read
 */
export async function makePlan(configuration: Configuration): Promise<Work> {
  const { args, tasks, methods, seeds, title, expectations } = configuration;
  const model = await identifyModel(args);
  const images = await listImages(configuration.images, args.number("limit"));
  const size = args.number("size") ?? model.imageSize;
  const convention = (args.text("convention") ?? "ddnm") as ConventionName;
  const withNoise = args.flag("noise-statistics");
  const common = {
    result: RESULT_VERSION,
    engine: ENGINE_VERSION,
    model: model.identity.sha256,
    precision: precisionOf(args),
    class: args.number("class") ?? null,
    size,
    convention,
    noiseStatistics: withNoise,
  };
  const pairs = new Map<string, Pair>();
  const planned: PlannedPair[] = [];
  const notApplicable: Plan["notApplicable"][number][] = [];
  for (const [taskIndex, taskEntry] of tasks.entries()) {
    const task = within(taskEntry.place, () => chooseTask(taskEntry.options, "", TASKS));
    const noise = within(taskEntry.place, () => chooseNoise(taskEntry.options, task));
    const taskKey = await describeTask(taskEntry, task, noise);
    const probe = await makeProbe(images[0]!, {
      task,
      taskOptions: taskEntry.options,
      size,
      seed: seedsOf(seeds, 0)[0]!,
    });
    for (const [methodIndex, entry] of methods.entries()) {
      const method = methodOf(entry, task);
      const sigmaY = numberOf(entry.options, "noise-level") ?? numberOf(taskEntry.options, "sigma-y") ?? 0;
      const place = { task: taskIndex, method: methodIndex };
      const reason = typeof method === "string" ? method : await refusal(probe, method, sigmaY, model.timesteps);
      if (typeof method === "string" || typeof probe === "string" || reason !== undefined) {
        notApplicable.push({ ...place, reason: reason ?? "" });
        continue;
      }
      const key = { ...common, ...taskKey, sigmaY, method: { name: method.name, options: method.options } };
      const { isDrawn } = probe;
      const taskOptions = taskEntry.options;
      pairs.set(pairName(taskIndex, methodIndex), { task, taskOptions, method, noise, sigmaY, isDrawn, key });
      planned.push({ ...place, evaluations: method.evaluations });
    }
  }
  const runs = seedsOf(seeds, 0).flatMap((_, pass) =>
    images.map(({ sha256 }, image) => ({ sha256, image, seed: seedsOf(seeds, image)[pass]! }))
  );
  const units = planned.flatMap(({ task, method }) =>
    runs.map(({ sha256, image, seed }) => ({
      id: hashOf({ ...pairs.get(pairName(task, method))!.key, image: sha256, seed }),
      task,
      method,
      image,
      seed,
    }))
  );
  const plan: Plan = {
    version: ENGINE_VERSION,
    title,
    model: model.identity,
    precision: precisionOf(args),
    size,
    convention,
    confidence: args.number("confidence") ?? 0.95,
    images: images.map(({ name, sha256 }) => ({ name, sha256 })),
    tasks: tasks.map(labelOf),
    methods: methods.map(labelOf),
    seeds,
    pairs: planned,
    notApplicable,
    units,
    expectations,
  };
  return { plan, images, pairs, withNoise };
}

function labelOf({ name, label, series }: Entry): Label {
  return { name, label, series };
}

/** All that decides a unit of a pair. */
export function unitKey(work: Work, { task, method, image, seed }: PlannedUnit): Readonly<Record<string, unknown>> {
  return { ...work.pairs.get(pairName(task, method))!.key, image: work.plan.images[image]!.sha256, seed };
}

/** The units of shard `index` (from 1) of `count`: every count-th. */
export function shardOf(
  units: readonly PlannedUnit[],
  { index, count }: { readonly index: number; readonly count: number },
): readonly PlannedUnit[] {
  return units.filter((_, k) => k % count === index - 1);
}

/** What the configuration says of a task, files by their content. */
async function describeTask(
  { options: given }: Entry,
  { name, operator }: Task,
  noise: MeasurementNoise,
): Promise<Readonly<Record<string, unknown>>> {
  const options: Record<string, unknown> = {};
  const files = fileOptions();
  for (const option of Object.keys(describingOptions())) {
    const value = given[option];
    if (value === undefined) continue;
    options[option] = files.includes(option) ? await sha256OfFile(String(value)) : value;
  }
  return { task: { name, operator, options }, noise };
}

/** The method of an entry for a task, or why there is none. */
function methodOf(entry: Entry, task: Task): Method | string {
  const unfit = methodRefusal(entry.options, task);
  if (unfit !== undefined) return unfit;
  if (!entry.lenient) return within(entry.place, () => chooseMethod(entry.options, task));
  // What `*` says is for the methods that take it.
  let kept: OptionValues = { method: entry.name };
  let method = chooseMethod(kept, task);
  for (const [option, value] of Object.entries(entry.options)) {
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

/** The network's size and process, and how it is told apart from others. */
interface KnownModel {
  readonly identity: ModelIdentity;
  readonly imageSize: number;
  readonly timesteps: Float64Array;
}

async function identifyModel(args: Arguments): Promise<KnownModel> {
  const path = args.text("model");
  const file = path === undefined ? undefined : await FileSource.open(path);
  try {
    const source = file ?? await defaultModelSource();
    const { description, known } = await openDescribed(source, args);
    const { plan, schedule } = planDescription(description, "noise");
    const name = source.name.split(/[\\/]/).at(-1) as string;
    const as = args.text("as");
    return {
      identity: {
        name,
        sha256: await sha256Of(source),
        known: as === undefined ? known.map(({ name }) => name) : [as],
      },
      imageSize: plan.config.imageSize,
      timesteps: schedule.alphaBar,
    };
  } finally {
    file?.close();
  }
}

/** An operator to ask methods about, or why it cannot be built. */
type Probe =
  | { readonly operator: ReturnType<typeof taskOperator>; readonly imageShape: Shape; readonly isDrawn: boolean }
  | string;

async function makeProbe(
  image: ListedImage,
  { task, taskOptions, size, seed }: {
    readonly task: Task;
    readonly taskOptions: OptionValues;
    readonly size: number;
    readonly seed: number;
  },
): Promise<Probe> {
  const { padded, mask } = await prepareImage(image.path, {
    multiple: multipleOf(task, 1),
    longest: size,
    mask: maskFileOf(task, taskOptions),
  });
  const imageShape = [padded.height, padded.width, 3];
  try {
    const files = await filesWith(task, taskOptions, mask);
    const optionsOf = (seed: number): OperatorValues =>
      operatorOptions(task, imageShape, taskOptions, { files, seed, isMeasured: false });
    const options = optionsOf(seed);
    const other = optionsOf(seed === 0 ? 1 : 0);
    const isDrawn = Object.keys(options).some((name) => options[name] !== other[name]);
    return { operator: taskOperator(task, imageShape, options), imageShape, isDrawn };
  } catch (error) {
    return reasonOf(error);
  }
}

/** Sides of pictures are multiples of it. */
export function multipleOf(task: Task, downsampling: number): number {
  return leastCommonMultiple(downsampling, task.multiple ?? task.scale);
}

/** Why a method refuses an operator; undefined if it does not. Samplers check everything before anything runs. */
async function refusal(
  probe: Probe,
  { run, timesteps }: Method,
  sigmaY: number,
  alphaBar: Float64Array,
): Promise<string | undefined> {
  if (typeof probe === "string") return probe;
  if (timesteps.least > alphaBar.length) {
    return `${timesteps.option} is ${timesteps.least}, the network was trained with ${alphaBar.length} timesteps`;
  }
  const { operator, imageShape } = probe;
  const cpu = new ReferenceRuntime();
  const model: NoiseModel = {
    imageShape,
    alphaBar,
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
