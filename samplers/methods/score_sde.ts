/**
 * Projection onto a noised measurement after every ancestral step. Song et al., Score-Based Generative Modeling through
 * Stochastic Differential Equations, ICLR 2021, and Solving Inverse Problems in Medical Imaging with Score-Based
 * Generative Models, ICLR 2022; here for variance-preserving models.
 */
import type { DeviceTensor } from "../../engine/mod.ts";
import type { Parameter, ValuesOf } from "../../parameters/mod.ts";
import { ancestralStep } from "../steps/ancestral_step.ts";
import { clipDenoised, fixedVariance, level, noiseIn, steps } from "../common_parameters.ts";
import { sampler } from "../entry.ts";
import { guideAlphaBar, guidedTrajectory, projectionGuide } from "../steps/guided_trajectory.ts";
import { evenLevels, pureNoise } from "../steps/run.ts";
import type { Progress, Sampler } from "../sampler.ts";

const PARAMETERS = {
  steps: steps(1000) as Parameter<number>,
  clipDenoised,
  fixedVariance,
  level,
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
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    return yield* guidedTrajectory({
      start: await pureNoise(runtime, problem, options.noise),
      levels: evenLevels(problem.model, options.steps),
      step: ancestralStep(runtime, problem.model, options),
      guide: projectionGuide(runtime, problem, options),
      alphaBarOf: (at) => guideAlphaBar(at, options.level),
    });
  },
});
