/**
 * Manifold Constrained Gradient: the gradient step of DPS, and then a projection onto the measurement, noised to the
 * level of the step. Chung, Sim, Ryu, Ye, Improving Diffusion Models for Inverse Problems using Manifold Constraints,
 * NeurIPS 2022.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import { respace } from "./coefficients.ts";
import { gradientNumbers, gradientStep } from "./gradient_step.ts";
import { guidedDraws, MEASUREMENT_NOISES, type MeasurementNoise, projectionGuide } from "./guided_walk.ts";
import { learnsVariance } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import { optionChecks, UNLIMITED } from "./option_checks.ts";
import { FIXED_VARIANCES, type FixedVariance } from "./plain_coefficients.ts";
import type { State } from "./restoration_step.ts";
import { counted, pureNoise } from "./run.ts";
import { checkProblem, type Problem, type Progress, type Sampler } from "./sampler.ts";
import { GUIDE_LEVELS, type GuideLevel } from "./score_sde.ts";
import { spaceTimesteps } from "./timesteps.ts";

/** Parameters of MCG. */
export interface McgOptions {
  /** Number of steps, 2..T. Published: 1000. */
  readonly steps: number;
  /** Length of the gradient step. Published: 1, colorization 0.1. */
  readonly scale: number;
  /** Whether predicted images are clamped to [-1, 1], where the gradient stops. Published: true. */
  readonly clipDenoised: boolean;
  /** Variance of the steps where the network does not learn it. Published: "small", the posterior's. */
  readonly fixedVariance: FixedVariance;
  /** At which level the measurement is noised. Published: "current". */
  readonly level: GuideLevel;
  /** Published: "measurement", which is too noisy where A averages; default: "image". */
  readonly noiseIn: MeasurementNoise;
}

const DEFAULTS: McgOptions = {
  steps: 1000,
  scale: 1,
  clipDenoised: true,
  fixedVariance: "small",
  level: "current",
  noiseIn: "image",
};

/** MCG. */
export const mcg: Sampler<McgOptions> = {
  name: "mcg",
  paper: "Chung et al., Improving Diffusion Models for Inverse Problems using Manifold Constraints, NeurIPS 2022",
  needs: ["gradient"],
  defaults: DEFAULTS,
  defaultsFor: (task) => task === "colorization" ? { ...DEFAULTS, scale: 0.1 } : DEFAULTS,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const check = optionChecks("mcg");
    const timesteps = problem.model.alphaBar.length;
    check.integer("steps", options.steps, 2, timesteps);
    check.number("scale", options.scale, 0, UNLIMITED);
    check.choice("level", options.level, GUIDE_LEVELS);
    check.choice("noiseIn", options.noiseIn, MEASUREMENT_NOISES);
    check.choice("fixedVariance", options.fixedVariance, FIXED_VARIANCES);
    checkProblem("mcg", problem);
    return counted(walk(runtime, problem, options), spaceTimesteps(timesteps, String(options.steps)).length);
  },
};

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
