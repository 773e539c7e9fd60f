/**
 * Diffusion Model based Posterior Sampling: after every ancestral step the state follows the gradient of the likelihood
 * of y under an uninformative prior, which has a closed form. Meng, Kabashima, Diffusion Model Based Posterior Sampling
 * for Noisy Linear Inverse Problems, ACML 2024.
 */
import type { DeviceTensor } from "../../engine/mod.ts";
import { choice, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { ancestralStep } from "../steps/ancestral_step.ts";
import { clipDenoised, fixedVariance, gradientScale, iterations, steps } from "../common_parameters.ts";
import { sampler } from "../entry.ts";
import { likelihoodCorrection } from "../steps/likelihood.ts";
import { drawOf, evenLevels, pureNoise, trajectory } from "../steps/run.ts";
import type { Progress, Sampler } from "../sampler.ts";

/** The parameters of `dmps`. */
export const PARAMETERS = {
  steps: steps(1000) as Parameter<number>,
  scale: gradientScale(1.75) as Parameter<number>,
  // Where the likelihood is taken. Published program: after; paper: before.
  point: choice("after", ["after", "before"], {}, "gradient after the step or before") as Parameter<"after" | "before">,
  clipDenoised,
  fixedVariance,
  iterations: iterations(20) as Parameter<number>,
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
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const places = evenLevels(problem.model, options.steps);
    const step = ancestralStep(runtime, problem.model, options);
    const correct = likelihoodCorrection(runtime, problem, options);
    const start = await pureNoise(runtime, problem, options.noise);
    return yield* trajectory({ start, places, stages: [step, correct] }, async (state, level, k) => {
      const { name } = drawOf(k);
      const { x0, xt: moved } = await step(state, level, drawOf(k));
      const at = options.point === "after" ? moved : state;
      const xt = await correct({ moved, at, level, scale: options.scale });
      return { name, x0, xt, parts: { ancestral: moved } };
    });
  },
});
