/**
 * Come-Closer-Diffuse-Faster: a rough estimate is noised a little, and the ancestral steps from there are projected onto
 * the noised measurement. Chung, Sim, Ye, Come-Closer-Diffuse-Faster, CVPR 2022.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import type { ValuesOf } from "../parameters/mod.ts";
import { respace } from "./coefficients.ts";
import { clipDenoised, fixedVariance, level, noiseIn, partialSteps, shortcutTimestep } from "./common_parameters.ts";
import { sampler } from "./entry.ts";
import { guidedWalk, noised, projectionGuide } from "./guided_walk.ts";
import type { NoiseSource } from "./noise_source.ts";
import type { State } from "./restoration_step.ts";
import { counted, pseudoInverseOf, START } from "./run.ts";
import type { Problem, Sampler } from "./sampler.ts";
import { ssdTimesteps } from "./timesteps.ts";

const PARAMETERS = {
  // Published: 20 (MRI) to 200 of 1000, and as many steps.
  t0: shortcutTimestep(200, "timestep to which A^+ y is noised"),
  steps: partialSteps(200),
  clipDenoised,
  fixedVariance,
  level: level("next"),
  noiseIn,
};

/** Parameters of CCDF. */
export type CcdfOptions = ValuesOf<typeof PARAMETERS>;

/** CCDF. */
export const ccdf: Sampler<CcdfOptions> = sampler({
  name: "ccdf",
  paper: "Chung et al., Come-Closer-Diffuse-Faster, CVPR 2022",
  about: "noises A^+ y a little and projects on the way back",
  parameters: PARAMETERS,
  // All steps below a timestep are made unless told otherwise.
  implied: ({ t0 }) => t0 === undefined ? {} : { steps: t0 },
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore: (runtime, problem, options) => counted(walk(runtime, problem, options), options.steps),
});

async function* walk(
  runtime: Runtime,
  problem: Problem,
  { t0, steps, clipDenoised, fixedVariance, level, noiseIn, noise }: CcdfOptions & { readonly noise: NoiseSource },
): AsyncGenerator<State, DeviceTensor> {
  const levels = respace(problem.model.alphaBar, ssdTimesteps(t0, steps)).toReversed();
  const estimate = await pseudoInverseOf(runtime, problem);
  const start = await noised(runtime, problem, estimate, { alphaBar: levels[0]!.alphaBar, noise, draw: START });
  try {
    return yield* guidedWalk(runtime, problem, start, {
      levels,
      clipDenoised,
      usesLearnedVariance: true,
      fixedVariance,
      noise,
      guide: projectionGuide(runtime, problem, noise, noiseIn),
      levelOf: (at) => level === "current" ? at.alphaBar : at.alphaBarPrevious,
    });
  } finally {
    start.free();
    estimate.free();
  }
}
