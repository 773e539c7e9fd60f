/** Where the time of a step goes, for any sampler, task and network, and which algorithms are the fastest for a network. */
export { measureCeilings } from "./ceilings.ts";
export { type ChromeTrace, chromeTrace, type TraceEvent } from "./chrome_trace.ts";
export { formatComparison } from "./compare.ts";
export {
  type Ceilings,
  type MemoryPicture,
  type MemoryValue,
  parseDocument,
  type ProfileDocument,
  type StageRuns,
} from "./document.ts";
export { type ColouredOperation, colouredOperations, type FlameBox, flameBoxes } from "./flame_boxes.ts";
export { htmlPage } from "./html_page.ts";
export { profile, type ProfileRun, profileStep, type StepProfile, type StepSetting } from "./profile.ts";
export { formatProfile } from "./tables.ts";
export {
  blockOf,
  explainTime,
  kernelOf,
  type Rates,
  ratesOf,
  stageOf,
  titleOf,
  type Total,
  totalsBy,
} from "./summary.ts";
export { isSlower, type KeptChoice, keptChoices } from "./tuning/choices.ts";
export { type Advantage, defaultMemoryTerms, type MemoryTerms } from "./tuning/decide.ts";
export { Limit, type StopReason } from "./tuning/limit.ts";
export { formatOutcome } from "./tuning/table.ts";
export { type TunedLayer, tuneNetwork, type TuneOutcome, type TuneRun } from "./tuning/tune_network.ts";
export type { FORMAT } from "./document.ts";
export type { NetworkComparison } from "./tuning/network.ts";
