/** The options of one run of a study, which change none of its results. */
import type { OptionSpec } from "../parameters/mod.ts";

/** What of a study is done at once, and what is shown of it, by the names of options. */
export const RUN_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  sheet: {
    kind: "text",
    value: "FILE",
    help: "Also the first picture as one PNG: the original, A^+ y, a row for each method; a column for each task",
  },
  "sheet-images": { kind: "integer", min: 1, max: 100, help: "Pictures on it, for every task (default 1)" },
  plan: { kind: "flag", help: "Print the plan and the predicted time, and stop" },
  "dry-run": { kind: "flag", help: "The same as --plan" },
  shard: { kind: "text", value: "I/N", help: "Do only part I of N; give every part its own --out" },
  batch: {
    kind: "integer",
    min: 1,
    max: 256,
    help: "Pictures restored at once (default: 8 of 64x64, fewer of larger)",
  },
  "report-images": { kind: "integer", min: 0, max: 10000, help: "Pictures shown in the report, per task (default 4)" },
};
