/**
 * Diffusion Posterior Sampling: after every ancestral step the state follows the gradient of the distance between the
 * measurement and that of the predicted image, taken through the network. Chung, Kim, McCann, Klasky, Ye, Diffusion
 * Posterior Sampling for General Noisy Inverse Problems, ICLR 2023.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import { respace } from "./coefficients.ts";
import { gradientNumbers, gradientStep, type Likelihood, LIKELIHOODS } from "./gradient_step.ts";
import { learnsVariance } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import { optionChecks, UNLIMITED } from "./option_checks.ts";
import { FIXED_VARIANCES, type FixedVariance } from "./plain_coefficients.ts";
import type { State } from "./restoration_step.ts";
import { counted, drawOf, pureNoise } from "./run.ts";
import { checkShapes, type GeneralProblem, type Progress, type RestorationTask, type Sampler } from "./sampler.ts";
import { spaceTimesteps } from "./timesteps.ts";

/** Parameters of DPS. It does not read the deviation of the noise. */
export interface DpsOptions {
  /** Number of steps, 2..T. Published: 1000. */
  readonly steps: number;
  /** Length of the gradient step. Published program: 0.3, inpainting 0.5, phase retrieval 1. */
  readonly scale: number;
  /** What the noise of y is. Published: "gaussian", or "poisson" for counted photons. */
  readonly likelihood: Likelihood;
  /** Whether predicted images are clamped to [-1, 1], where the gradient stops. Published: true. */
  readonly clipDenoised: boolean;
  /** Variance of the steps where the network does not learn it. Published: "small", the posterior's. */
  readonly fixedVariance: FixedVariance;
}

const DEFAULTS: DpsOptions = {
  steps: 1000,
  scale: 0.3,
  likelihood: "gaussian",
  clipDenoised: true,
  fixedVariance: "small",
};

/** The lengths of the published program. */
export function dpsScale(task: RestorationTask): number {
  if (task === "inpainting") return 0.5;
  return task === "phase_retrieval" ? 1 : DEFAULTS.scale;
}

/** DPS. */
export const dps: Sampler<DpsOptions> = {
  name: "dps",
  paper: "Chung et al., Diffusion Posterior Sampling for General Noisy Inverse Problems, ICLR 2023",
  needs: ["gradient"],
  defaults: DEFAULTS,
  defaultsFor: (task) => ({ ...DEFAULTS, scale: dpsScale(task) }),
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const check = optionChecks("dps");
    const timesteps = problem.model.alphaBar.length;
    check.integer("steps", options.steps, 2, timesteps);
    check.number("scale", options.scale, 0, UNLIMITED);
    check.choice("likelihood", options.likelihood, LIKELIHOODS);
    check.choice("fixedVariance", options.fixedVariance, FIXED_VARIANCES);
    checkShapes("dps", problem);
    return counted(walk(runtime, problem, options), spaceTimesteps(timesteps, String(options.steps)).length);
  },
};

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
