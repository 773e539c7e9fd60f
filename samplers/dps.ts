/**
 * Diffusion Posterior Sampling: after every ancestral step the state follows the gradient of the distance between the
 * measurement and that of the predicted image, taken through the network. Chung, Kim, McCann, Klasky, Ye, Diffusion
 * Posterior Sampling for General Noisy Inverse Problems, ICLR 2023.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import { choice, type ValuesOf } from "../parameters/mod.ts";
import { respace } from "./coefficients.ts";
import { clipDenoised, fixedVariance, gradientScale, steps } from "./common_parameters.ts";
import { sampler } from "./entry.ts";
import { gradientNumbers, gradientStep, LIKELIHOODS } from "./gradient_step.ts";
import { learnsVariance } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import type { State } from "./restoration_step.ts";
import { counted, drawOf, pureNoise } from "./run.ts";
import type { GeneralProblem, Sampler } from "./sampler.ts";
import { spaceTimesteps } from "./timesteps.ts";

const PARAMETERS = {
  steps: steps(1000),
  scale: gradientScale(0.3),
  // Poisson: for counted photons.
  likelihood: choice("gaussian", LIKELIHOODS, {}, "noise of the measurement"),
  clipDenoised,
  fixedVariance,
};

/** Parameters of DPS. It does not read the deviation of the noise. */
export type DpsOptions = ValuesOf<typeof PARAMETERS>;

/** Lengths of the gradient step in the published program, where they are not the default. */
export const DPS_SCALES = { inpainting: { scale: 0.5 }, "phase_retrieval": { scale: 1 } };

/** DPS. */
export const dps: Sampler<DpsOptions> = sampler({
  name: "dps",
  paper: "Chung et al., Diffusion Posterior Sampling for General Noisy Inverse Problems, ICLR 2023",
  about: "ancestral steps and the gradient of |y - A(x0)| through the network",
  needs: ["gradient"],
  parameters: PARAMETERS,
  published: DPS_SCALES,
  nonlinear: {},
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore: (runtime, problem, options) => counted(walk(runtime, problem, options), options.steps),
});

async function* walk(
  runtime: Runtime,
  problem: GeneralProblem,
  { steps, scale, likelihood, clipDenoised, fixedVariance, noise }: DpsOptions & { readonly noise: NoiseSource },
): AsyncGenerator<State, DeviceTensor> {
  const { alphaBar } = problem.model;
  const levels = respace(alphaBar, spaceTimesteps(alphaBar.length, String(steps))).toReversed();
  const isLearned = learnsVariance(problem);
  const step = gradientStep(runtime, problem, { clipDenoised, learnsVariance: isLearned, likelihood, noise });
  const start = await pureNoise(runtime, problem, noise);
  try {
    let xt = start;
    for (const [k, level] of levels.entries()) {
      const draw = drawOf(k);
      const { x0, ...made } = await step({
        xt,
        level,
        numbers: gradientNumbers(level, { learnsVariance: isLearned, fixedVariance, scale }),
        draw,
        extra: {},
      });
      xt = made.xt;
      yield { name: draw.name, x0, xt, parts: { grad: made.grad, norms: made.norms } };
    }
    return xt.keep();
  } finally {
    step.release();
    start.free();
  }
}
