/** Networks, noise schedules and checkpoints: everything between a weight file and eps(x_t, t). */
// First, so that families are defined in the order of their lines.
export { FAMILIES, registerFamily } from "./families.ts";
export {
  blobByteSource,
  bytesByteSource,
  type ByteSource,
  type FilesBeside,
  readExactly,
} from "./checkpoint/byte_source.ts";
export type { Checkpoint, CheckpointFormat, CheckpointTensor } from "./checkpoint/checkpoint.ts";
export { CheckpointError, quoteName } from "./checkpoint/checkpoint_error.ts";
export { openCheckpoint } from "./checkpoint/open_checkpoint.ts";
export { type OpenCheckpointOptions, PytorchFile } from "./checkpoint/pytorch_file.ts";
export { checkpointsAmong } from "./checkpoint/shard_names.ts";
export { openSafetensors, SafetensorsFile } from "./checkpoint/safetensors.ts";
export type { TensorEntry } from "./checkpoint/safetensors_header.ts";
export {
  safetensorsBytes,
  type SafetensorsContents,
  type TensorPieces,
  type TensorToWrite,
  type TensorValues,
  writeSafetensors,
} from "./checkpoint/safetensors_writer.ts";
export type { SafetensorsDtype, WritableDtype } from "./checkpoint/safetensors_dtype.ts";
export { CONVERTED_DTYPES, type ConvertedDtype, convertedPieces } from "./checkpoint/convert_dtype.ts";
export { type ConvertedContents, convertedContents } from "./checkpoint/convert_checkpoint.ts";
export { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from "./checkpoint/half.ts";
export {
  type BetaCurve,
  type BetaRange,
  isBetaCurve,
  type NoiseSchedule,
  noiseSchedule,
  respacedSchedule,
  scheduleFromBetas,
  zeroTerminalSnr,
} from "./noise_schedule.ts";
export { ddpmTimestepTable, guidedTimestepTable } from "./timestep_table.ts";
export { type Parameter, type ParameterLayout, repackParameter } from "./repack.ts";
export {
  type LoadOptions,
  loadWeights,
  type ParameterSet,
  type ParameterSource,
  type Precision,
  PRECISIONS,
  type UploadOptions,
  uploadWeights,
  type Weights,
} from "./weights.ts";
export { type ParameterLookup, type Projection, withStatistics } from "./layers.ts";
export {
  attentionBlock,
  attentionBlockParameters,
  downsample,
  embeddingProjections,
  residualBlock,
  residualBlockParameters,
  upsample,
} from "./unet_blocks.ts";
export {
  type GuidedClassifierConfig,
  type GuidedEncoderConfig,
  type GuidedUnetConfig,
  type Pool,
} from "./guided/config.ts";
export {
  type Block,
  type GuidedUnetLayout,
  guidedUnetLayout,
  guidedUnetParameters,
  type Layer,
} from "./guided/layout.ts";
export { guidedDiffusion, guidedUnet, guidedUnetConfig } from "./guided/unet.ts";
export { guidedClassifier } from "./guided/classifier.ts";
export type { DdpmUnetConfig } from "./ddpm/config.ts";
export { ddpm } from "./ddpm/unet.ts";
export type { DiffusersLevel, DiffusersMiddle, DiffusersUnetConfig } from "./diffusers/config.ts";
export { diffusers } from "./diffusers/unet.ts";
export {
  type DescribedWeights,
  describeWeights,
  hasUnetNames,
  type ModelTexts,
  type NamedText,
  requirePixels,
} from "./diffusers/describe.ts";
export { type ReadScheduler, readScheduler } from "./diffusers/scheduler.ts";
export { LISTED_FOLDERS, MODEL_TEXTS, type ModelFiles, modelFiles, pipelineAmong } from "./diffusers/model_files.ts";
export type { AttentionExchange } from "./attention_exchange.ts";
export type { Network, NetworkConfig, NetworkInputs } from "./network.ts";
export {
  type Description,
  type Evidence,
  type FamilyDefinition,
  type NetworkFamily,
  networkFamily,
  type NetworkPlan,
  type OpenQuestion,
  type TensorShapes,
} from "./family.ts";
export {
  alphaBarOf,
  countsPublished,
  type DiffusionProcess,
  isVariancePreserving,
  levelsOf,
  listedProcess,
  NOISE_INPUTS,
  type NoiseLevelConstants,
  noiseLevelProcess,
  type OutputWeights,
  PREDICTION_TYPES,
  type PredictionType,
  PUBLISHED_LEVELS,
  sigmaOf,
  timestepOf,
} from "./diffusion_process.ts";
export {
  evaluatedBy,
  type Evaluation,
  type NoiseModel,
  noiseModel,
  type NoiseModelOptions,
  type NoisePrediction,
  type Predicted,
  predictionOf,
} from "./noise_model.ts";
export { countedModel, NETWORK } from "./counted_model.ts";
export { WINDOW_FORMS, windowedModel, type WindowForm, windowGrid, type WindowOptions } from "./windowed_model.ts";
export { paddedModel } from "./padded_model.ts";
export { DEFAULT_PROCESS, type ModelPlan, planDescription } from "./model_description.ts";
export { countParameters, type NetworkCost, networkCost, shapesOnly } from "./network_cost.ts";
export { KNOWN_CHECKPOINTS, type KnownCheckpoint, knownCheckpoint } from "./known_checkpoints.ts";
export { KNOWN_FOLDERS, type KnownFolder, knownFolder } from "./known_folders.ts";
export {
  formatHubAddress,
  HUB_ENDPOINT,
  type HubAddress,
  hubFileUrl,
  hubFolderName,
  hubListingUrl,
  hubPage,
  readHubAddress,
} from "./hub/address.ts";
export { type HubFile, readHubListing } from "./hub/listing.ts";
export {
  chooseWeights,
  filesOfIndex,
  type PipelineLayout,
  pipelineLayout,
  requirePixelNetwork,
} from "./hub/choose_files.ts";
export type { WeightsChoice } from "./diffusers/weights_choice.ts";
export {
  describeCheckpoint,
  type DescribedCheckpoint,
  type DescriptionOptions,
  descriptionParameters,
  OpenQuestionsError,
  type TakenTensors,
} from "./describe_checkpoint.ts";
export {
  describeOrigin,
  descriptionOptions,
  descriptionSpecs,
  explainOpen,
  originNotes,
  requireKnown,
} from "./description_options.ts";
export { describeProcess, withProcess } from "./recognition/describe_process.ts";
export {
  findNetwork,
  type FoundNetwork,
  type InspectedNetwork,
  type Inspection,
  inspection,
} from "./recognition/inspection.ts";
export { counterpart } from "./recognition/parts.ts";
export { type OpenedModel, type OpenedNetwork, openModel } from "./open_model.ts";
export {
  PERCEPTUAL_NETWORKS,
  type PerceptualNetwork,
  perceptualNetwork,
  type PerceptualNetworkName,
} from "./features/perceptual_features.ts";
export {
  type Inception,
  INCEPTION_SIDE,
  inceptionParameters,
  openInception,
  type OpenInceptionOptions,
} from "./features/inception.ts";
export type { InceptionVariant } from "./features/inception_layout.ts";
export { classify, type ClassProbability } from "./classify.ts";
export { openClassifier, type OpenedClassifier } from "./open_classifier.ts";
export { defaultModelSource, openDefaultModel } from "./default_model.ts";
export type { AnswersOf, GuidedAnswers } from "./guided/detect.ts";
export type { BETA_CURVES } from "./noise_schedule.ts";
export type { CheckpointFile } from "./checkpoint/checkpoint_file.ts";
export type { PytorchTensor } from "./checkpoint/pytorch_file.ts";
export type { DTYPE_BITS, WRITABLE_DTYPES } from "./checkpoint/safetensors_dtype.ts";
export type { ATTENTION_NAMINGS, AttentionNaming, Resampling } from "./diffusers/config.ts";
export type { GuidedEncoderLayout } from "./guided/layout.ts";
export type { NamedParameter, Norm } from "./layers.ts";
export type { Sinusoids } from "./timestep_table.ts";
export type { AttentionBlockOptions, ResidualBlockOptions, ResidualNames } from "./unet_blocks.ts";
