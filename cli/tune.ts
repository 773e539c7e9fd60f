/** `deno task tune`: measures which algorithm is the fastest for each layer of a network on this adapter. */
import { WebGpuRuntime } from "../engine/mod.ts";
import {
  checkTunedWritable,
  FileError,
  forgetTuned,
  Interrupt,
  INTERRUPTED_EXIT,
  readTuned,
  type Reporter,
  tunedFile,
  type TunedSubject,
  writeTuned,
} from "../io/mod.ts";
import { NANOSECONDS_PER_BYTE } from "../kernels/mod.ts";
import { PRECISIONS } from "../models/mod.ts";
import { type Arguments, type Command, type CommandSpec, QUIET_OPTION } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import {
  defaultMemoryTerms,
  formatOutcome,
  isSlower,
  keptChoices,
  Limit,
  tuneNetwork,
  type TuneOutcome,
} from "../profiling/mod.ts";
import { loadModel, modelOptions } from "./model_file.ts";
import { ADAPTER_OPTIONS, adaptersOf, PRECISION_OPTION, precisionOf, tunedSubject } from "./runtime.ts";

const DEFAULT_BUDGET = 60;

/** The command `tune`. */
export const TUNE: Command = {
  spec: {
    name: "tune",
    summary:
      "Times the algorithms that can compute each layer of a network on this adapter, and stores which ones beat\n" +
      "the default by more than the noise, in the cache folder of the user. The other commands take them from there;\n" +
      "without them the default is chosen by a cost model. The most expensive layers are timed first; when the budget\n" +
      "is spent, or at Ctrl-C, what was measured until then is kept.",
    operands: { usage: "", min: 0, max: 0 },
    // Made when asked for: families of networks may have been added.
    get options(): CommandSpec["options"] {
      return {
        ...modelOptions(),
        ...ADAPTER_OPTIONS,
        class: { kind: "integer", min: 0, help: "Class, for a class-conditional network" },
        size: { kind: "integer", min: 8, max: 65535, help: "Side of the image in pixels (default: training size)" },
        batch: { kind: "integer", min: 1, max: 64, help: "Images at a time (default 1)" },
        budget: {
          kind: "number",
          value: "SECONDS",
          min: 1,
          max: 86400,
          help: `Time to measure, besides loading and the first evaluation (default ${DEFAULT_BUDGET})`,
        },
        memory: {
          kind: "integer",
          value: "MB",
          min: 0,
          help:
            "Memory that the choices may take more than the defaults, in all (default: on a graphics card that of " +
            `the weights once more; on the CPU what the cost model pays, ${NANOSECONDS_PER_BYTE} ns a byte)`,
        },
        ...PRECISION_OPTION,
        "no-timestamps": { kind: "flag", help: "Repeat between two waits, as without timestamps (slow)" },
        "dry-run": { kind: "flag", help: "Measure and print, but store nothing" },
        forget: { kind: "flag", help: "Remove what is stored for this adapter, and measure nothing" },
        json: { kind: "flag", help: "Print progress and result as JSON lines on stdout" },
        ...QUIET_OPTION,
      };
    },
    examples: [
      ["deno task tune", "the embedded model at its own size"],
      ["deno task tune --model net.safetensors --budget 300", "a larger network, for five minutes at most"],
      ["deno task tune --forget", "back to the defaults"],
    ],
  },
  async run(args: Arguments): Promise<number> {
    checkCombination(args);
    using reporter = args.reporter();
    return args.flag("forget") ? await forget(args, reporter) : await tune(args, reporter);
  },
};

async function tune(args: Arguments, reporter: Reporter): Promise<number> {
  using interrupt = new Interrupt();
  const runtime = await WebGpuRuntime.open(await adaptersOf(args));
  try {
    const precision = precisionOf(args);
    const subject = tunedSubject(runtime.adapter, precision);
    const file = args.flag("dry-run") ? undefined : await storage(subject);
    const loaded = await loadModel(runtime, args, () => interrupt.checkNow());
    const side = args.number("size") ?? loaded.model.config.imageSize;
    const label = args.number("class");
    const model = loaded.model.noiseModel({ height: side, width: side, ...(label === undefined ? {} : { label }) });
    const batch = args.number("batch") ?? 1;
    const megabytes = args.number("memory");
    const millions = (loaded.model.parameterCount / 1e6).toFixed(1);
    reporter.note(
      `${loaded.name} (${millions} M parameters, ${precision}), ${side}x${side}, batch ${batch}, on ${runtime.description}`,
    );
    await interrupt.check();
    const isInterrupted = (): Promise<boolean> => interrupt.check().then(() => false, () => true);
    const outcome = await tuneNetwork(runtime, {
      model,
      precision,
      batch,
      method: args.flag("no-timestamps") ? "repeated dispatches" : undefined,
      limit: new Limit(isInterrupted, args.number("budget") ?? DEFAULT_BUDGET),
      memory: megabytes === undefined
        ? defaultMemoryTerms(runtime.software, loaded.model.parameterCount)
        : { nanosecondsPerByte: 0, moreBytes: megabytes * 1e6 },
      onLayer: (index, count) => reporter.step("layer", index + 1, count),
    });
    reporter.done();
    const stored = file !== undefined && !isSlower(outcome);
    if (stored) {
      const warning = await interrupt.hold(() => storeOutcome(file, subject, outcome));
      if (warning !== undefined) reporter.note(warning);
    }
    const text = [
      `Times by ${outcome.method}`,
      "",
      formatOutcome(outcome, batch),
      "",
      conclude(outcome, { file, stored }),
    ];
    reporter.result(
      {
        adapter: runtime.adapter,
        model: loaded.name,
        precision,
        size: side,
        batch,
        file: stored ? file : null,
        ...outcome,
      },
      text.join("\n"),
    );
    return outcome.stopped === "interrupt" ? INTERRUPTED_EXIT : 0;
  } finally {
    runtime.destroy();
  }
}

async function forget(args: Arguments, reporter: Reporter): Promise<number> {
  const runtime = await WebGpuRuntime.open(await adaptersOf(args));
  try {
    const removed: string[] = [];
    for (const precision of PRECISIONS) {
      const file = tunedFile(tunedSubject(runtime.adapter, precision));
      if (file !== undefined && await forgetTuned(file)) removed.push(file);
    }
    const text = removed.length > 0
      ? `Removed ${removed.join(" and ")}`
      : `Nothing is stored for ${runtime.description}`;
    reporter.result({ adapter: runtime.adapter, files: removed }, text);
    return 0;
  } finally {
    runtime.destroy();
  }
}

/**
 * The file for the choices, which can be written.
 * @throws {FileError} if there is no place for it
 */
async function storage(subject: TunedSubject): Promise<string> {
  const file = tunedFile(subject);
  const hint = "--dry-run measures without storing";
  if (file === undefined) {
    throw new FileError(
      `Cannot store what is measured: the environment names no cache folder; set XDG_CACHE_HOME or HOME ` +
        `(on Windows LOCALAPPDATA), or ${hint}`,
    );
  }
  try {
    await checkTunedWritable(file);
  } catch (error) {
    throw error instanceof FileError ? new FileError(`${error.message}; ${hint}`, { cause: error }) : error;
  }
  return file;
}

/**
 * Replaces what a file says of the layers that were timed, and keeps the rest of it.
 * @param file made if it is not there, removed if nothing is left in it
 * @returns what is to be said of a file that could not be used
 * @throws {FileError} if it cannot be written
 */
export async function storeOutcome(
  file: string,
  subject: TunedSubject,
  outcome: Pick<TuneOutcome, "layers">,
): Promise<string | undefined> {
  const { choices, warning } = await readTuned(file, subject);
  const kept = keptChoices(choices, outcome, new Date().toISOString());
  if (kept.size > 0) await writeTuned(file, subject, kept);
  else await forgetTuned(file);
  return warning;
}

/** What was not timed, and where the choices are. */
function conclude(
  outcome: TuneOutcome,
  { file, stored }: { readonly file: string | undefined; readonly stored: boolean },
): string {
  const timed = outcome.layers.filter(({ times }) => times.length > 0).length;
  const all = `${timed} of ${outcome.layers.length} shapes were timed`;
  const reasons = {
    budget: [`The budget is spent: ${all}; a larger --budget times more.`],
    interrupt: [`Stopped by Ctrl-C: ${all}.`],
  };
  return [
    ...(outcome.stopped ? reasons[outcome.stopped] : []),
    stored
      ? `Stored in ${file}; "tune --forget" removes it, --no-tuned leaves it out.`
      : file === undefined
      ? "Nothing is stored, as --dry-run asks."
      : "Nothing is stored: as a whole the network is slower with these choices.",
  ].join("\n");
}

function checkCombination(args: Arguments): void {
  if (!args.flag("forget")) return;
  const other = Object.keys(args.values).find((name) => name !== "forget" && name !== "json");
  if (other !== undefined) throw new UsageError(`--forget measures nothing; leave --${other} out`);
}
