/**
 * Manifold Constrained Gradient: the gradient step of DPS, and then a projection onto the measurement, noised to the
 * level of the step. Chung, Sim, Ryu, Ye, Improving Diffusion Models for Inverse Problems using Manifold Constraints,
 * NeurIPS 2022.
 */
import type { DeviceTensor } from "../../engine/mod.ts";
import type { Parameter, ValuesOf } from "../../parameters/mod.ts";
import { clipDenoised, fixedVariance, gradientScale, level, noiseIn, steps } from "../common_parameters.ts";
import { sampler } from "../entry.ts";
import { gradientStep } from "../steps/gradient_step.ts";
import { guideAlphaBar, guidedDraws, projectionGuide } from "../steps/guided_trajectory.ts";
import { evenLevels, pureNoise, trajectory } from "../steps/run.ts";
import type { Progress, Sampler } from "../sampler.ts";

/** The parameters of `mcg`. */
export const PARAMETERS = {
  steps: steps(1000) as Parameter<number>,
  scale: gradientScale(1) as Parameter<number>,
  clipDenoised,
  fixedVariance,
  level,
  noiseIn,
};

/** Parameters of MCG. */
export type McgOptions = ValuesOf<typeof PARAMETERS>;

/** MCG. */
export const mcg: Sampler<McgOptions> = sampler({
  name: "mcg",
  paper: "Chung et al., Improving Diffusion Models for Inverse Problems using Manifold Constraints, NeurIPS 2022",
  about: "as dps, and then a projection onto the noised measurement",
  needs: ["gradient"],
  parameters: PARAMETERS,
  published: { colorization: { scale: 0.1 } },
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const places = evenLevels(problem.model, options.steps);
    const step = gradientStep(runtime, problem, options);
    const project = projectionGuide(runtime, problem, options);
    const start = await pureNoise(runtime, problem, options.noise);
    return yield* trajectory({ start, places, stages: [step, project] }, async (state, at, k) => {
      const draws = guidedDraws(k);
      const { x0, xt: moved, grad, norms } = await step(state, at, draws.step);
      const xt = await project(moved, guideAlphaBar(at, options.level), draws.guide);
      return { name: draws.step.name, x0, xt, parts: { grad, norms } };
    });
  },
});
