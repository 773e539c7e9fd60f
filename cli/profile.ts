/** `deno task profile`: what a network evaluation costs inside a restoration step, and why. */
import { writeAtomically } from "../io/mod.ts";
import { type Arguments, type Command } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import { loadModel, MODEL_OPTIONS } from "./model_file.ts";
import { CLASS_OPTION } from "./conditioning.ts";
import { checkWritable, writeTogether } from "./outputs.ts";
import { chromeTrace } from "./profile/chrome_trace.ts";
import { formatComparison } from "./profile/compare.ts";
import { parseDocument, type ProfileDocument } from "./profile/document.ts";
import { htmlPage } from "./profile/html_page.ts";
import { measureProfile } from "./profile/measure.ts";
import { formatProfile } from "./profile/tables.ts";
import { makeReporter } from "./progress.ts";
import { GPU_OPTIONS, openGpu, PRECISION_OPTION } from "./runtime.ts";
import { chooseTask, TASKS } from "../restoration/mod.ts";
import { taskList } from "./lists.ts";

const DEFAULT_TASK = "sr4";
const DEFAULT_REPLAYS = 5;

/** The command `profile`. */
export const PROFILE: Command = {
  spec: {
    name: "profile",
    summary: "Shows where the time of a restoration step goes: network, prediction, projection, noise and update.\n" +
      "Every dispatch is timed; times, operations, bytes and rates are summed by stage, by block of the network and\n" +
      "by kernel, and compared with what this adapter reaches at most. A way back through the network is told apart.",
    operands: { usage: "[A.json B.json]", min: 0, max: 2 },
    options: {
      ...MODEL_OPTIONS,
      ...CLASS_OPTION,
      task: { kind: "text", value: "NAME", help: `What is restored, see below (default ${DEFAULT_TASK})` },
      method: {
        kind: "choice",
        choices: ["ssd", "dps"],
        help: "Whose step: Shortcut Sampling (default), or DPS with its way back through the network",
      },
      size: { kind: "integer", min: 8, max: 65535, help: "Side of the image in pixels (default: training size)" },
      batch: { kind: "integer", min: 1, max: 64, help: "Images at a time (default 1)" },
      runs: { kind: "integer", min: 1, max: 1000, help: `Replays that medians are over (default ${DEFAULT_REPLAYS})` },
      "no-timestamps": { kind: "flag", help: "Repeat each dispatch between two waits, as without timestamps (slow)" },
      ...PRECISION_OPTION,
      ...GPU_OPTIONS,
      json: { kind: "text", value: "FILE", help: "Write all rows as JSON, to be compared later" },
      trace: { kind: "text", value: "FILE", help: "Write a trace that Perfetto and chrome://tracing open" },
      html: {
        kind: "text",
        value: "FILE",
        help: "Write a page: flame view, roofline, kernels, memory over dispatches",
      },
      compare: { kind: "flag", help: "Show what changed between two files written by --json: --compare A.json B.json" },
    },
    lists: [taskList(TASKS)],
    examples: [
      ["deno task profile", "the embedded model at its own size"],
      ["deno task profile --html profile.html --json before.json", "a page to look at, and rows to compare with"],
      ["deno task profile --compare before.json after.json", "what a change has changed"],
    ],
  },
  async run(args: Arguments): Promise<number> {
    checkCombination(args);
    return args.flag("compare") ? await compare(args) : await profile(args);
  },
};

async function profile(args: Arguments): Promise<number> {
  using reporter = makeReporter(false);
  const task = chooseTask(args.values, DEFAULT_TASK);
  const [json, trace, html] = ["json", "trace", "html"].map((option) => args.text(option));
  await checkWritable([json, trace, html].filter((path) => path !== undefined), [args.text("model")]);
  const runtime = await openGpu(args);
  try {
    const loaded = await loadModel(runtime, args, () => {});
    if (loaded.origin !== undefined) reporter.note(loaded.origin);
    const document = await measureProfile(runtime, args, {
      loaded,
      task,
      side: args.number("size") ?? loaded.model.config.imageSize,
      batch: args.number("batch") ?? 1,
      label: args.number("class"),
      replays: args.number("runs") ?? DEFAULT_REPLAYS,
      sampler: args.text("method") === "dps" ? "dps" : "ssd",
      method: args.flag("no-timestamps") ? "repeated dispatches" : undefined,
    });
    await writeTogether([
      [json, (path) => writeText(path, `${JSON.stringify(document)}\n`)],
      [trace, (path) => writeText(path, `${JSON.stringify(chromeTrace(document))}\n`)],
      [html, (path) => writeText(path, htmlPage(document))],
    ]);
    reporter.result({}, formatProfile(document));
    return 0;
  } finally {
    runtime.destroy();
  }
}

async function compare({ operands }: Arguments): Promise<number> {
  using reporter = makeReporter(false);
  const [before, after] = await Promise.all(operands.map(readDocument));
  reporter.result({}, formatComparison(before!, after!));
  return 0;
}

async function readDocument(path: string): Promise<ProfileDocument> {
  try {
    return parseDocument(await Deno.readTextFile(path), path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UsageError(`there is no file "${path}"; "profile --json FILE" writes one`);
  }
}

/** A comparison takes two files and measures nothing; a measurement takes none. */
function checkCombination(args: Arguments): void {
  if (!args.flag("compare")) {
    if (args.operands.length === 0) return;
    throw new UsageError(`profile was given "${args.operands.join('", "')}"; files belong to --compare A.json B.json`);
  }
  if (args.operands.length !== 2) {
    throw new UsageError(`--compare was given ${args.operands.length} files, two are needed: --compare A.json B.json`);
  }
  const other = Object.keys(args.values).find((name) => name !== "compare");
  if (other !== undefined) throw new UsageError(`--compare measures nothing; leave --${other} out`);
}

async function writeText(path: string, text: string): Promise<void> {
  await writeAtomically(path, new TextEncoder().encode(text));
}
