/**
 * Diffusion Model based Posterior Sampling: after every ancestral step the state follows the gradient of the likelihood
 * of y under an uninformative prior, which has a closed form. Meng, Kabashima, Diffusion Model Based Posterior Sampling
 * for Noisy Linear Inverse Problems, ACML 2024.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import { respace } from "./coefficients.ts";
import { ancestralStep } from "./guided_walk.ts";
import { likelihoodCorrection } from "./likelihood.ts";
import { ancestralNumbers, learnsVariance } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import { optionChecks, UNLIMITED } from "./option_checks.ts";
import { FIXED_VARIANCES, type FixedVariance } from "./plain_coefficients.ts";
import type { State } from "./restoration_step.ts";
import { counted, drawOf, pureNoise } from "./run.ts";
import { checkProblem, type Problem, type Progress, type Sampler } from "./sampler.ts";
import { spaceTimesteps } from "./timesteps.ts";

/** Where the likelihood is taken: after the ancestral step, as in the authors' program, or before it, as in the paper. */
export type DmpsPoint = "after" | "before";

/** The points by name. */
export const DMPS_POINTS: readonly DmpsPoint[] = ["after", "before"];

/** Parameters of DMPS. The deviation of the noise is that of the problem. */
export interface DmpsOptions {
  /** Number of steps, 2..T. Published: 1000. */
  readonly steps: number;
  /** Length of the gradient step. Published: 1.75. */
  readonly scale: number;
  /** Published program: "after"; paper: "before". */
  readonly point: DmpsPoint;
  /** Whether predicted images are clamped to [-1, 1]. Published: true. */
  readonly clipDenoised: boolean;
  /** Variance of the steps where the network does not learn it. Published: "small", the posterior's. */
  readonly fixedVariance: FixedVariance;
  /** Iterations of conjugate gradients for operators without singular value decomposition, 1..1000. */
  readonly iterations: number;
}

const DEFAULTS: DmpsOptions = {
  steps: 1000,
  scale: 1.75,
  point: "after",
  clipDenoised: true,
  fixedVariance: "small",
  iterations: 20,
};

/** DMPS. */
export const dmps: Sampler<DmpsOptions> = {
  name: "dmps",
  paper: "Meng, Kabashima, Diffusion Model Based Posterior Sampling for Noisy Linear Inverse Problems, ACML 2024",
  needs: [],
  defaults: DEFAULTS,
  defaultsFor: () => DEFAULTS,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const check = optionChecks("dmps");
    const timesteps = problem.model.alphaBar.length;
    check.integer("steps", options.steps, 2, timesteps);
    check.number("scale", options.scale, 0, UNLIMITED);
    check.choice("point", options.point, DMPS_POINTS);
    check.integer("iterations", options.iterations, 1, 1000);
    check.choice("fixedVariance", options.fixedVariance, FIXED_VARIANCES);
    checkProblem("dmps", problem);
    return counted(walk(runtime, problem, options), spaceTimesteps(timesteps, String(options.steps)).length);
  },
};

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
