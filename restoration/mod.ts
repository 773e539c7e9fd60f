/** Restoration as a library: plain values in and out. */
export { degrade, type DegradeOptions } from "./degrade.ts";
export {
  type Restoration,
  type RestorationProblem,
  type RestorationStep,
  restore,
  type RestoreOptions,
  type RunNoise,
} from "./restore.ts";
export { chooseMethod, methodRefusal } from "./choose_method.ts";
export type { Method } from "./method.ts";
export { methodOptions, NOISE_LEVEL, restoringMethods } from "./method_options.ts";
export { reducedKernel } from "./reduced_kernel.ts";
export {
  chooseNoise,
  chooseTask,
  describingOptions,
  fileOptions,
  NOISE_OPTIONS,
  operatorOptions,
  taskOptions,
  type TaskSetting,
} from "./task_options.ts";
export { restoreTasks, type Task, taskOperator, TASKS, UPSAMPLE, upsampling } from "./tasks.ts";
export { MASK_FORMAT, type MaskFile, maskFileOf, namedFiles, neededMask, taskFilePaths } from "./task_files.ts";
