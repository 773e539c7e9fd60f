/** What the trajectories of posterior samplers share: problem, recorded noise, and the names of the states. */
import type { DeviceTensor, Runtime, Shape } from "../engine/mod.ts";
import type { LinearOperator } from "../operators/mod.ts";
import { givenNoise, type NoiseSource, type Problem, type Progress } from "../samplers/mod.ts";
import { loadNetwork } from "./network.ts";
import { type OperatorDescription, type PublishedOperator, publishedOperator } from "./published_operator.ts";
import type { ReferenceFile, Settings, StoredTensor } from "./reference_file.ts";
import type { Values } from "./row.ts";
import {
  imageShapeOf,
  modelOf,
  type StateRequest,
  type TrajectoryMethod,
  Uploads,
  valuesOf,
  zeros,
} from "./trajectory_method.ts";

/** What a method makes its run from. */
export interface RecordedRun {
  readonly runtime: Runtime;
  readonly file: ReferenceFile;
  readonly config: Settings;
  readonly problem: Problem;
  /** The draws of the file: `xT` (or `init`), `0`, `1`, ...; those that it lacks are zero. */
  readonly noise: NoiseSource;
  /** Tensors that are freed at the end of the run. */
  readonly uploads: Uploads;
  /** Names of the states that the file holds. */
  readonly wanted: ReadonlySet<string>;
  /** Where the method may put values of its own. */
  readonly states: Map<string, Values>;
}

/** A posterior sampler as the files tell of it. */
export interface PosteriorMethod {
  readonly pattern: RegExp;
  /** Lists in the metadata, each with the engine's. */
  lists(config: Settings): Readonly<Record<string, readonly number[]>>;
  /** Standard deviation of the noise in y, in units of [-1, 1]. */
  sigmaY(config: Settings): number;
  /** Number of draws after that of the start. */
  draws(config: Settings): number;
  /** A number of the measurement in the range [-1, 1], for programs that keep it in another one. */
  inRange?(value: number, operator: string): number;
  /** A recorded draw [N, C, H, W] as one of the image; by default it is one, channels first. */
  drawOf?(file: ReferenceFile, name: string): Promise<StoredTensor>;
  /** The operator to use instead of the engine's own. */
  operatorOf?(file: ReferenceFile, operator: LinearOperator): Promise<LinearOperator>;
  /** The operator that the file itself brings, if it brings one. */
  operatorFor?(file: ReferenceFile, description: OperatorDescription): Promise<PublishedOperator | undefined>;
  /** Starts the sampler; it may put further states. */
  restore(run: RecordedRun): Promise<AsyncGenerator<Progress, DeviceTensor>>;
  /** The value of `final` for one of the last state; by default (x + 1)/2. */
  readonly final?: (value: number) => number;
}

/** The rule for files of a posterior sampler. */
export function posteriorTrajectory(method: PosteriorMethod): TrajectoryMethod {
  return {
    pattern: method.pattern,
    // What the first call of the network is given is the noise that the file gives.
    inputs: /^x_in\.0$/,
    result: /^(x_t\.\d+|x_in\.[1-9]\d*|final)$/,
    lists: method.lists,
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
  const imageShape = imageShapeOf(file, ["gt", "x_t.0", "x_in.0", "final"]);
  const measured = await file.read("y");
  const prefixes = [`${name}.`, "svd.", ""];
  const description = { name, imageShape, measurementShape: measured.shape, settings: config, prefixes };
  const published = await method.operatorFor?.(file, description) ?? await publishedOperator(file, description);
  using uploads = new Uploads(runtime);
  const operator = await method.operatorOf?.(file, published.operator) ?? published.operator;
  const loaded = published.load(measured);
  const inRange = method.inRange ?? ((value: number) => value);
  const y = uploads.add({ ...loaded, data: loaded.data.map((value) => inRange(value, name)) });
  const noise = await recordedNoise(uploads, file, method, [y.shape[0]!, ...imageShape]);
  using network = await loadNetwork(runtime, file, precision);
  const problem = { model: modelOf(network.network, imageShape), operator, y, sigmaY: method.sigmaY(config) };
  const states = new Map<string, Values>();
  const run = await method.restore({ runtime, file, config, problem, noise, uploads, wanted, states });
  await keepStates(run, { wanted, states, final: method.final ?? ((value) => (value + 1) / 2) });
  return states;
}

async function recordedNoise(
  uploads: Uploads,
  file: ReferenceFile,
  method: PosteriorMethod,
  shape: Shape,
): Promise<NoiseSource> {
  const read = method.drawOf ?? ((file, name) => file.readChannelsLast(name));
  const tensors = new Map<string, DeviceTensor>();
  const silent = uploads.add(zeros(shape));
  for (let k = 0; k < method.draws(file.metadata.settings("config")); k++) {
    const isThere = file.names(new RegExp(`^noise\\.([A-Z]\\.)?${k}$`)).length > 0;
    tensors.set(String(k), isThere ? uploads.add(await read(file, `noise.${k}`)) : silent);
  }
  const start = ["noise.xT", "noise.init"].find((name) => file.has(name));
  if (start) tensors.set("xT", uploads.add(await read(file, start)));
  return givenNoise(tensors);
}

/** Reads `x_t.k`, `x0.k`, `<part>.k` and `final`, and with time travel `x_in.n`, the input of network call n. */
async function keepStates(
  run: AsyncIterable<Progress>,
  { wanted, states, final }: {
    readonly wanted: ReadonlySet<string>;
    readonly states: Map<string, Values>;
    final(value: number): number;
  },
): Promise<void> {
  const isTravelling = [...wanted].some((quantity) => quantity.startsWith("x_in."));
  let calls = 0;
  let before: Values | undefined;
  for await (const { name, x0, xt, nfe, step, steps, parts = {} } of run) {
    if (before && nfe > calls) states.set(`x_in.${calls}`, before);
    calls = nfe;
    for (const [kind, tensor] of Object.entries({ x_t: xt, x0, ...parts })) {
      if (wanted.has(`${kind}.${name}`)) states.set(`${kind}.${name}`, await valuesOf(tensor));
    }
    if (isTravelling || step === steps) {
      const { data, shape } = before = await valuesOf(xt);
      if (step === steps) states.set("final", { data: data.map(final), shape });
    }
  }
}
