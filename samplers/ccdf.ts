/**
 * Come-Closer-Diffuse-Faster: a rough estimate is noised a little, and the ancestral steps from there are projected onto
 * the noised measurement. Chung, Sim, Ye, Come-Closer-Diffuse-Faster, CVPR 2022.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import { respace } from "./coefficients.ts";
import { guidedWalk, MEASUREMENT_NOISES, type MeasurementNoise, noised, projectionGuide } from "./guided_walk.ts";
import type { NoiseSource } from "./noise_source.ts";
import { optionChecks } from "./option_checks.ts";
import { FIXED_VARIANCES, type FixedVariance } from "./plain_coefficients.ts";
import type { State } from "./restoration_step.ts";
import { counted, pseudoInverseOf, START } from "./run.ts";
import { checkProblem, type Problem, type Progress, type Sampler } from "./sampler.ts";
import { GUIDE_LEVELS, type GuideLevel } from "./score_sde.ts";
import { ssdTimesteps } from "./timesteps.ts";

/** Parameters of CCDF. */
export interface CcdfOptions {
  /** The estimate A^+ y is noised to training timestep t0 - 1; 2..T. Published: 20 (MRI) to 200 of 1000. */
  readonly t0: number;
  /** Number of steps from there, 2..t0. Published: t0. */
  readonly steps: number;
  /** Whether predicted images are clamped to [-1, 1]. */
  readonly clipDenoised: boolean;
  /** Variance of the steps where the network does not learn it. Published: "small", the posterior's. */
  readonly fixedVariance: FixedVariance;
  /** At which level the measurement is noised. */
  readonly level: GuideLevel;
  /** Where its noise is drawn. */
  readonly noiseIn: MeasurementNoise;
}

const DEFAULTS: CcdfOptions = {
  t0: 200,
  steps: 200,
  clipDenoised: true,
  fixedVariance: "small",
  level: "next",
  noiseIn: "image",
};

/** CCDF. */
export const ccdf: Sampler<CcdfOptions> = {
  name: "ccdf",
  paper: "Chung et al., Come-Closer-Diffuse-Faster, CVPR 2022",
  needs: [],
  defaults: DEFAULTS,
  defaultsFor: () => DEFAULTS,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const check = optionChecks("ccdf");
    check.integer("t0", options.t0, 2, problem.model.alphaBar.length);
    check.integer("steps", options.steps, 2, options.t0);
    check.choice("level", options.level, GUIDE_LEVELS);
    check.choice("noiseIn", options.noiseIn, MEASUREMENT_NOISES);
    check.choice("fixedVariance", options.fixedVariance, FIXED_VARIANCES);
    checkProblem("ccdf", problem);
    return counted(walk(runtime, problem, options), options.steps);
  },
};

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
