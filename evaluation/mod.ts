/** Evaluation as a library: studies in, units in a store, tables and a report out. */
export { type Entry, type EntryKind, entryOptions, type EntrySource, namesOf, readEntries } from "./entries.ts";
export type { Expectations, Paper, PaperRow, Trend } from "./expectations.ts";
export type { Run, Seeds } from "./seeds.ts";
export { ENTRY_OPTIONS, readStudy, type Study, STUDY_OPTIONS, type StudySource } from "./study.ts";
export type { PairNoise } from "./drawn_noise.ts";
export { NO_FILES, type StudyPicture, type TaskFiles } from "./pictures.ts";
export { checkNetwork, makePlan, type Pair, type Subject, unitKey, unitsOf, type Work } from "./make_plan.ts";
export { type KeyedPair, PlanUnits } from "./units.ts";
export { type KeptPlan, readKeptPlan, writePlan } from "./kept_plan.ts";
export {
  type Amount,
  amountOf,
  commandText,
  costsOf,
  describePlan,
  type Label,
  labelsOf,
  type ModelIdentity,
  pairName,
  type Place,
  type Plan,
  planData,
  type PlannedPair,
  type PlannedUnit,
  readShard,
  type Shard,
  shardOf,
  type Units,
} from "./plan.ts";
export { measureSpeed, type Speed } from "./prediction.ts";
export { RUN_OPTIONS } from "./run_options.ts";
export { describeFailures, type Failure, type Means, runUnits, type Watch } from "./run_units.ts";
export { type MeasureFiles, measureOptions, measuresOf } from "./measuring_networks.ts";
export { featureStatistics, type Measure, type Measures } from "./passes.ts";
export {
  canonical,
  type FileSink,
  hashOf,
  lookFor,
  readUnit,
  readUnits,
  shownFiles,
  type StepNoise,
  type Store,
  UNIT_FILES,
  type UnitRecord,
  writeText,
} from "./store.ts";
export {
  type Cell,
  type FinishedUnit,
  type FinishedUnits,
  type NoiseMeans,
  type Results,
  type ShownUnit,
} from "./cells.ts";
export type { Measured } from "./statistics.ts";
export { type Cost, COST_NAMES, type Costly, type CostName, costOf, COSTS } from "./costs.ts";
export { frontierFiles } from "./frontier.ts";
export { formatPublished, papersOf, type PublishedFigure, publishedFigures } from "./published.ts";
export { formatCells, tableFiles } from "./tables.ts";
export { type Metric, type MetricName, METRICS, type UnitMetrics } from "./metrics.ts";
export { resultSheet } from "./sheet.ts";
export { mergeParts } from "./merge.ts";
export {
  evaluate,
  type EvaluateOptions,
  type Evaluation,
  type Pending,
  readPending,
  readResults,
  writeResults,
} from "./evaluate.ts";
export { formatNoise, type InversionNoise, inversionNoise, meanNoise } from "./noise_study.ts";
export {
  comparePair,
  formatPairs,
  type NamedPair,
  type NamedPictures,
  pairData,
  type PairOptions,
  type PairRow,
  pairsByName,
  type PairSummaries,
  summarizePairs,
} from "./pairs.ts";
