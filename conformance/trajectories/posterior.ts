/** What the trajectories of posterior samplers share: problem, recorded noise, and the names of the states. */
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import type { DiffusionProcess } from "../../models/mod.ts";
import type { LinearOperator } from "../../operators/mod.ts";
import type { NoiseSource, Problem, Progress } from "../../samplers/mod.ts";
import { loadNetwork } from "../network.ts";
import { type OperatorDescription, type PublishedOperator, publishedOperator } from "../published_operator.ts";
import type { ReferenceFile, Settings } from "../reference_file.ts";
import type { Values } from "../row.ts";
import {
  imageShapeOf,
  type Lists,
  modelOf,
  numberedDraws,
  type RecordedDraw,
  recordedNoise,
  type StateRequest,
  type TrajectoryMethod,
  Uploads,
  valuesOf,
} from "./method.ts";

/** What a method makes its run from. */
export interface RecordedRun {
  readonly runtime: Runtime;
  readonly file: ReferenceFile;
  readonly config: Settings;
  readonly problem: Problem;
  /** The draws of the file. */
  readonly noise: NoiseSource;
  /** Tensors that are freed at the end of the run. */
  readonly uploads: Uploads;
  /** Names of the states that the file holds. */
  readonly wanted: ReadonlySet<string>;
  /** Where the method may put values of its own. */
  readonly states: Map<string, Values>;
}

/** The steps of a sampler, and its result. */
export type Steps = AsyncGenerator<Progress, DeviceTensor>;

/** A posterior sampler as the files tell of it. */
export interface PosteriorMethod {
  readonly pattern: RegExp;
  /** Names of tensors that are inputs, beside those that all files have. */
  readonly inputs?: RegExp;
  /** The timesteps of a run without time travel, ascending; none for methods that make their own noise levels. */
  timesteps(config: Settings): readonly number[];
  /** What the network was trained with; by default the published list of timesteps. */
  process?(config: Settings): DiffusionProcess;
  /** Lists in the metadata; by default the timesteps as the network sees them. */
  lists?(config: Settings): Lists;
  /** Lists in the metadata that a run alone tells. */
  readonly listsOfRun?: readonly string[];
  /** How far the engine's may be from a quantity, where that is not usual. */
  limit?(quantity: string): number | undefined;
  /** Standard deviation of the noise in y, in units of [-1, 1]. */
  sigmaY(config: Settings): number;
  /** Draws of a run; by default the numbered ones, one for each timestep. */
  draws?(file: ReferenceFile, config: Settings): readonly RecordedDraw[];
  /** A value of the measurement in the range [-1, 1], for programs that keep it in another one. */
  inRange?(value: number, operator: string): number;
  /** The operator to use instead of the engine's own. */
  operatorOf?(file: ReferenceFile, operator: LinearOperator): Promise<LinearOperator>;
  /** The operator that the file itself brings, if it brings one. */
  operatorFor?(file: ReferenceFile, description: OperatorDescription): Promise<PublishedOperator | undefined>;
  /** Starts the sampler, or several whose states have a prefix each; it may put further states. */
  restore(run: RecordedRun): Steps | Promise<Steps> | Promise<ReadonlyMap<string, Steps>>;
  /** Whether `final` is the last state; by default it is (x + 1) / 2. */
  readonly isFinalState?: true;
}

/** The run, each of whose steps is shown before it goes on. */
export async function* showing(steps: Steps, show: (step: Progress) => void | Promise<void>): Steps {
  for (;;) {
    const next = await steps.next();
    if (next.done) return next.value;
    await show(next.value);
    yield next.value;
  }
}

/** The rule for files of a posterior sampler. */
export function posteriorTrajectory(method: PosteriorMethod): TrajectoryMethod {
  const { pattern, timesteps, limit, listsOfRun } = method;
  return {
    pattern,
    ...(limit ? { limit } : {}),
    ...(listsOfRun ? { listsOfRun } : {}),
    // What the first call of the network is given is the noise that the file gives.
    inputs: method.inputs ? new RegExp(`^x_in\\.0$|${method.inputs.source}`) : /^x_in\.0$/,
    result: /^(x_t\.\d+|x_in\.[1-9]\d*|(\w+\.)?final)$/,
    lists: method.lists ?? ((config) => ({ timesteps_seen_by_network: timesteps(config).toReversed() })),
    run: (runtime, file, request) => replay(runtime, file, request, method),
  };
}

async function replay(
  runtime: Runtime,
  file: ReferenceFile,
  { wanted, precision }: StateRequest,
  method: PosteriorMethod,
): Promise<ReadonlyMap<string, Values>> {
  const { metadata } = file;
  const config = metadata.settings("config");
  const name = metadata.text("operator");
  const images = ["gt", "x_init", "x_t.0", "x_t.inv.0", "x_in.0", "final", "ssd.final", "ssd_plus.final"];
  const imageShape = imageShapeOf(file, images);
  const measured = await file.read(file.has("lq") ? "lq" : "y");
  const prefixes = [`${name}.`, "svd.", ""];
  const description = { name, imageShape, measurementShape: measured.shape, settings: config, prefixes };
  const published = await method.operatorFor?.(file, description) ?? await publishedOperator(file, description);
  using uploads = new Uploads(runtime);
  const operator = await method.operatorOf?.(file, published.operator) ?? published.operator;
  const loaded = published.load(measured);
  const inRange = method.inRange ?? ((value: number) => value);
  const y = uploads.add({ ...loaded, data: loaded.data.map((value) => inRange(value, name)) });
  const draws = method.draws?.(file, config) ?? numberedDraws(file, method.timesteps(config).length);
  const noise = await recordedNoise(uploads, [y.shape[0]!, ...imageShape], draws);
  using network = await loadNetwork(runtime, file, precision);
  const problem = {
    model: modelOf(network.network, imageShape, method.process?.(config)),
    operator,
    y,
    sigmaY: method.sigmaY(config),
  };
  const states = new Map<string, Values>();
  const runs = await method.restore({ runtime, file, config, problem, noise, uploads, wanted, states });
  const final = method.isFinalState ? (value: number) => value : (value: number) => (value + 1) / 2;
  for (const [prefix, steps] of runs instanceof Map ? runs : [["", runs as Steps] as const]) {
    await keepStates(steps, prefix, { wanted, states, final });
  }
  return states;
}

/**
 * Reads the states that the file holds, under their names with or without the prefix of the run: `x_t.k`, `x0.k`,
 * `<part>.k` and `final`, and with time travel `x_in.n`, the input of network call n.
 */
async function keepStates(
  run: AsyncIterable<Progress>,
  prefix: string,
  { wanted, states, final }: {
    readonly wanted: ReadonlySet<string>;
    readonly states: Map<string, Values>;
    final(value: number): number;
  },
): Promise<void> {
  const isTravelling = [...wanted].some((quantity) => quantity.startsWith("x_in."));
  const namesOf = (quantity: string): readonly string[] =>
    [quantity, `${prefix}.${quantity}`].filter((name) => wanted.has(name) && !states.has(name));
  let calls = 0;
  let before: Values | undefined;
  for await (const { name, x0, xt, nfe, step, steps, parts = {} } of run) {
    if (before && nfe > calls) states.set(`x_in.${calls}`, before);
    calls = nfe;
    for (const [kind, tensor] of Object.entries({ x_t: xt, x0, ...parts })) {
      for (const quantity of namesOf(`${kind}.${name}`)) states.set(quantity, await valuesOf(tensor));
    }
    if (!isTravelling && step < steps) continue;
    const { data, shape } = before = await valuesOf(xt);
    for (const quantity of step < steps ? [] : namesOf("final")) states.set(quantity, { data: data.map(final), shape });
  }
}
