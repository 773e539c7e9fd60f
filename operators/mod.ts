/** Degradations: linear maps from images to measurements, found by name, and the noise of measurements. */

// First, as the order in which files are read is that of help texts.
export {
  createDegradation,
  createOperator,
  lookUpTask,
  NONLINEAR_OPERATORS,
  operatorEntry,
  type OperatorName,
  type OperatorOptions,
  OPERATORS,
  type OptionsOf,
  registerOperator,
  TASKS,
} from "./registry.ts";
export {
  type Degradation,
  estimate,
  isLinear,
  isProjectable,
  type LinearOperator,
  type NonlinearOperator,
  type Operator,
  project,
  type Projectable,
  type SpectralForm,
  type Trust,
  trustAt,
} from "./operator.ts";
export { APPLICATIONS, countedOperator } from "./counted_operator.ts";
export { boxMask, type MissingBox, pictureMask, randomMask } from "./pixels/masks.ts";
export { cubic } from "./resolution/bicubic_downsample.ts";
export { MOST_ENLARGED } from "./resolution/factor.ts";
export type { BlurFactors } from "./blur/published_blur.ts";
export type { BlurVariant } from "./blur/gaussian_blur.ts";
export type { BlurBoundary, Border, ImagePart } from "./blur/border.ts";
export { gaussianKernel2d, motionKernel } from "./blur/kernels_2d.ts";
export { composedTask, partNames, sharedOptions } from "./composed_task.ts";
export { leastCommonMultiple } from "./least_common_multiple.ts";
export { composition, type CompositionInverse, type CompositionOptions } from "./composition.ts";
export { leastSquares } from "./least_squares.ts";
export { adjointOf, type OwnOperator, ownOperator, pullBack } from "./derived.ts";
export { type BlurLayer, type BlurNetwork, smearingLights } from "./blur/blur_network.ts";
export { coilMaps } from "./sensing/magnetic_resonance.ts";
export { jpegNoise, type JpegOptions, jpegQuality, type JpegSteps, jpegSteps, type JpegTables } from "./pixels/jpeg.ts";
export type { JpegFile, JpegPlace, JpegPlane } from "./pixels/jpeg_blocks.ts";
export { type Draws, draws } from "./draws.ts";
export { addNoise, type MeasurementNoise, NOISES } from "./noise.ts";
export { type Sampling, samplingMask, type SamplingOptions, SAMPLINGS } from "./sensing/mri_masks.ts";
export {
  linearEntry,
  nonlinearEntry,
  type OperatorDefinition,
  type OperatorEntry,
  type OperatorValues,
  type Some,
  type TaskContext,
  type TaskDefinition,
} from "./entry.ts";
export { type Task, type TaskOption, taskOptionsOf, type TaskPlace, taskValues } from "./task.ts";
