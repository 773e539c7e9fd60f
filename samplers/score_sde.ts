/**
 * Projection onto a noised measurement after every ancestral step. Song et al., Score-Based Generative Modeling through
 * Stochastic Differential Equations, ICLR 2021, and Solving Inverse Problems in Medical Imaging with Score-Based
 * Generative Models, ICLR 2022; here for variance-preserving models.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import type { ValuesOf } from "../parameters/mod.ts";
import { respace } from "./coefficients.ts";
import { clipDenoised, fixedVariance, level, noiseIn, steps } from "./common_parameters.ts";
import { sampler } from "./entry.ts";
import { guidedWalk, projectionGuide } from "./guided_walk.ts";
import type { NoiseSource } from "./noise_source.ts";
import type { State } from "./restoration_step.ts";
import { counted, pureNoise } from "./run.ts";
import type { Problem, Sampler } from "./sampler.ts";
import { spaceTimesteps } from "./timesteps.ts";

const PARAMETERS = {
  steps: steps(1000),
  clipDenoised,
  fixedVariance,
  level: level("current"),
  noiseIn,
};

/** Parameters of the projection. */
export type ScoreSdeOptions = ValuesOf<typeof PARAMETERS>;

/** The projection of Score-SDE. */
export const scoreSde: Sampler<ScoreSdeOptions> = sampler({
  name: "score_sde",
  paper: "Song et al., Score-Based Generative Modeling through Stochastic Differential Equations, ICLR 2021",
  about: "projects every state onto the noised measurement",
  parameters: PARAMETERS,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore: (runtime, problem, options) => counted(walk(runtime, problem, options), options.steps),
});

async function* walk(
  runtime: Runtime,
  problem: Problem,
  { steps, clipDenoised, fixedVariance, level, noiseIn, noise }: ScoreSdeOptions & { readonly noise: NoiseSource },
): AsyncGenerator<State, DeviceTensor> {
  const { alphaBar } = problem.model;
  const start = await pureNoise(runtime, problem, noise);
  try {
    return yield* guidedWalk(runtime, problem, start, {
      levels: respace(alphaBar, spaceTimesteps(alphaBar.length, String(steps))).toReversed(),
      clipDenoised,
      usesLearnedVariance: true,
      fixedVariance,
      noise,
      guide: projectionGuide(runtime, problem, noise, noiseIn),
      levelOf: (at) => level === "current" ? at.alphaBar : at.alphaBarPrevious,
    });
  } finally {
    start.free();
  }
}
