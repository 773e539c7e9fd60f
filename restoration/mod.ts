/** Restoration as a library: plain values in and out. */
export { applyOperator } from "./apply_operator.ts";
export { type Canvas, type CanvasLimits, formatSize, isShrunk, offCanvas, ontoCanvas, planCanvas } from "./canvas.ts";
export { chooseMethod, methodRefusal } from "./options/choose_method.ts";
export { chooseRestoring, isPresetOpen, presetNotes } from "./options/measured_preset.ts";
export {
  checkConditioning,
  checkEnlarged,
  checkTimesteps,
  CLASS_OPTION,
  fitFactor,
  fitUpsampling,
  levelNotes,
} from "./options/conditioning.ts";
export { evaluationOptions } from "./options/evaluation_options.ts";
export { imageChannels, type NamedModel, pictureChannels } from "./options/image_channels.ts";
export { ENLARGE, FACTOR_OPTIONS, SCALE_OPTION, withFactor } from "./options/factors.ts";
export { describeCounts, type RunCounts } from "./counts.ts";
export { degrade, type DegradeOptions } from "./degrade.ts";
export { type DegradationSetting, type DegradedPicture, degradePicture } from "./degrade_picture.ts";
export { clamped, type Comparison, finishPicture, type Result } from "./finish.ts";
export {
  fileStem,
  type FolderItem,
  type FolderJob,
  type FolderPlan,
  isMeasurementName,
  isPictureName,
  MASK_ENDING,
  type PassedOver,
  PICTURE_FORMATS,
  planFolder,
  SEED_OPTION,
  seedOf,
  seedOfJob,
} from "./folder.ts";
export { decodeMeasurement, encodeMeasurement, type Measurement, type ReadMeasurement } from "./measurement.ts";
export { measurementFormat } from "./options/measurement_format.ts";
export type { MeasuredPicture } from "./measurement_fields.ts";
export type { Method } from "./options/method.ts";
export { methodOptions, NOISE_LEVEL, restoringMethods } from "./options/method_options.ts";
export { chooseNoise, NOISE_OPTIONS } from "./options/noise_options.ts";
export {
  type DecodedMask,
  type DecodedPicture,
  PictureQuestion,
  pictureSource,
  sentence,
  type SourceSetting,
} from "./picture_source.ts";
export {
  type KnownPixels,
  maskOntoCanvas,
  type NetworkSetting,
  type PictureFormat,
  type PictureInput,
  type PictureSource,
  type PreparedPicture,
  preparePicture,
} from "./prepare.ts";
export type { Compression } from "./own_jpeg.ts";
export {
  describeRepeat,
  PARAMETERS_KEYWORD,
  parametersOf,
  PROGRAM,
  REPEAT_OPTIONS,
  repeatable,
  repeatedRun,
  type ReportedInput,
  reportedInput,
  type RunParameters,
} from "./repeat.ts";
export { reducedKernel } from "./reduced_kernel.ts";
export { type IdentifiedModel, modelData, type Outcome, type Report, reportOf } from "./report.ts";
export {
  networkFor,
  type Restoration,
  type RestorationProblem,
  type RestorationStep,
  restore,
  restoreBy,
  type RestoreOptions,
  type RunNoise,
  type WindowSetting,
} from "./restore.ts";
export { checkMeasuredOptions, checkPictureOptions, isTaskQuality, QUALITY_OPTION } from "./options/restore_options.ts";
export { MASK_FORMAT, type MaskFile, maskFileOf, namedFiles, neededMask, taskFilePaths } from "./options/task_files.ts";
export {
  chooseTask,
  describingOptions,
  fileOptions,
  operatorOptions,
  taskOptions,
  type TaskSetting,
} from "./options/task_options.ts";
export {
  degradeTasks,
  partsOf,
  quoted,
  restoreTasks,
  type Task,
  taskNamed,
  taskOperator,
  TASKS,
  UPSAMPLE,
  upsampling,
} from "./options/tasks.ts";
export { OWN_PICTURE_OPTIONS, ownPictureOptions, takesOwnPicture } from "./options/own_picture.ts";
export { summarize, summarizeCombined } from "./summary.ts";
export { timed, type TimedRestoration } from "./timed.ts";
export { decodeNoise, type RecordedNoise, recordedNoise, Trace } from "./trace.ts";
export { runIdentity, type RunSubject, SavedRun, type SaveSetting, type StateStore } from "./resume/saved_run.ts";
export { SAVE_OPTIONS, saveEvery, SaveTimes } from "./resume/save_times.ts";
export { decodeRunState, encodeRunState, type RunState, type StoredState } from "./resume/run_state.ts";
export type { ResumableStep } from "./resume/resumable.ts";
export { judge, type Judged, type Misfit, misfitShare, type Verdict } from "./harm.ts";
export {
  BLUR_OPTIONS,
  checkBlurOption,
  kernelRunOptions,
  type PictureErrors,
  settleBlur,
  type SettledBlur,
} from "./options/blur_question.ts";
export type { Treatment } from "./diagnosis/advice.ts";
export {
  blindPicture,
  blindRunOptions,
  type BlindSetting,
  describeKernel,
  findKernel,
  type FoundKernel,
  kernelRaster,
} from "./diagnosis/blind_kernel.ts";
export { EXAMPLE_OPTION, EXAMPLE_PICTURES, exampleOf, type ExamplePicture } from "./options/examples.ts";
export { asksForKernel, ESTIMATED_KERNEL, kernelOption } from "./options/blind_blur.ts";
export { AUTO, AUTO_OPTIONS, isAuto, settleAuto, type Settled } from "./diagnosis/auto.ts";
export {
  type Advice,
  DAMAGES,
  describeDiagnosis,
  diagnose,
  diagnosing,
  type Diagnosis,
  maskEvidence,
  maskRaster,
  proposedMask,
  reportedDiagnosis,
} from "./diagnosis/diagnose.ts";
export { type Enlargement, enlargementOf } from "./diagnosis/enlargement.ts";
export { type Damage, type Finding, type Remedy, type Seen, SURE } from "./diagnosis/finding.ts";
export { type JpegTraces, jpegTraces } from "./diagnosis/jpeg_traces.ts";
export { partOfSource, richestPart } from "./diagnosis/part.ts";
export { MOST_READINGS, type Reading, readingsOf } from "./diagnosis/readings.ts";
export {
  bestOf,
  describeTried,
  restorePart,
  type TriedReading,
  type TriedReadings,
  tryReadings,
  type TrySetting,
} from "./diagnosis/try_readings.ts";
export { discKernel, squareKernel } from "./estimates/area_kernel.ts";
export { type AreaBlur, type Blur, estimateBlur, type GaussianBlur, type MotionBlur } from "./estimates/blur.ts";
export { lineKernel } from "./estimates/line_kernel.ts";
export type { JpegFileSteps } from "./estimates/jpeg_noise.ts";
export { findScratches, type Scratches } from "./estimates/scratches.ts";
export { estimateNoiseLevel, type NoiseLevel, type NoiseSetting, resizedNoise } from "./estimates/noise_level.ts";
export { methodForNoise, type NoiseMethod, noiseOfPicture, type NoisyPicture } from "./options/noisy_picture.ts";
export { type SettledPicture, settlePicture } from "./options/settle_picture.ts";
export { SIZE_OPTIONS, WINDOW_OPTIONS, windowOf } from "./options/window_options.ts";
export {
  defaultSide,
  defaultWindow,
  type Evaluation,
  evaluationOf,
  type EvaluationOptions,
  type ViewOptions,
} from "./plan/network_view.ts";
export { measurePace, type Pace, takesGradients } from "./plan/pace.ts";
export { PATIENCE_SECONDS, planSize, type SettledSize, type SizeRequest } from "./plan/plan_size.ts";
export { planRestoration, planSummary, type RestorationPlan } from "./plan/plan_restoration.ts";
export {
  checkSamples,
  combinedReport,
  type CombinedResult,
  type CombinedSamples,
  combineSamples,
  deviationMap,
  ResultCombiner,
  SampleMoments,
  SAMPLES_OPTION,
  WHITE_DEVIATION,
} from "./samples.ts";
export type { ResizedPicture } from "./estimates/noise_level.ts";
