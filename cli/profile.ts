/** `deno task profile`: what a step of any method costs, and why. */
import { type HostTensor, hostTensor } from "../engine/mod.ts";
import { checkWritable, makeReporter, readMask, writeAtomically, writeTogether } from "../io/mod.ts";
import { numberOf, UsageError } from "../parameters/mod.ts";
import {
  chromeTrace,
  formatComparison,
  formatProfile,
  htmlPage,
  parseDocument,
  profile,
  type ProfileDocument,
} from "../profiling/mod.ts";
import { resize } from "../raster/mod.ts";
import {
  chooseMethod,
  chooseTask,
  CLASS_OPTION,
  maskFileOf,
  methodOptions,
  NOISE_LEVEL,
  restoreTasks,
  type Task,
  taskFilePaths,
  taskOptions,
  UPSAMPLE,
  upsampling,
} from "../restoration/mod.ts";
import { isPlain, registeredSamplers } from "../samplers/mod.ts";
import type { Arguments, Command, CommandSpec } from "./arguments.ts";
import { methodList, taskList } from "./lists.ts";
import { type LoadedModel, loadModel, modelOptions } from "./model_file.ts";
import { GPU_OPTIONS, openGpu, PRECISION_OPTION, precisionOf } from "./runtime.ts";
import { filesWith } from "./task_files.ts";

const DEFAULT_TASK = "sr4";
const DEFAULT_REPLAYS = 5;

/** How much a network enlarges that does not say it. */
const DEFAULT_SCALE = 4;

/** The command `profile`. */
export const PROFILE: Command = {
  spec: {
    name: "profile",
    summary: "Shows where the time of a step of any method goes: network, prediction, projection, noise and update.\n" +
      "Every dispatch is timed; times, operations, bytes and rates are summed by stage, by block of the network and\n" +
      "by kernel, and compared with what this adapter reaches at most. A backward pass through the network is told apart.",
    operands: { usage: "[A.json B.json]", min: 0, max: 2 },
    // Made when asked for: samplers, operators and families of networks may have been added.
    get options(): CommandSpec["options"] {
      return {
        ...modelOptions(),
        ...CLASS_OPTION,
        ...taskOptions(),
        task: { kind: "text", value: "NAME", help: `What is restored, see below (default ${DEFAULT_TASK})` },
        ...methodOptions(),
        step: {
          kind: "integer",
          min: 1,
          help: "Which step of the method, an inversion included (default: the first that goes down in noise)",
        },
        size: { kind: "integer", min: 8, max: 65535, help: "Side of the image in pixels (default: training size)" },
        batch: { kind: "integer", min: 1, max: 64, help: "Images at a time (default 1)" },
        runs: {
          kind: "integer",
          min: 1,
          max: 1000,
          help: `Replays that medians are over (default ${DEFAULT_REPLAYS})`,
        },
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
        compare: {
          kind: "flag",
          help: "Show what changed between two files written by --json: --compare A.json B.json",
        },
      };
    },
    lists: [taskList(restoreTasks()), methodList()],
    examples: [
      ["deno task profile", "the embedded model at its own size"],
      ["deno task profile --html profile.html --json before.json", "a page to look at, and rows to compare with"],
      ["deno task profile --task deblur --method pigdm --steps 20", "another method on another task"],
      ["deno task profile --compare before.json after.json", "what a change has changed"],
    ],
  },
  async run(args: Arguments): Promise<number> {
    checkCombination(args);
    return args.flag("compare") ? await compare(args) : await measure(args);
  },
};

async function measure(args: Arguments): Promise<number> {
  using reporter = makeReporter(false);
  const task = chooseTask(args.values, defaultTask(args), restoreTasks());
  const method = chooseMethod(args.values, task);
  const [json, trace, html] = ["json", "trace", "html"].map((option) => args.text(option));
  const inputs = [...taskFilePaths(task, args.values), args.text("model")];
  await checkWritable([json, trace, html].filter((path) => path !== undefined), inputs);
  const runtime = await openGpu(args);
  try {
    const loaded = await loadModel(runtime, args, () => {});
    if (loaded.origin !== undefined) reporter.note(loaded.origin);
    const side = args.number("size") ?? loaded.model.config.imageSize;
    const document = await profile(runtime, {
      network: { name: loaded.name, model: loaded.model, precision: precisionOf(args) },
      task: task.name === UPSAMPLE.name ? upsampling(scaleOf(loaded)) : task,
      method,
      options: args.values,
      files: await filesWith(task, args.values, await maskOf(task, args, side)),
      side,
      batch: args.number("batch") ?? 1,
      label: args.number("class"),
      sigmaY: numberOf(args.values, NOISE_LEVEL) ?? 0,
      replays: args.number("runs") ?? DEFAULT_REPLAYS,
      timing: args.flag("no-timestamps") ? "repeated dispatches" : undefined,
      step: args.number("step"),
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

/** What a method restores where no task is named: the methods of plain sampling restore nothing. */
function defaultTask(args: Arguments): string {
  const entry = registeredSamplers().find(({ method }) => method === args.text("method"));
  return entry && isPlain(entry) ? UPSAMPLE.name : DEFAULT_TASK;
}

function scaleOf({ model: { config: { imageSize, smallSize } } }: LoadedModel): number {
  return smallSize === undefined ? DEFAULT_SCALE : imageSize / smallSize;
}

/** The known pixels of a mask, made as large as the picture: those that are made of known ones alone. */
async function maskOf(task: Task, args: Arguments, side: number): Promise<HostTensor | undefined> {
  const mask = maskFileOf(task, args.values);
  if (!mask) return undefined;
  const { width, height, data } = await readMask(mask.path, mask);
  const fitted = resize({ width, height, channels: 1, data }, { width: side, height: side }, "area");
  return hostTensor(fitted.data.map((share) => share > 0.999 ? 1 : 0), [side, side]);
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
