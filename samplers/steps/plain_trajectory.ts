/** The trajectory of plain samplers: from noise down to an image by one evaluation of the network for each step. */
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import { add, mul, weightedSum } from "../../kernels/mod.ts";
import type { NoiseSource } from "../noise_source.ts";
import type { PlainProblem } from "../plain_sampler.ts";
import type { Progress } from "../sampler.ts";
import { nextState } from "./ancestral_step.ts";
import { classGradient } from "./class_guidance.ts";
import type { PlainCoefficients } from "./plain_coefficients.ts";
import { trajectory } from "./run.ts";
import { networkStep, noisyStage, type Place } from "./step.ts";

/** Name of the draw that plain sampling begins with. */
export const START_DRAW = "start";

/** Weights of the gradient of the class, and the slope of the variance that multiplies the second of them. */
export type ClassWeights = Readonly<Record<"x0FromClass" | "xtFromClass" | "slope", number>>;

/** The weights without a class. */
export const UNGUIDED: ClassWeights = { x0FromClass: 0, xtFromClass: 0, slope: 0 };

/** One step of a run. */
export interface PlainPlace extends Place {
  /** Name of the step and of its draw. */
  readonly name: string;
  /** What it makes. */
  readonly scalars: PlainCoefficients & ClassWeights;
}

/** How a run goes. */
export interface PlainRun {
  /** Where its steps are taken, noisiest first. */
  readonly places: readonly PlainPlace[];
  /** Whether predicted images are clamped to [-1, 1]. */
  readonly clipDenoised: boolean;
  /** Whether the deviation of the noise is what the network has learned. */
  readonly isLearned: boolean;
  /** The deviation of the state that a run starts from; default 1. */
  readonly startDeviation?: number;
  readonly noise: NoiseSource;
}

/**
 * The state that plain sampling begins with: the one that is given, or noise, which is the draw `START_DRAW`.
 * @param options.deviation standard deviation of the noise
 * @returns [N, H, W, C]; the caller frees it
 */
export async function plainStart(
  runtime: Runtime,
  { model, count = 1, start }: PlainProblem,
  { deviation, noise }: { readonly deviation: number; readonly noise: NoiseSource },
): Promise<DeviceTensor> {
  if (start) return start.keep();
  const shape = [count, ...model.imageShape];
  // The sum of one term makes a state of its own where the noise is given.
  const stage = noisyStage(runtime, "start", noise, (_inputs, _c, normal) => ({
    xt: weightedSum([[deviation, normal(shape)]]),
  }));
  const xt = (await stage({ name: START_DRAW, ordinal: 0 }, {}, {})).xt.keep();
  stage.release();
  return xt;
}

/**
 * Takes the steps one after the other; the draw of the start has the ordinal 0, those of the steps follow. Every step is
 * x0 = clamp(x0(x_t, eps)); x_t <- xtFromX0 x0 + xtFromXt x_t + xtFromNoise exp(slope v) z. With guidance x0FromClass g is
 * added to x0, and xtFromClass exp(2 slope v) g to the state, with the gradient g of the class.
 */
export async function* sampled(
  runtime: Runtime,
  problem: PlainProblem,
  { places, isLearned, clipDenoised, startDeviation = 1, noise }: PlainRun,
): AsyncGenerator<Progress, DeviceTensor> {
  const { model, guidance } = problem;
  const step = networkStep(runtime, model, {
    name: "sampling step",
    noise,
    clipDenoised,
    learnsVariance: isLearned,
    scalars: (at: PlainPlace) => at.scalars,
    update: ({ x0: predicted, xt, z, deviation }, c) => {
      if (!guidance) return { x0: predicted, xt: nextState({ x0: predicted, xt, z }, c) };
      const toClass = classGradient(guidance, xt, c.timestep);
      const x0 = add(predicted, weightedSum([[c.x0FromClass, toClass]]));
      const pull = deviation ? mul(toClass, mul(deviation, deviation)) : toClass;
      return { x0, xt: add(nextState({ x0, xt, z }, c), weightedSum([[c.xtFromClass, pull]])) };
    },
  });
  const start = await plainStart(runtime, problem, { deviation: startDeviation, noise });
  const run = { start, places, stages: [step] };
  return yield* trajectory(run, async (xt, at, i) => {
    return { name: at.name, ...await step(xt, at, { name: at.name, ordinal: i + 1 }) };
  });
}
