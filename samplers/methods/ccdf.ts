/**
 * Come-Closer-Diffuse-Faster: a rough estimate is noised a little, and the ancestral steps from there are projected onto
 * the noised measurement. Chung, Sim, Ye, Come-Closer-Diffuse-Faster, CVPR 2022.
 */
import type { DeviceTensor } from "../../engine/mod.ts";
import type { Parameter, ValuesOf } from "../../parameters/mod.ts";
import { ancestralStep } from "../steps/ancestral_step.ts";
import { respace } from "../coefficients.ts";
import {
  clipDenoised,
  fixedVariance,
  nextLevel,
  noiseIn,
  partialSteps,
  shortcutTimestep,
} from "../common_parameters.ts";
import { sampler } from "../entry.ts";
import { guideAlphaBar, guidedTrajectory, projectionGuide } from "../steps/guided_trajectory.ts";
import { noisedEstimate } from "../steps/run.ts";
import type { Progress, Sampler } from "../sampler.ts";
import { ssdTimesteps } from "../timesteps.ts";

const PARAMETERS = {
  // Published: 20 (MRI) to 200 of 1000, and as many steps.
  t0: shortcutTimestep(200, "timestep to which A^+ y is noised") as Parameter<number>,
  steps: partialSteps(200) as Parameter<number>,
  clipDenoised,
  fixedVariance,
  level: nextLevel,
  noiseIn,
};

/** Parameters of CCDF. */
export type CcdfOptions = ValuesOf<typeof PARAMETERS>;

/** CCDF. */
export const ccdf: Sampler<CcdfOptions> = sampler({
  name: "ccdf",
  paper: "Chung et al., Come-Closer-Diffuse-Faster, CVPR 2022",
  about: "noises A^+ y a little and projects on the way down",
  parameters: PARAMETERS,
  // All steps below a timestep are made unless told otherwise.
  implied: ({ t0 }) => t0 === undefined ? {} : { steps: t0 },
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { t0, steps, noise } = options;
    const levels = respace(problem.model.alphaBar, ssdTimesteps(t0, steps)).toReversed();
    return yield* guidedTrajectory({
      start: await noisedEstimate(runtime, problem, { alphaBar: levels[0]!.alphaBar, noise }),
      levels,
      step: ancestralStep(runtime, problem.model, options),
      guide: projectionGuide(runtime, problem, options),
      alphaBarOf: (at) => guideAlphaBar(at, options.level),
    });
  },
});
