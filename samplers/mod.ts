/** The register of samplers, and the arithmetic that they share. */
import { ddim, ddpm } from "./plain.ts";
import { ssd, ssdPlus } from "./ssd.ts";

/** Samplers by name. */
export const SAMPLERS = { ssd, ssd_plus: ssdPlus } as const;

/** Name of a sampler in the register. */
export type SamplerName = keyof typeof SAMPLERS;

/** Samplers that need no measurement, by name. */
export const PLAIN_SAMPLERS = { ddpm, ddim } as const;

/** Name of a plain sampler in the register. */
export type PlainSamplerName = keyof typeof PLAIN_SAMPLERS;

export type { Evaluations, Problem, Progress, Sampler } from "./sampler.ts";
export {
  type DdimOptions,
  ddimReverse,
  type DdpmOptions,
  type PlainProblem,
  type PlainSampler,
  START_DRAW,
} from "./plain.ts";
export {
  ancestralCoefficients,
  ddimCoefficients,
  ddimReverseCoefficients,
  type PlainCoefficients,
} from "./plain_coefficients.ts";
export {
  projectedSteps,
  type RestorationTask,
  SSD_PLUS_STOP,
  SSD_PRESETS,
  type SsdOptions,
  type SsdPlusOptions,
  type SsdPreset,
  ssdPreset,
} from "./ssd_options.ts";
export { type Draw, DRAWS_PER_SEED, givenNoise, type NoiseSource, seededNoise } from "./noise_source.ts";
export { spaceTimesteps, ssdTimesteps } from "./timesteps.ts";
export {
  ddpmCoefficients,
  etaMixCoefficients,
  INVERSION_VARIANTS,
  inversionCoefficients,
  type InversionVariant,
  type Level,
  type PredictionCoefficients,
  predictionCoefficients,
  respace,
  type UpdateCoefficients,
} from "./coefficients.ts";
export { predictX0 } from "./predict.ts";
export { type InversionOptions, invert } from "./inversion.ts";
export { type RestorationStep, restorationStep, type State, type StepNumbers } from "./restoration_step.ts";
