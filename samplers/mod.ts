/** The register of samplers, and the arithmetic that they share. */
import * as ENTRIES from "./entries.ts";
import { consistency } from "./methods/consistency.ts";
import { euler, eulerAncestral, flowEuler } from "./methods/euler.ts";
import { dpm, heun } from "./methods/heun.ts";
import { ddim, ddpm } from "./methods/plain.ts";
import { registerSampler } from "./register.ts";

/** Samplers by name, in the order of help texts; the first is the default of a command line. */
export const SAMPLERS: typeof ENTRIES = inOrder(ENTRIES);

/** Name of a sampler in the register. */
export type SamplerName = keyof typeof SAMPLERS;

/** Samplers that need no measurement, by name. */
export const PLAIN_SAMPLERS = {
  ddpm,
  ddim,
  heun,
  dpm,
  euler,
  euler_ancestral: eulerAncestral,
  consistency,
  flow_euler: flowEuler,
} as const;

/** Name of a plain sampler in the register. */
export type PlainSamplerName = keyof typeof PLAIN_SAMPLERS;

/** A module lists what it exports by the alphabet; the files were read in the order of its lines. */
function inOrder<T extends Readonly<Record<string, { readonly order: number }>>>(entries: T): T {
  return Object.fromEntries(Object.entries(entries).sort(([, a], [, b]) => a.order - b.order)) as T;
}

for (const entry of [...Object.values(SAMPLERS), ...Object.values(PLAIN_SAMPLERS)]) registerSampler(entry);

export { evaluationSetting, type SamplerValues } from "./evaluation_setting.ts";
export { suitedSamplers } from "./suited_samplers.ts";
export { type AnySampler, isPlain, registeredSamplers, registerSampler } from "./register.ts";
export { type PlainDefinition, plainSampler, type RestorationDefinition, sampler } from "./entry.ts";
export {
  type Evaluations,
  PUBLISHED_TIMESTEPS,
  type RestorationTask,
  type SamplerDefinition,
  type SamplerDescription,
  type Shorthand,
} from "./description.ts";
export { checkProblem, nonlinearSamplers } from "./problem_checks.ts";
export type { PlainProblem, PlainSampler } from "./plain_sampler.ts";
export type { GeneralProblem, Problem, Progress, Sampler } from "./sampler.ts";
export { type DdimOptions, ddimReverse, type DdpmOptions, type PlainOptions } from "./methods/plain.ts";
export { START_DRAW } from "./steps/plain_trajectory.ts";
export type { HeunOptions } from "./methods/heun.ts";
export type { EulerAncestralOptions, EulerOptions, FlowEulerOptions } from "./methods/euler.ts";
export type { ConsistencyOptions } from "./methods/consistency.ts";
export type { ConsistencyEditingOptions } from "./methods/consistency_editing.ts";
export { karrasGrid, type NoiseRange } from "./steps/noise_levels.ts";
export {
  ancestralCoefficients,
  ddimCoefficients,
  ddimReverseCoefficients,
  type FixedVariance,
  type PlainCoefficients,
} from "./steps/plain_coefficients.ts";
export {
  projectedSteps,
  SSD_PLUS_STOP,
  SSD_PRESETS,
  type SsdOptions,
  type SsdPlusOptions,
  type SsdPreset,
  ssdPreset,
} from "./methods/ssd_options.ts";
export type { DdnmOptions } from "./methods/ddnm.ts";
export type { DdnmPlusOptions } from "./methods/ddnm_plus.ts";
export { type DdrmOptions, ddrmStart } from "./methods/ddrm.ts";
export type { DdsOptions } from "./methods/dds.ts";
export { type DiffpirOptions, diffpirStart, diffpirWeights } from "./methods/diffpir.ts";
export type { DdpgOptions, IdpgOptions } from "./methods/back_projection/ddpg.ts";
export type { Cm4irOptions } from "./methods/back_projection/cm4ir.ts";
export type { ResampleOptions } from "./methods/fitting/resample.ts";
export type { LgdOptions } from "./methods/decoupled/lgd.ts";
export type { DapsOptions } from "./methods/decoupled/daps.ts";
export type { GuessAndGuideOptions } from "./methods/decoupled/guess_and_guide.ts";
export type { PnpDmOptions } from "./methods/decoupled/pnp_dm.ts";
export type { DdsmcOptions } from "./methods/particles/ddsmc.ts";
export { type FpsSmcOptions, fpsSmcStart } from "./methods/particles/fps_smc.ts";
export { learnExtrapolation } from "./methods/extrapolation/learn_extrapolation.ts";
export type { Extrapolation } from "./methods/extrapolation/mixtures.ts";
export type { Resampling } from "./methods/particles/particles.ts";
export type { DeqirOptions } from "./methods/parallel/deqir.ts";
export type { WindowPart } from "./methods/blind/blur_spectrum.ts";
export type { GibbsDdrmOptions, SeenBlur } from "./methods/blind/gibbs_ddrm.ts";
export type { RedDiffOptions, RedDiffWeighting } from "./methods/fitting/red_diff.ts";
export type { SitcomOptions } from "./methods/fitting/sitcom.ts";
export type { DmpsOptions } from "./methods/dmps.ts";
export type { DpsOptions } from "./methods/dps.ts";
export type { DpsDmpsOptions } from "./methods/dps_dmps.ts";
export { type Likelihood, LIKELIHOODS } from "./steps/gradient_step.ts";
export type { McgOptions } from "./methods/mcg.ts";
export type { PigdmOptions } from "./methods/pigdm.ts";
export type { IlvrOptions } from "./methods/ilvr.ts";
export type { GuideLevel, MeasurementNoise } from "./common_parameters.ts";
export type { ClassGuidance } from "./steps/class_guidance.ts";
export { conjugateGradients } from "./steps/conjugate_gradients.ts";
export { type Move, travelMoves, type TravelOptions } from "./steps/time_travel.ts";
export { type Draw, DRAWS_PER_SEED, givenNoise, type NoiseSource, seededNoise } from "./noise_source.ts";
export { drawOf, moveBy, pureNoise, type State, type Trajectory, trajectory } from "./steps/run.ts";
export {
  ddnmTimesteps,
  noiseTimesteps,
  quadraticTimesteps,
  spaceTimesteps,
  ssdTimesteps,
  strideTimesteps,
} from "./timesteps.ts";
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
export {
  networkStep,
  type Place,
  type Prediction,
  predictX0,
  type RunTensors,
  type Step,
  type StepDefinition,
  type Update,
} from "./steps/step.ts";
export { type InversionOptions, invert } from "./steps/inversion.ts";
export {
  type AttentionMaps,
  type RestorationPlace,
  type RestorationState,
  type RestorationStep,
  restorationStep,
} from "./steps/restoration_step.ts";
export type { NoiseArguments } from "./noise_source.ts";
export type { PARAMETERS as CM4IR_PARAMETERS } from "./methods/back_projection/cm4ir.ts";
export type { DDPG_PARAMETERS, IDPG_PARAMETERS } from "./methods/back_projection/ddpg.ts";
export type { PARAMETERS as GIBBS_DDRM_PARAMETERS } from "./methods/blind/gibbs_ddrm.ts";
export type { PARAMETERS as CONSISTENCY_PARAMETERS } from "./methods/consistency.ts";
export type { PARAMETERS as CONSISTENCY_EDITING_PARAMETERS } from "./methods/consistency_editing.ts";
export type { DdnmInputs, PARAMETERS as DDNM_PARAMETERS } from "./methods/ddnm.ts";
export type { PARAMETERS as DDNM_PLUS_PARAMETERS } from "./methods/ddnm_plus.ts";
export type { PARAMETERS as DDRM_PARAMETERS } from "./methods/ddrm.ts";
export type { PARAMETERS as DDS_PARAMETERS } from "./methods/dds.ts";
export type { PARAMETERS as DAPS_PARAMETERS } from "./methods/decoupled/daps.ts";
export type { PARAMETERS as GUESS_AND_GUIDE_PARAMETERS } from "./methods/decoupled/guess_and_guide.ts";
export type { PARAMETERS as LGD_PARAMETERS } from "./methods/decoupled/lgd.ts";
export type { PARAMETERS as PNP_DM_PARAMETERS } from "./methods/decoupled/pnp_dm.ts";
export type { PARAMETERS as DIFFPIR_PARAMETERS } from "./methods/diffpir.ts";
export type { PARAMETERS as DMPS_PARAMETERS } from "./methods/dmps.ts";
export type { PARAMETERS as DPS_PARAMETERS } from "./methods/dps.ts";
export type { PARAMETERS as DPS_DMPS_PARAMETERS } from "./methods/dps_dmps.ts";
export type { ANCESTRAL_PARAMETERS, EULER_PARAMETERS, FLOW_PARAMETERS } from "./methods/euler.ts";
export type {
  PARAMETERS as RED_DIFF_PARAMETERS,
  WEIGHTINGS as RED_DIFF_WEIGHTINGS,
} from "./methods/fitting/red_diff.ts";
export type { PARAMETERS as RESAMPLE_PARAMETERS } from "./methods/fitting/resample.ts";
export type { PARAMETERS as SITCOM_PARAMETERS } from "./methods/fitting/sitcom.ts";
export type { PARAMETERS as HEUN_PARAMETERS } from "./methods/heun.ts";
export type { PARAMETERS as ILVR_PARAMETERS } from "./methods/ilvr.ts";
export type { PARAMETERS as MCG_PARAMETERS } from "./methods/mcg.ts";
export type { PARAMETERS as DEQIR_PARAMETERS } from "./methods/parallel/deqir.ts";
export type { PARAMETERS as DDSMC_PARAMETERS } from "./methods/particles/ddsmc.ts";
export type { PARAMETERS as FPS_SMC_PARAMETERS } from "./methods/particles/fps_smc.ts";
export type { PARAMETERS as PIGDM_PARAMETERS } from "./methods/pigdm.ts";
export type { DDIM_PARAMETERS, DDPM_PARAMETERS, PLAIN_PARAMETERS } from "./methods/plain.ts";
export type { SSD_PARAMETERS, SSD_PLUS_PARAMETERS } from "./methods/ssd_options.ts";
export type { SolverOptions } from "./steps/conjugate_gradients.ts";
export type { PredictionWeights } from "./steps/step.ts";
