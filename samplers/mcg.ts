/**
 * Manifold Constrained Gradient: the gradient step of DPS, and then a projection onto the measurement, noised to the
 * level of the step. Chung, Sim, Ryu, Ye, Improving Diffusion Models for Inverse Problems using Manifold Constraints,
 * NeurIPS 2022.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import type { ValuesOf } from "../parameters/mod.ts";
import { respace } from "./coefficients.ts";
import { clipDenoised, fixedVariance, gradientScale, level, noiseIn, steps } from "./common_parameters.ts";
import { sampler } from "./entry.ts";
import { gradientNumbers, gradientStep } from "./gradient_step.ts";
import { guidedDraws, projectionGuide } from "./guided_walk.ts";
import { learnsVariance } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import type { State } from "./restoration_step.ts";
import { counted, pureNoise } from "./run.ts";
import type { Problem, Sampler } from "./sampler.ts";
import { spaceTimesteps } from "./timesteps.ts";

const PARAMETERS = {
  steps: steps(1000),
  scale: gradientScale(1),
  clipDenoised,
  fixedVariance,
  level: level("current"),
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
  restore: (runtime, problem, options) => counted(walk(runtime, problem, options), options.steps),
});

async function* walk(
  runtime: Runtime,
  problem: Problem,
  { steps, scale, clipDenoised, fixedVariance, level, noiseIn, noise }: McgOptions & { readonly noise: NoiseSource },
): AsyncGenerator<State, DeviceTensor> {
  const { alphaBar } = problem.model;
  const levels = respace(alphaBar, spaceTimesteps(alphaBar.length, String(steps))).toReversed();
  const isLearned = learnsVariance(problem);
  const setting = { clipDenoised, learnsVariance: isLearned, likelihood: "gaussian" as const, noise };
  const step = gradientStep(runtime, problem, setting);
  const project = projectionGuide(runtime, problem, noise, noiseIn);
  const start = await pureNoise(runtime, problem, noise);
  try {
    let xt = start;
    for (const [k, at] of levels.entries()) {
      const draws = guidedDraws(k);
      const numbers = gradientNumbers(at, { learnsVariance: isLearned, fixedVariance, scale });
      const moved = await step({ xt, level: at, numbers, draw: draws.step, extra: {} });
      xt = await project(moved.xt, level === "current" ? at.alphaBar : at.alphaBarPrevious, draws.guide);
      yield { name: draws.step.name, x0: moved.x0, xt, parts: { grad: moved.grad, norms: moved.norms } };
    }
    return xt.keep();
  } finally {
    step.release();
    project.release();
    start.free();
  }
}
