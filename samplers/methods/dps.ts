/**
 * Diffusion Posterior Sampling: after every ancestral step the state follows the gradient of the distance between the
 * measurement and that of the predicted image, taken through the network. Chung, Kim, McCann, Klasky, Ye, Diffusion
 * Posterior Sampling for General Noisy Inverse Problems, ICLR 2023.
 */
import type { DeviceTensor } from "../../engine/mod.ts";
import { choice, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { clipDenoised, fixedVariance, gradientScale, steps } from "../common_parameters.ts";
import { sampler } from "../entry.ts";
import { gradientStep, type Likelihood, LIKELIHOODS } from "../steps/gradient_step.ts";
import { drawOf, evenLevels, pureNoise, trajectory } from "../steps/run.ts";
import type { Progress, Sampler } from "../sampler.ts";

/** The parameters of `dps`. */
export const PARAMETERS = {
  steps: steps(1000) as Parameter<number>,
  scale: gradientScale(0.3) as Parameter<number>,
  // Poisson: for counted photons.
  likelihood: choice("gaussian", LIKELIHOODS, {}, "noise of the measurement") as Parameter<Likelihood>,
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
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const places = evenLevels(problem.model, options.steps);
    const step = gradientStep(runtime, problem, options);
    const start = await pureNoise(runtime, problem, options.noise);
    return yield* trajectory({ start, places, stages: [step] }, async (state, level, k) => {
      const { name } = drawOf(k);
      const { x0, xt, grad, norms } = await step(state, level, drawOf(k));
      return { name, x0, xt, parts: { grad, norms } };
    });
  },
});
