/** The trajectory that DDNM and DDNM+ share: steps down with the network, and jumps back up that renoise what it saw. */
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import type { Parameter, ValuesOf } from "../../parameters/mod.ts";
import { type Level, respace } from "../coefficients.ts";
import { freshNoise, steps, travelLength, travelRepeat } from "../common_parameters.ts";
import type { Evaluations } from "../description.ts";
import type { NoiseSource } from "../noise_source.ts";
import { drawOf, noising, pureNoise, trajectory, weightsAt } from "./run.ts";
import type { Problem, Progress } from "../sampler.ts";
import type { Step } from "./step.ts";
import { downMoves, travelMoves } from "./time_travel.ts";
import { ddnmTimesteps } from "../timesteps.ts";

/** Parameters of the published trajectory: straight down. Old photos: travelLength 2, travelRepeat 2. */
export const DDNM_TRAJECTORY = {
  steps: steps(100, 1) as Parameter<number>,
  eta: freshNoise(0.85) as Parameter<number>,
  travelLength: travelLength(1) as Parameter<number>,
  travelRepeat: travelRepeat(1) as Parameter<number>,
};

/** Options of the trajectory. */
export type DdnmTrajectoryOptions = ValuesOf<typeof DDNM_TRAJECTORY>;

/** A step down from a level: the predicted image, consistent with the measurement and as it was before, and the state. */
export type DdnmStep = Step<Level, "x0" | "predicted" | "xt">;

/** Network evaluations of the trajectory. */
export function ddnmEvaluations({ steps: count, ...travel }: DdnmTrajectoryOptions): Evaluations {
  const made = downMoves(travelMoves(count, travel));
  return { nominal: made, actual: made };
}

/**
 * Goes from pure noise to the image. A move up from level i to j renoises the last predicted image, not the consistent
 * one: x_j = sqrt(alphaBar_j) x0 + sqrt(1 - alphaBar_j) z.
 */
export async function* ddnmTrajectory(
  runtime: Runtime,
  problem: Problem,
  { steps: count, noise, timesteps, ...travel }: DdnmTrajectoryOptions & {
    readonly noise: NoiseSource;
    /** As many as there are steps, ascending; evenly spaced as published by default. */
    readonly timesteps?: readonly number[];
  },
  stepDown: DdnmStep,
): AsyncGenerator<Progress, DeviceTensor> {
  const { alphaBar } = problem.model;
  const levels = respace(alphaBar, timesteps ?? ddnmTimesteps(alphaBar.length, count));
  const renoise = noising(runtime, "renoise", noise);
  const start = await pureNoise(runtime, problem, noise);
  let last: Awaited<ReturnType<DdnmStep>> | undefined;
  const run = { start, places: travelMoves(count, travel), stages: [stepDown, renoise] };
  return yield* trajectory(run, async (state, { from, to }, k) => {
    const { name } = drawOf(k);
    if (to < from || !last) {
      last = await stepDown(state, levels[from] as Level, drawOf(k));
      return { name, x0: last.x0, xt: last.xt, parts: { predicted: last.predicted } };
    }
    const xt = await renoise(last.predicted, weightsAt((levels[to] as Level).alphaBar), drawOf(k));
    return { name, x0: last.x0, xt, evaluations: 0 };
  });
}
