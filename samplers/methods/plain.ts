/**
 * Plain sampling: from noise down to an image of the network's distribution, with no measurement. What an image is to
 * be like reaches the network as its conditioning (a class, a low-resolution image), so upsamplers run this way.
 */
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import type { NoiseModel } from "../../models/mod.ts";
import { checkedValues, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { learnsVariance } from "../steps/ancestral_step.ts";
import { checkGuidance } from "../steps/class_guidance.ts";
import type { Level } from "../coefficients.ts";
import { clipDenoised, fixedVariance, steps } from "../common_parameters.ts";
import { plainSampler } from "../entry.ts";
import { silence } from "../noise_source.ts";
import {
  ancestralCoefficients,
  ddimCoefficients,
  ddimReverseCoefficients,
  firstLearnedVariance,
  type PlainCoefficients,
} from "../steps/plain_coefficients.ts";
import type { PlainProblem, PlainSampler } from "../plain_sampler.ts";
import { type ClassWeights, type PlainRun, sampled, UNGUIDED } from "../steps/plain_trajectory.ts";
import { evenLevels, overTraining } from "../steps/run.ts";
import type { Progress } from "../sampler.ts";

/** The parameters of all plain samplers. */
export const PLAIN_PARAMETERS = {
  // At timesteps spread evenly over the training's.
  steps: steps(250) as Parameter<number>,
  clipDenoised,
};

/** The parameters of `ddpm`. */
export const DDPM_PARAMETERS = { ...PLAIN_PARAMETERS, fixedVariance };

/** The parameters of `ddim`. */
export const DDIM_PARAMETERS = {
  ...PLAIN_PARAMETERS,
  eta: number(
    0,
    { min: 0, max: 1, option: "ddim-eta" },
    "share of the posterior's deviation in fresh noise",
  ) as Parameter<number>,
};

/** Parameters that plain samplers share. */
export type PlainOptions = ValuesOf<typeof PLAIN_PARAMETERS>;

/** Parameters of DDPM. */
export type DdpmOptions = ValuesOf<typeof DDPM_PARAMETERS>;

/** Parameters of DDIM. */
export type DdimOptions = ValuesOf<typeof DDIM_PARAMETERS>;

/** Ancestral sampling, with the variance that the network has learned, or else a fixed one. */
export const ddpm: PlainSampler<DdpmOptions> = plainSampler({
  name: "ddpm",
  paper: "Ho et al., Denoising Diffusion Probabilistic Models, NeurIPS 2020; Nichol and Dhariwal, Improved Denoising " +
    "Diffusion Probabilistic Models, ICML 2021",
  about: "plain ancestral sampling, for upsample",
  parameters: DDPM_PARAMETERS,
  draws: ({ actual }) => actual + 1,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  sample(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    if (problem.guidance) checkGuidance("ddpm", problem.guidance);
    const levels = evenLevels(problem.model, options.steps);
    const isLearned = learnsVariance(problem.model);
    const [second, first] = levels.slice(-2) as [Level, Level];
    return descend(runtime, problem, {
      ...options,
      levels,
      isLearned,
      update: (level) => ancestralCoefficients(level, isLearned, options.fixedVariance),
      // The mean moves by the variance of the step times the gradient.
      classWeights({ xtFromNoise, slope }, level): ClassWeights {
        if (level !== first || !isLearned) return { x0FromClass: 0, xtFromClass: xtFromNoise ** 2, slope };
        const learned = firstLearnedVariance(first, second);
        return { x0FromClass: 0, xtFromClass: learned.variance, slope: learned.slope };
      },
    });
  },
});

/** DDIM sampling; eps is taken from the clamped prediction again, as in the published program. */
export const ddim: PlainSampler<DdimOptions> = plainSampler({
  name: "ddim",
  paper: "Song et al., Denoising Diffusion Implicit Models, ICLR 2021",
  about: "plain deterministic sampling, for upsample",
  parameters: DDIM_PARAMETERS,
  draws: ({ actual }) => actual + 1,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  sample(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    if (problem.guidance) checkGuidance("ddim", problem.guidance);
    return descend(runtime, problem, {
      ...options,
      levels: evenLevels(problem.model, options.steps),
      isLearned: false,
      update: (level) => ddimCoefficients(level, options.eta),
      // eps moves by -sqrt(1 - alphaBar) times the gradient.
      classWeights: ({ slope }, { alphaBar }) => ({
        x0FromClass: (1 - alphaBar) / Math.sqrt(alphaBar),
        xtFromClass: 0,
        slope,
      }),
    });
  },
});

/**
 * DDIM backwards: an image becomes the state at the noisiest level from which DDIM with eta 0 leads back to it. The
 * states are named inv.0, inv.1, ...; there is one evaluation for each transition, steps - 1.
 * @param image [N, H, W, C] in [-1, 1], taken as the state at the least noisy level
 * @returns the state at the noisiest level; the caller frees it
 * @throws {RangeError} if an option is out of range
 */
export function ddimReverse(
  runtime: Runtime,
  { model: given, image }: { readonly model: NoiseModel; readonly image: DeviceTensor },
  options: PlainOptions,
): AsyncGenerator<Progress, DeviceTensor> {
  const model = overTraining(given);
  checkedValues("run ddim", PLAIN_PARAMETERS, { ...options }, {}, { T: model.alphaBar.length });
  const levels = evenLevels(model, options.steps).toReversed();
  const places = levels.slice(0, -1).map((level, i) => ({
    ...level,
    name: `inv.${i}`,
    scalars: { ...ddimReverseCoefficients(level, levels[i + 1]!), ...UNGUIDED },
  }));
  return sampled(runtime, { model, start: image }, { ...options, places, isLearned: false, noise: silence });
}

/** From the noisiest level to the image. */
function descend(
  runtime: Runtime,
  problem: PlainProblem,
  { levels, update, classWeights, ...options }: Omit<PlainRun, "places"> & {
    readonly levels: readonly Level[];
    update(level: Level): PlainCoefficients;
    /** For a guidance of weight 1. */
    classWeights(update: PlainCoefficients, level: Level): ClassWeights;
  },
): AsyncGenerator<Progress, DeviceTensor> {
  const { guidance } = problem;
  const places = levels.map((level, i) => {
    const moved = update(level);
    const { x0FromClass, xtFromClass, slope } = guidance
      ? classWeights(moved, level)
      : { ...UNGUIDED, slope: moved.slope };
    const scale = guidance?.scale ?? 0;
    const toClass = { x0FromClass: scale * x0FromClass, xtFromClass: scale * xtFromClass, slope };
    return { ...level, name: `gen.${i}`, scalars: { ...moved, ...toClass } };
  });
  return sampled(runtime, problem, { ...options, places });
}
