/**
 * Projection onto a noised measurement after every ancestral step. Song et al., Score-Based Generative Modeling through
 * Stochastic Differential Equations, ICLR 2021, and Solving Inverse Problems in Medical Imaging with Score-Based
 * Generative Models, ICLR 2022; here for variance-preserving models.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import { respace } from "./coefficients.ts";
import { guidedWalk, MEASUREMENT_NOISES, type MeasurementNoise, projectionGuide } from "./guided_walk.ts";
import type { NoiseSource } from "./noise_source.ts";
import { optionChecks } from "./option_checks.ts";
import { FIXED_VARIANCES, type FixedVariance } from "./plain_coefficients.ts";
import type { State } from "./restoration_step.ts";
import { counted, pureNoise } from "./run.ts";
import { checkProblem, type Problem, type Progress, type Sampler } from "./sampler.ts";
import { spaceTimesteps } from "./timesteps.ts";

/** At which level the measurement is noised: that of the step, as published, or the one that it arrives at. */
export type GuideLevel = "current" | "next";

/** The levels by name. */
export const GUIDE_LEVELS: readonly GuideLevel[] = ["current", "next"];

/** Parameters of the projection. */
export interface ScoreSdeOptions {
  /** Number of steps, 2..T. Published: 1000. */
  readonly steps: number;
  /** Whether predicted images are clamped to [-1, 1]. Published: true. */
  readonly clipDenoised: boolean;
  /** Variance of the steps where the network does not learn it. Published: "small", the posterior's. */
  readonly fixedVariance: FixedVariance;
  /** Published: "current". */
  readonly level: GuideLevel;
  /** Published: "measurement", which is too noisy where A averages; default: "image". */
  readonly noiseIn: MeasurementNoise;
}

const DEFAULTS: ScoreSdeOptions = {
  steps: 1000,
  clipDenoised: true,
  fixedVariance: "small",
  level: "current",
  noiseIn: "image",
};

/** The projection of Score-SDE. */
export const scoreSde: Sampler<ScoreSdeOptions> = {
  name: "score_sde",
  paper: "Song et al., Score-Based Generative Modeling through Stochastic Differential Equations, ICLR 2021",
  needs: [],
  defaults: DEFAULTS,
  defaultsFor: () => DEFAULTS,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const check = optionChecks("score_sde");
    check.integer("steps", options.steps, 2, problem.model.alphaBar.length);
    check.choice("level", options.level, GUIDE_LEVELS);
    check.choice("noiseIn", options.noiseIn, MEASUREMENT_NOISES);
    check.choice("fixedVariance", options.fixedVariance, FIXED_VARIANCES);
    checkProblem("score_sde", problem);
    return counted(walk(runtime, problem, options), options.steps);
  },
};

async function* walk(
  runtime: Runtime,
  problem: Problem,
  { steps, clipDenoised, fixedVariance, level, noiseIn, noise }: ScoreSdeOptions & { readonly noise: NoiseSource },
): AsyncGenerator<State, DeviceTensor> {
  const { alphaBar } = problem.model;
  const start = await pureNoise(runtime, problem, noise);
  try {
    return yield* guidedWalk(runtime, problem, start, {
      levels: respace(alphaBar, spaceTimesteps(alphaBar.length, String(steps))).toReversed(),
      clipDenoised,
      usesLearnedVariance: true,
      fixedVariance,
      noise,
      guide: projectionGuide(runtime, problem, noise, noiseIn),
      levelOf: (at) => level === "current" ? at.alphaBar : at.alphaBarPrevious,
    });
  } finally {
    start.free();
  }
}
