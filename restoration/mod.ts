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
