/** Making a result again: its parameters as data, and the options that they are. */
import { ENGINE_VERSION } from "../engine/mod.ts";
import {
  checkValue,
  didYouMean,
  optionName,
  type OptionSpec,
  type OptionValues,
  UsageError,
} from "../parameters/mod.ts";
import { type AnySampler, registeredSamplers } from "../samplers/mod.ts";
import { FACTOR_OPTIONS } from "./options/factors.ts";
import { chooseMethod } from "./options/choose_method.ts";
import { methodOptions } from "./options/method_options.ts";
import { taskOptions } from "./options/task_options.ts";
import { restoreTasks, taskNamed } from "./options/tasks.ts";
import type { Report } from "./report.ts";

/** The options that repeat a run. */
export const REPEAT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  like: {
    kind: "text",
    value: "FILE",
    help:
      "Repeat the run that made this PNG, JPEG or WebP file, or that this report is of; other options outweigh its own",
  },
  config: {
    kind: "text",
    value: "FILE",
    help: "Repeat the run of this report, or of what --json printed, with the picture that it names; as --like else",
  },
};

/** Keyword of the text of a picture file that holds the parameters as JSON. */
export const PARAMETERS_KEYWORD = "Shortcut parameters";

/** What makes no other picture: where results go, what is shown, and where it is computed. */
const NOT_REPEATED: readonly string[] = [
  ...["out", "sheet", "trace", "json", "strict", "samples", "seed", "same-seed", "like", "config"],
  ...[
    "cpu",
    "gpu",
    "backend",
    "convolution",
    "matmul",
    "attention",
    "no-tuned",
    "check-finite",
    "recompute",
    "save-every",
  ],
];

/** The entries of a report that make the picture again. */
const ENTRIES = ["task", "options", "method", "seed", "noise", "model"] as const;

/** What reports call the program. */
export const PROGRAM = { name: "shortcut", version: ENGINE_VERSION } as const;

/** The options that make the picture again. */
export function repeatable(options: OptionValues): OptionValues {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !NOT_REPEATED.includes(name)));
}

/** The parameters of a result, as they stand in its file: what its report says that makes the picture again. */
export function parametersOf(report: Report): Report {
  return { program: PROGRAM, ...Object.fromEntries(ENTRIES.map((key) => [key, report[key]])) };
}

/** A run that can be repeated. */
export interface RunParameters {
  /** The options that make it. */
  readonly options: OptionValues;
  /** Network and program of that run. */
  readonly model: { readonly name: string; readonly sha256: string };
  /** Version of the program that made it. */
  readonly version: string;
}

/**
 * The options that repeat a run. A method that is given replaces that of the run with all its options, a task likewise.
 * @param text JSON: parameters of a picture file, or a report
 * @param given options that outweigh those of the run
 * @param setting what messages call the text, the options that there are, whether a measurement is restored, which
 *   says its task by itself, and whether the run is repeated on its own input, so that its options say all
 * @throws {UsageError} if the text is none of these, or has options that are not known
 */
export function repeatedRun(
  text: string,
  given: OptionValues,
  { name, specs, isMeasured, isSame = false }: {
    readonly name: string;
    readonly specs: Readonly<Record<string, OptionSpec>>;
    readonly isMeasured: boolean;
    readonly isSame?: boolean;
  },
): RunParameters {
  const { task, options, method, seed, model, program } = parse(text, name);
  // The same program takes the same defaults for the same options: what was not given then need not be given now.
  const isWhole = isSame && program["version"] === ENGINE_VERSION && Object.keys(repeatable(given)).length === 0;
  const replaced = new Set([
    ...(given["method"] === undefined ? [] : Object.keys(methodOptions())),
    ...(given["task"] === undefined && !isMeasured
      ? []
      : [...Object.keys(taskOptions()), ...Object.keys(FACTOR_OPTIONS)]),
    ...(Object.keys(FACTOR_OPTIONS).some((option) => given[option] !== undefined) ? Object.keys(FACTOR_OPTIONS) : []),
    ...(isMeasured ? ["degrade", "size"] : []),
  ]);
  const entry = registeredSamplers().find((sampler) => sampler.name === method["name"]);
  if (!entry) throw new UsageError(`"${name}" was made by method "${method["name"]}", which there is not`);
  const all: Record<string, unknown> = isWhole ? options : {
    ...(task["measured"] === false ? { task: task["name"], degrade: true } : { task: task["name"] }),
    // Which one is taken where none is named is a matter of the program that made it.
    ...(method["preset"] === undefined ? {} : { preset: method["preset"] }),
    ...options,
    method: entry.method,
  };
  const unknown = Object.keys(all).find((option) => !Object.hasOwn(specs, option));
  if (unknown !== undefined) {
    throw new UsageError(
      `"${name}" was made with --${unknown}, which there is not${didYouMean(unknown, Object.keys(specs))}`,
    );
  }
  const checked = Object.fromEntries(
    Object.entries(all).map(([option, value]) => [option, checkValue(`${option} of "${name}"`, specs[option]!, value)]),
  );
  const run = isWhole ? checked : { ...checked, ...settledOptions(entry, method, checked, String(task["name"])) };
  const kept = Object.entries(run).filter(([option]) => !replaced.has(option));
  return {
    options: { ...Object.fromEntries(kept), seed: checkValue(`seed of "${name}"`, specs["seed"]!, seed), ...given },
    model: { name: String(model["name"]), sha256: String(model["sha256"]) },
    version: String(program["version"]),
  };
}

/** The parameters of the method that would have another value today, as options. */
function settledOptions(
  entry: AnySampler,
  method: Readonly<Record<string, unknown>>,
  options: OptionValues,
  taskName: string,
): OptionValues {
  const today = chooseMethod(options, taskNamed(taskName, restoreTasks())).options as Readonly<Record<string, unknown>>;
  const changed = Object.entries(entry.parameters).flatMap(([name, parameter]) => {
    const value = method[name];
    const isSame = value === undefined || !(name in today) || JSON.stringify(value) === JSON.stringify(today[name]);
    return isSame ? [] : [[optionName(name, parameter), value as number] as const];
  });
  return Object.fromEntries(changed);
}

/** The file that a run restored. */
export interface ReportedInput {
  /** Its path, as it was named. */
  readonly file: string;
  /** Of the file, hexadecimal. */
  readonly sha256: string;
  /** Whether none was named, so that the sample picture was taken. */
  readonly isSample: boolean;
}

/**
 * The file that a run restored, as its report says.
 * @param text JSON: a report, or the lines that `--json` printed
 * @param name what messages call the text
 * @throws {UsageError} if the text is none of these
 */
export function reportedInput(text: string, name: string): ReportedInput {
  const { task, options, input } = parse(text, name);
  const { file, sha256 } = (isData(input) ? input : {}) as Data;
  if (typeof file !== "string" || typeof sha256 !== "string") {
    throw new UsageError(`"${name}" does not say what was restored; the report of a picture, or IMAGE, is needed`);
  }
  return { file, sha256, isSample: task["measured"] === false && options["degrade"] !== true };
}

type Data = Readonly<Record<string, unknown>>;

function isData(value: unknown): value is Data {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The data of a text of JSON, or of the last of its lines; undefined if it is none. */
function parsed(text: string): unknown {
  for (const part of [text, text.trimEnd().split("\n").at(-1)!]) {
    try {
      return JSON.parse(part);
    } catch {
      // The lines of --json are each a text of their own.
    }
  }
  return undefined;
}

function parse(text: string, name: string): Record<"task" | "options" | "method" | "model" | "program", Data> & {
  readonly seed: unknown;
  readonly input?: unknown;
} {
  const found = parsed(text);
  const parts = ["task", "options", "method", "model", "program"] as const;
  if (isData(found) && parts.every((part) => isData((found as Data)[part]))) return found as ReturnType<typeof parse>;
  throw new UsageError(
    `"${name}" does not say how it was made; a picture that "restore" wrote, or its report, is needed`,
  );
}

/** What is to be said of a run that is repeated with another network or program, as sentences. */
export function describeRepeat(
  { model, version }: RunParameters,
  network: { readonly name: string; readonly sha256: string },
): readonly string[] {
  const shown = ({ name, sha256 }: RunParameters["model"]): string => `${name} (SHA-256 ${sha256.slice(0, 12)}...)`;
  return [
    ...(model.sha256 === network.sha256
      ? []
      : [`The network is ${shown(network)}, that of the repeated run ${shown(model)}: the result will be another one`]),
    ...(version === ENGINE_VERSION
      ? []
      : [`The repeated run was made by version ${version}, this is ${ENGINE_VERSION}: the result may be another one`]),
  ];
}
