/**
 * Shortcut as a library: restores damaged pictures with diffusion models, on a WebGPU tensor engine of its own.
 *
 * ```ts
 * const runtime = await WebGpuRuntime.open();
 * const model = await openModel(runtime); // the embedded prior; or a path, an address, a Blob
 * const x = await readPicture("photo.png", { side: 64 });
 * const operator = createOperator("sr_average", x.shape, { scale: 4 });
 * const y = await degrade(runtime, operator, x, { sigma: 0, seed: 1 });
 * const image = await restore(runtime, SAMPLERS.ddnm, { model, operator, y, sigmaY: 0 }, { steps: 50, seed: 0 });
 * await writePicture("restored.png", image);
 * ```
 *
 * Whoever writes kernels, operators, samplers or networks finds the rest in the entries of the rooms, such as
 * `@shortcut/shortcut/kernels`.
 *
 * @module
 */
export {
  type AdapterIdentity,
  type Backend,
  type BACKENDS,
  type Binding,
  type Call,
  type Coefficient,
  type ConstantSource,
  type DeviceProfile,
  type DeviceTensor,
  type Dispatch,
  type DType,
  type Example,
  type Graph,
  type HostTensor,
  hostTensor,
  type KernelTime,
  type LayerChoice,
  type Lifetime,
  type OpDef,
  type Plan,
  type PlannedDispatch,
  type PlannedLayer,
  type Preferences,
  type ProfileOptions,
  type Recomputation,
  ReferenceRuntime,
  type ReplayTimer,
  type Runtime,
  type RuntimeStatistics,
  type Scalar,
  type Scalars,
  type Shape,
  type Stage,
  type StageBody,
  type StageProfile,
  type Target,
  type Tensor,
  type TensorPart,
  type Tensors,
  type TensorType,
  type TimingMethod,
  WebGpuRuntime,
} from "./engine/mod.ts";
export {
  openModel,
  type OpenModelOptions,
  type PictureMetadata,
  type ReadImageOptions,
  readPicture,
  type ReadPictureOptions,
  type WriteImageOptions,
  writePicture,
} from "./io/mod.ts";
export {
  type ComparedChannels,
  type ComparisonOptions,
  type ConventionName,
  type ImageQuality,
  imageQuality,
  type ImageQualityOptions,
  psnr,
  type Rounding,
  ssim,
  type SsimOptions,
} from "./metrics/mod.ts";
export type {
  AttentionExchange,
  BETA_CURVES,
  BetaCurve,
  DescriptionOptions,
  GuidedAnswers,
  NetworkConfig,
  NoiseModel,
  NoiseModelOptions,
  NoiseSchedule,
  OpenedModel,
  OpenedNetwork,
  Precision,
  PRECISIONS,
  UploadOptions,
} from "./models/mod.ts";
export {
  createDegradation,
  createOperator,
  type Degradation,
  type JpegTables,
  type KnownOperator,
  type LinearOperator,
  type MeasurementNoise,
  type NonlinearOperator,
  type Operator,
  type OperatorDefinition,
  type OperatorEntry,
  type OperatorName,
  OPERATORS,
  type OperatorValues,
  type OptionsOf,
  type OwnOperator,
  ownOperator,
  type Some,
  type SpectralForm,
  type TaskContext,
  type TaskDefinition,
} from "./operators/mod.ts";
export {
  degrade,
  type DegradeOptions,
  type Restoration,
  type RestorationProblem,
  type RestorationStep,
  restore,
  type RestoreOptions,
  type RunNoise,
} from "./restoration/mod.ts";
export {
  type Draw,
  type Evaluations,
  type GeneralProblem,
  type NoiseArguments,
  type NoiseSource,
  type Progress,
  type RestorationTask,
  type Sampler,
  type SamplerDescription,
  SAMPLERS,
  seededNoise,
  type Shorthand,
} from "./samplers/mod.ts";
export type { Limits, Parameter, ParameterNotes, Parameters, ValuesOf } from "./parameters/mod.ts";
