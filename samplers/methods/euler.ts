/**
 * Plain sampling by one evaluation for each of a list of noise levels that the sampler makes: Euler steps along the
 * probability flow dx_hat/dsigma = (x_hat - x0)/sigma (Karras et al. 2022), with fresh noise in between, and the same for
 * straight paths. In x_vp an Euler step is one of DDIM with eta 0, an ancestral one that with eta 1.
 */
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import type { NoiseModel } from "../../models/mod.ts";
import { flag, integer, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { clipDenoised } from "../common_parameters.ts";
import { plainSampler } from "../entry.ts";
import type { NoiseSource } from "../noise_source.ts";
import type { PlainProblem, PlainSampler } from "../plain_sampler.ts";
import type { Progress } from "../sampler.ts";
import { refuseGuidance } from "../steps/class_guidance.ts";
import { KARRAS_LEVELS, karrasGrid, levelsDown, noiseRange, overLevels, trainedRange } from "../steps/noise_levels.ts";
import { ddimCoefficients } from "../steps/plain_coefficients.ts";
import { sampled, UNGUIDED } from "../steps/plain_trajectory.ts";

/** The parameters of `euler-ancestral`. */
export const ANCESTRAL_PARAMETERS = {
  steps: integer(18, { min: 1, max: 1000 }, "number of noise levels") as Parameter<number>,
  ...KARRAS_LEVELS,
  clipDenoised,
};

/** The parameters of `euler`. */
export const EULER_PARAMETERS = {
  ...ANCESTRAL_PARAMETERS,
  keepsLeast: flag(
    false,
    { option: "keep-least-noise" },
    "end at the least noise level, without the step from there to the image (progressive distillation)",
  ) as Parameter<boolean>,
};

/** The parameters of `flow-euler`. */
export const FLOW_PARAMETERS = {
  steps: integer(50, { min: 1, max: 1000 }, "number of times") as Parameter<number>,
  shift: number(
    1,
    { min: 1e-3, max: 1000 },
    "how far times move towards the noise: t becomes shift t/(1 + (shift - 1) t)",
  ) as Parameter<number>,
};

/** Parameters of Euler's method. */
export type EulerOptions = ValuesOf<typeof EULER_PARAMETERS>;

/** Parameters of ancestral sampling over noise levels. */
export type EulerAncestralOptions = ValuesOf<typeof ANCESTRAL_PARAMETERS>;

/** Parameters of Euler's method along straight paths. */
export type FlowEulerOptions = ValuesOf<typeof FLOW_PARAMETERS>;

const KARRAS_2022 = "Karras et al., Elucidating the Design Space of Diffusion-Based Generative Models, NeurIPS 2022";

/** Euler's method over noise levels. */
export const euler: PlainSampler<EulerOptions> = plainSampler({
  name: "euler",
  paper: KARRAS_2022,
  about: "plain sampling along the probability flow by Euler steps, for upsample",
  makesLevels: true,
  parameters: EULER_PARAMETERS,
  draws: ({ actual }) => actual + 1,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  sample(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { steps, keepsLeast } = options;
    const range = noiseRange("euler", problem.model, options);
    const sigmas = keepsLeast ? karrasGrid(steps + 1, range) : [...karrasGrid(steps, range), 0];
    return descend(runtime, "euler", problem, { ...options, sigmas, eta: 0 });
  },
});

/** Ancestral sampling over noise levels. */
export const eulerAncestral: PlainSampler<EulerAncestralOptions> = plainSampler({
  name: "euler_ancestral",
  paper: `Ho et al., Denoising Diffusion Probabilistic Models, NeurIPS 2020; levels: ${KARRAS_2022}`,
  about: "plain sampling by Euler steps with fresh noise after each, for upsample",
  makesLevels: true,
  parameters: ANCESTRAL_PARAMETERS,
  draws: ({ actual }) => actual + 1,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  sample(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const sigmas = [...karrasGrid(options.steps, noiseRange("euler_ancestral", problem.model, options)), 0];
    return descend(runtime, "euler_ancestral", problem, { ...options, sigmas, eta: 1 });
  },
});

/** Euler's method over times of a straight path from noise at t = 1 to the image at t = 0. */
export const flowEuler: PlainSampler<FlowEulerOptions> = plainSampler({
  name: "flow_euler",
  paper: "Liu et al., Flow Straight and Fast: Learning to Generate and Transfer Data with Rectified Flow, ICLR 2023; " +
    "Esser et al., Scaling Rectified Flow Transformers for High-Resolution Image Synthesis, ICML 2024 (shift)",
  about: "plain sampling along straight paths, for flow networks and upsample",
  makesLevels: true,
  parameters: FLOW_PARAMETERS,
  draws: ({ actual }) => actual + 1,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  sample(runtime, problem, { steps, shift, noise }): AsyncGenerator<Progress, DeviceTensor> {
    // The noise t/(1 - t) of a path without scale; none of t = 1 is left of the image.
    const sigmas = flowTimes(problem.model, steps, shift).map((t) => t / (1 - t));
    return descend(runtime, "flow_euler", problem, { sigmas, eta: 0, clipDenoised: false, noise, startDeviation: 1 });
  },
});

/**
 * Times of the steps, and 0: evenly from 1 down to 1/1000, all of them shifted; the least one is shifted before that,
 * too, as in the published program. Networks that know no pure noise begin at their greatest noise level.
 */
function flowTimes(model: NoiseModel, steps: number, shift: number): readonly number[] {
  const shifted = (t: number): number => shift * t / (1 + (shift - 1) * t);
  const [, greatest] = trainedRange(model);
  const most = greatest === Infinity ? 1 : greatest / (1 + greatest);
  const [first, last] = [most / (shift - (shift - 1) * most), shifted(1 / 1000)];
  const later = Array.from({ length: steps - 1 }, (_, k) => shifted(first + (k + 1) / (steps - 1) * (last - first)));
  return [most, ...later, 0];
}

/** Steps over a list of noise levels, each of DDIM with an eta. */
function descend(
  runtime: Runtime,
  name: string,
  { model, guidance, ...problem }: PlainProblem,
  { sigmas, eta, ...options }: {
    readonly sigmas: readonly number[];
    readonly eta: number;
    readonly clipDenoised: boolean;
    readonly noise: NoiseSource;
    readonly startDeviation?: number;
  },
): AsyncGenerator<Progress, DeviceTensor> {
  refuseGuidance(name, guidance);
  const levels = levelsDown(sigmas);
  const places = levels.map((level, i) => ({
    ...level,
    name: `gen.${i}`,
    scalars: { ...ddimCoefficients(level, eta), ...UNGUIDED },
  }));
  const over = overLevels(name, model, levels.map(({ alphaBar }) => alphaBar));
  // Without scale the state is sigma z: in x_vp the deviation is a little less than 1.
  const startDeviation = options.startDeviation ?? Math.sqrt(1 - levels[0]!.alphaBar);
  return sampled(runtime, { ...problem, model: over }, { ...options, places, isLearned: false, startDeviation });
}
