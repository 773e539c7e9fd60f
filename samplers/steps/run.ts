/** What the runs of samplers share: the loop over their steps, and the images and states that they start from. */
import type { DeviceTensor, Runtime, Shape, Tensors } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import type { NoiseModel } from "../../models/mod.ts";
import { estimate } from "../../operators/mod.ts";
import { type Level, respace } from "../coefficients.ts";
import type { Draw, NoiseSource } from "../noise_source.ts";
import type { GeneralProblem, Problem, Progress } from "../sampler.ts";
import { noisyStage, type Step } from "./step.ts";
import { spaceTimesteps } from "../timesteps.ts";

/** A named state of a trajectory; its tensors are valid until the next step. */
export interface State {
  /** What it is called, in traces too. */
  readonly name: string;
  /** The predicted image [N, H, W, C]. */
  readonly x0: DeviceTensor;
  /** The state [N, H, W, C]. */
  readonly xt: DeviceTensor;
  /** Network evaluations that it took; default 1. */
  readonly evaluations?: number;
  /** Further tensors of the step, by name. */
  readonly parts?: Readonly<Record<string, DeviceTensor>>;
}

/** The draw that makes the state a run starts from. */
export const START: Draw = { name: "xT", ordinal: 0 };

/**
 * Names step k of a run: the draw "k" with ordinal k + 1, behind the draw of the start.
 * @param k counts from 0
 */
export function drawOf(k: number): Draw {
  return { name: String(k), ordinal: k + 1 };
}

/**
 * The model over the levels of its training, where it has a list of them: what plain sampling goes over, which is
 * published for each network's own list.
 */
export function overTraining(model: NoiseModel): NoiseModel {
  const alphaBar = model.process?.schedule?.alphaBar;
  return alphaBar && alphaBar !== model.alphaBar && model.withLevels ? model.withLevels(alphaBar) : model;
}

/** Levels at timesteps spread evenly over the training's, noisiest first. */
export function evenLevels({ alphaBar }: Pick<NoiseModel, "alphaBar">, steps: number): readonly Level[] {
  return respace(alphaBar, spaceTimesteps(alphaBar.length, String(steps))).toReversed();
}

/**
 * Numbers the states of a run one after the other and adds up its network evaluations.
 * @param steps number of states in all
 */
export function counter(steps: number): (state: State) => Progress {
  let [step, nfe] = [0, 0];
  return ({ evaluations = 1, ...state }) => {
    step++;
    nfe += evaluations;
    return { ...state, step, steps, nfe };
  };
}

/** Where a run goes. */
export interface Trajectory<P> {
  /** Its state at the beginning, freed at the end. */
  readonly start: DeviceTensor;
  /** Where its steps are taken, such as levels. */
  readonly places: readonly P[];
  /** What is released at the end. */
  readonly stages: readonly { release(): void }[];
  /** Counts the states, where this is a part of a run. */
  readonly count?: (state: State) => Progress;
}

/**
 * Takes one step after the other.
 * @param move makes the state behind place k from the one before it
 * @returns the last state; the caller frees it
 */
export async function* trajectory<P>(
  { start, places, stages, count = counter(places.length) }: Trajectory<P>,
  move: (xt: DeviceTensor, place: P, k: number) => Promise<State>,
): AsyncGenerator<Progress, DeviceTensor> {
  try {
    let xt = start;
    for (const [k, place] of places.entries()) {
      const state = await move(xt, place, k);
      xt = state.xt;
      yield count(state);
    }
    return xt.keep();
  } finally {
    for (const stage of stages) stage.release();
    start.free();
  }
}

/** The move of samplers that take nothing but a step at every place, with its own draw. */
export function moveBy<P>(
  step: Step<P, "x0" | "xt">,
): (xt: DeviceTensor, place: P, k: number) => Promise<State> {
  return async (xt, place, k) => ({ name: drawOf(k).name, ...await step(xt, place, drawOf(k)) });
}

/** [N, H, W, C] of the states of a problem. */
export function stateShape({ model, y }: GeneralProblem): Shape {
  return [y.shape[0] as number, ...model.imageShape];
}

/**
 * The image A^+ y of a problem, or what stands for it where the operator is not linear.
 * @returns [N, H, W, C]; the caller frees it
 */
export async function pseudoInverseOf(runtime: Runtime, { operator, y }: Problem): Promise<DeviceTensor> {
  const stage = runtime.stage("pseudo-inverse", (inputs: Tensors<"y">) => ({
    image: estimate(operator, inputs.y),
  }));
  const image = (await stage({ y }, {})).image.keep();
  stage.release();
  return image;
}

/**
 * A state of pure noise.
 * @param deviation its standard deviation
 * @returns [N, H, W, C]; the caller frees it
 */
export async function pureNoise(
  runtime: Runtime,
  problem: GeneralProblem,
  noise: NoiseSource,
  deviation = 1,
): Promise<DeviceTensor> {
  const shape = stateShape(problem);
  // A sum and not the noise itself: an input of a stage cannot be its output.
  const stage = noisyStage(runtime, "start", noise, (_inputs, _c, normal) => ({
    xt: weightedSum([[deviation, normal(shape)]]),
  }));
  const xt = (await stage(START, {}, {})).xt.keep();
  stage.release();
  return xt;
}

/** Weights of an image or state, and of noise. */
export type NoiseWeights = Readonly<Record<"keep" | "fresh", number>>;

/** The weights of sqrt(alphaBar) x + sqrt(1 - alphaBar) z. */
export function weightsAt(alphaBar: number): NoiseWeights {
  return { keep: Math.sqrt(alphaBar), fresh: Math.sqrt(1 - alphaBar) };
}

/** A prepared noising. */
export interface Noising {
  /** keep x + fresh z of x [N, H, W, C]; the state is valid until it runs again. */
  (x: DeviceTensor, weights: NoiseWeights, draw: Draw): Promise<DeviceTensor>;
  release(): void;
}

/**
 * Prepares keep x + fresh z.
 * @param name of the stage, for profiles
 */
export function noising(runtime: Runtime, name: string, noise: NoiseSource): Noising {
  const stage = noisyStage<"x", "keep" | "fresh", "xt">(
    runtime,
    name,
    noise,
    ({ x }, c, normal) => ({ xt: weightedSum([[c.keep, x], [c.fresh, normal(x.shape)]]) }),
  );
  const run = async (x: DeviceTensor, weights: NoiseWeights, draw: Draw): Promise<DeviceTensor> =>
    (await stage(draw, { x }, weights)).xt;
  return Object.assign(run, { release: stage.release });
}

/**
 * The state sqrt(alphaBar) x + sqrt(1 - alphaBar) z of an image.
 * @returns [N, H, W, C]; the caller frees it
 */
export async function noised(
  runtime: Runtime,
  image: DeviceTensor,
  { alphaBar, noise, draw }: { readonly alphaBar: number; readonly noise: NoiseSource; readonly draw: Draw },
): Promise<DeviceTensor> {
  const put = noising(runtime, "start", noise);
  const xt = (await put(image, weightsAt(alphaBar), draw)).keep();
  put.release();
  return xt;
}

/**
 * The state of A^+ y at a noise level.
 * @returns [N, H, W, C]; the caller frees it
 */
export async function noisedEstimate(
  runtime: Runtime,
  problem: Problem,
  at: { readonly alphaBar: number; readonly noise: NoiseSource },
): Promise<DeviceTensor> {
  const estimate = await pseudoInverseOf(runtime, problem);
  try {
    return await noised(runtime, estimate, { ...at, draw: START });
  } finally {
    estimate.free();
  }
}
