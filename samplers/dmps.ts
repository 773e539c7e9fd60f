/**
 * Diffusion Model based Posterior Sampling: after every ancestral step the state follows the gradient of the likelihood
 * of y under an uninformative prior, which has a closed form. Meng, Kabashima, Diffusion Model Based Posterior Sampling
 * for Noisy Linear Inverse Problems, ACML 2024.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import { choice, type ValuesOf } from "../parameters/mod.ts";
import { respace } from "./coefficients.ts";
import { clipDenoised, fixedVariance, gradientScale, iterations, steps } from "./common_parameters.ts";
import { sampler } from "./entry.ts";
import { ancestralStep } from "./guided_walk.ts";
import { likelihoodCorrection } from "./likelihood.ts";
import { ancestralNumbers, learnsVariance } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import type { State } from "./restoration_step.ts";
import { counted, drawOf, pureNoise } from "./run.ts";
import type { Problem, Sampler } from "./sampler.ts";
import { spaceTimesteps } from "./timesteps.ts";

/** Where the likelihood is taken: after the ancestral step, as in the authors' program, or before it, as in the paper. */
export type DmpsPoint = "after" | "before";

/** The points by name. */
export const DMPS_POINTS: readonly DmpsPoint[] = ["after", "before"];

const PARAMETERS = {
  steps: steps(1000),
  scale: gradientScale(1.75),
  // Published program: after; paper: before.
  point: choice("after", DMPS_POINTS, {}, "gradient after the step or before"),
  clipDenoised,
  fixedVariance,
  iterations: iterations(20),
};

/** Parameters of DMPS. The deviation of the noise is that of the problem. */
export type DmpsOptions = ValuesOf<typeof PARAMETERS>;

/** DMPS. */
export const dmps: Sampler<DmpsOptions> = sampler({
  name: "dmps",
  paper: "Meng, Kabashima, Diffusion Model Based Posterior Sampling for Noisy Linear Inverse Problems, ACML 2024",
  about: "ancestral steps and the gradient of the likelihood (--noise-level)",
  handlesNoise: true,
  parameters: PARAMETERS,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore: (runtime, problem, options) => counted(walk(runtime, problem, options), options.steps),
});

async function* walk(
  runtime: Runtime,
  problem: Problem,
  { steps, scale, point, clipDenoised, fixedVariance, iterations, noise }: DmpsOptions & {
    readonly noise: NoiseSource;
  },
): AsyncGenerator<State, DeviceTensor> {
  const { alphaBar } = problem.model;
  const levels = respace(alphaBar, spaceTimesteps(alphaBar.length, String(steps))).toReversed();
  const isLearned = learnsVariance(problem);
  const step = ancestralStep(runtime, problem, { clipDenoised, learnsVariance: isLearned, noise });
  const correct = likelihoodCorrection(runtime, problem, { iterations });
  const start = await pureNoise(runtime, problem, noise);
  try {
    let xt = start;
    for (const [k, level] of levels.entries()) {
      const draw = drawOf(k);
      const numbers = ancestralNumbers(level, isLearned, fixedVariance);
      const moved = await step({ xt, level, numbers, draw, extra: {} });
      const at = point === "after" ? moved.xt : xt;
      xt = await correct({ moved: moved.xt, at, level, scale });
      yield { name: draw.name, x0: moved.x0, xt, parts: { ancestral: moved.xt } };
    }
    return xt.keep();
  } finally {
    step.release();
    correct.release();
    start.free();
  }
}
