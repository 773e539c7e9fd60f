/** What is to be evaluated: images, tasks, methods and seeds, from flags or from one JSON file. */
import { FileError } from "../../io/mod.ts";
import { Arguments, parseCommand, UsageError } from "../arguments.ts";
import { CLASS_OPTION } from "../conditioning.ts";
import type { Method } from "../method.ts";
import { chooseMethod, METHOD_OPTIONS } from "../method_options.ts";
import { MODEL_OPTIONS } from "../model_file.ts";
import { picturesOf, readSide } from "../metrics/inputs.ts";
import { PRECISION_OPTION, RUNTIME_OPTIONS } from "../runtime.ts";
import { chooseNoise, chooseTask, NOISE_OPTIONS, TASK_OPTIONS } from "../task_options.ts";
import { type Task, TASKS } from "../tasks.ts";
import { type PaperRow, readPaper } from "./paper.ts";

/** Values of options by name. */
export type OptionValues = ReadonlyMap<string, string | number | boolean>;

/** A task of an evaluation. */
export interface TaskEntry {
  /** Heading of its columns. */
  readonly name: string;
  readonly task: Task;
  readonly values: OptionValues;
  /** The words of the command line that choose it. */
  readonly words: readonly string[];
}

/** A method of an evaluation. */
export interface MethodEntry {
  /** Heading of its row. */
  readonly name: string;
  readonly values: OptionValues;
  readonly words: readonly string[];
}

/** A whole evaluation. */
export interface Evaluation {
  readonly title: string;
  /** What it is meant to show, as a sentence; may be empty. */
  readonly note: string;
  /** Paths of pictures, in order. */
  readonly images: readonly string[];
  readonly tasks: readonly TaskEntry[];
  readonly methods: readonly MethodEntry[];
  readonly seeds: readonly number[];
  /** Model, size and precision, the same for all. */
  readonly common: OptionValues;
  readonly commonWords: readonly string[];
  /** Published figures to stand beside ours. */
  readonly paper: readonly PaperRow[];
}

/** The options that hold for all results. */
export const COMMON_OPTIONS = {
  ...MODEL_OPTIONS,
  ...CLASS_OPTION,
  size: {
    kind: "integer",
    min: 8,
    max: 65535,
    help: "Longest side inside the network; larger pictures are made smaller (default: its training size)",
  },
  ...PRECISION_OPTION,
} as const;

/** Options whose value names a file. */
const FILE_OPTIONS = ["mask", "model"];

const FIELDS = ["title", "note", "images", "tasks", "methods", "seeds", "options", "paper"];

/** The tasks that are evaluated where none is named. */
const DEFAULT_TASKS = ["sr4", "deblur", "colorize", "inpaint"];

const DEFAULT_METHODS = ["pseudo-inverse", "ssd", "ddnm", "ddrm"];

/**
 * The evaluation of a command line: that of --config, or one made of flags.
 * @throws {UsageError} if something in it contradicts itself or is unknown
 * @throws {FileError} if a file cannot be read
 */
export async function readEvaluation(args: Arguments): Promise<Evaluation> {
  const path = args.text("config");
  if (path !== undefined) {
    const foreign = ["tasks", "methods", "seeds"].find((name) => args.has(name));
    if (foreign !== undefined || args.operands.length > 0) {
      throw new UsageError(
        `--config says what is evaluated; leave ${foreign === undefined ? "the pictures" : `--${foreign}`} out`,
      );
    }
    return await readConfig(path, args);
  }
  if (args.operands.length === 0) {
    throw new UsageError("evaluate was given no picture; name pictures or folders, or --config FILE");
  }
  return await makeEvaluation({
    place: "the command line",
    folder: "",
    title: "Evaluation",
    note: "",
    images: args.operands,
    tasks: split(args.text("tasks")) ?? DEFAULT_TASKS,
    methods: split(args.text("methods")) ?? DEFAULT_METHODS,
    seeds: (split(args.text("seeds"), ",") ?? ["0"]).map(Number),
    common: commonOf(args),
    paper: [],
  });
}

/** The items of a list in one option, undefined if it was not given. */
function split(text: string | undefined, separator = ";"): readonly string[] | undefined {
  return text?.split(separator).map((item) => item.trim()).filter((item) => item !== "");
}

/** What a config says, before names are looked up. */
interface Wishes {
  /** Where it was said, for messages. */
  readonly place: string;
  /** Folder that relative paths count from, with its separator. */
  readonly folder: string;
  readonly title: string;
  readonly note: string;
  readonly images: readonly string[];
  readonly tasks: readonly (string | Named)[];
  readonly methods: readonly (string | Named)[];
  readonly seeds: readonly number[];
  readonly common: OptionValues;
  readonly paper: readonly PaperRow[];
}

/** An item with a heading of its own. */
interface Named {
  readonly name: string;
  readonly options: string;
}

async function readConfig(path: string, args: Arguments): Promise<Evaluation> {
  const place = `"${path}"`;
  const text = await Deno.readTextFile(path).catch((error) => {
    throw new FileError(
      `Cannot read ${place}: ${error instanceof Deno.errors.NotFound ? "no such file" : error.message}`,
    );
  });
  const config = parseJson(text, place);
  const unknown = Object.keys(config).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) {
    throw new UsageError(`${place} has a field "${unknown}", ${FIELDS.join(", ")} are known`);
  }
  const folder = path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  const shared = optionValues(COMMON_OPTIONS, wordsOf(textOf(config, "options", place, "")), `options of ${place}`);
  const common = new Map([...rooted(shared, folder), ...commonOf(args)]);
  return await makeEvaluation({
    place,
    folder,
    title: textOf(config, "title", place, "Evaluation"),
    note: textOf(config, "note", place, ""),
    images: listOf(config, "images", place).map((item) => {
      if (typeof item === "string") return inFolder(item, folder);
      throw new UsageError(`images of ${place} has ${JSON.stringify(item)}, paths are needed`);
    }),
    tasks: itemsOf(config, "tasks", place, DEFAULT_TASKS),
    methods: itemsOf(config, "methods", place, DEFAULT_METHODS),
    seeds: config["seeds"] === undefined ? [0] : listOf(config, "seeds", place).map(Number),
    common,
    paper: readPaper(config["paper"], place),
  });
}

function parseJson(text: string, place: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${place} is no JSON: ${(error as Error).message}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UsageError(`${place} holds no object, {"images": [...], "tasks": [...], "methods": [...]} is needed`);
}

function textOf(config: Readonly<Record<string, unknown>>, field: string, place: string, fallback: string): string {
  const value = config[field] ?? fallback;
  if (typeof value === "string") return value;
  throw new UsageError(`${field} of ${place} is ${JSON.stringify(value)}, a text is needed`);
}

function listOf(config: Readonly<Record<string, unknown>>, field: string, place: string): readonly unknown[] {
  const value = config[field];
  if (Array.isArray(value) && value.length > 0) return value;
  throw new UsageError(`${field} of ${place} is ${JSON.stringify(value) ?? "missing"}, a list is needed`);
}

function itemsOf(
  config: Readonly<Record<string, unknown>>,
  field: string,
  place: string,
  fallback: readonly string[],
): readonly (string | Named)[] {
  if (config[field] === undefined) return fallback;
  return listOf(config, field, place).map((item) => {
    if (typeof item === "string") return item;
    const { name, options } = (item ?? {}) as Partial<Named>;
    if (typeof name === "string" && typeof options === "string") return { name, options };
    throw new UsageError(
      `${field} of ${place} has ${JSON.stringify(item)}, "NAME --option ..." or {"name", "options"} is needed`,
    );
  });
}

async function makeEvaluation(wishes: Wishes): Promise<Evaluation> {
  const { place, folder, title, note, seeds, common, paper } = wishes;
  const tasks = wishes.tasks.map((item) => taskEntry(item, folder, place));
  const methods = wishes.methods.map((item) => methodEntry(item, place));
  for (const [what, entries] of [["task", tasks], ["method", methods]] as const) {
    const names = entries.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) {
      throw new UsageError(`${place} has two ${what}s "${twice}"; give them names: {"name": ..., "options": ...}`);
    }
  }
  const bad = seeds.find((seed) => !Number.isSafeInteger(seed) || seed < 0 || seed >= 2 ** 32);
  if (bad !== undefined || seeds.length === 0 || new Set(seeds).size !== seeds.length) {
    throw new UsageError(`the seeds of ${place} are ${seeds.join(", ")}, distinct whole numbers below 2^32 are needed`);
  }
  // A method that does not go with a task at all is found now, not after hours.
  for (const { task, values } of tasks) {
    for (const method of methods) chooseMethod(new Arguments([], new Map([...values, ...method.values])), task);
  }
  const images = (await Promise.all(wishes.images.map(readSide))).flatMap(picturesOf);
  if (images.length === 0) throw new UsageError(`${place} names no picture`);
  return { title, note, images, tasks, methods, seeds, common, commonWords: optionWords(common), paper };
}

function taskEntry(item: string | Named, folder: string, place: string): TaskEntry {
  const { name, options } = typeof item === "string" ? { name: item, options: item } : item;
  const words = ["--task", ...wordsOf(options)];
  const values = rooted(
    optionValues({ ...TASK_OPTIONS, ...NOISE_OPTIONS }, words, `task "${name}" of ${place}`),
    folder,
  );
  const args = new Arguments([], values);
  const task = chooseTask(args, "sr4", TASKS);
  chooseNoise(args);
  return { name, task, values, words: optionWords(values) };
}

function methodEntry(item: string | Named, place: string): MethodEntry {
  const { name, options } = typeof item === "string" ? { name: item, options: item } : item;
  const values = optionValues(METHOD_OPTIONS, ["--method", ...wordsOf(options)], `method "${name}" of ${place}`);
  return { name, values, words: optionWords(values) };
}

/** The evaluation with the size of its pictures spoken out: by default the longest side that the network was trained for. */
export function withSize(evaluation: Evaluation, imageSize: number): Evaluation {
  const common = new Map([["size", imageSize] as const, ...evaluation.common]);
  return { ...evaluation, common, commonWords: optionWords(common) };
}

/** The method of a unit: that of the entry, with the published parameters of the task. */
export function methodFor({ values }: MethodEntry, entry: TaskEntry): Method {
  return chooseMethod(new Arguments([], new Map([...entry.values, ...values])), entry.task);
}

/** The words of a text; quotes keep spaces together. */
function wordsOf(text: string): readonly string[] {
  return Array.from(text.matchAll(/"([^"]*)"|\S+/g), ([word, quoted]) => quoted ?? word);
}

function optionValues(
  options: Parameters<typeof parseCommand>[0]["options"],
  words: readonly string[],
  what: string,
): OptionValues {
  const spec = { name: what, summary: "", operands: { usage: "options", min: 0, max: 0 }, options, examples: [] };
  try {
    const parsed = parseCommand(spec, words);
    if (parsed !== "help") return parsed.values;
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${what}: ${error.message}`);
    throw error;
  }
  throw new UsageError(`${what} has --help, options of restore are needed`);
}

/** Options as words of a command line. */
function optionWords(values: OptionValues): readonly string[] {
  return Array.from(values).flatMap(([name, value]) => value === true ? [`--${name}`] : [`--${name}`, String(value)]);
}

/** The values of a command line that hold for all results. */
function commonOf(args: Arguments): OptionValues {
  return new Map(Array.from(args.values).filter(([name]) => name in COMMON_OPTIONS && !(name in RUNTIME_OPTIONS)));
}

/** Options with the files that they name taken from a folder. */
function rooted(values: OptionValues, folder: string): OptionValues {
  return new Map(
    Array.from(
      values,
      ([name, value]) => [name, FILE_OPTIONS.includes(name) ? inFolder(String(value), folder) : value],
    ),
  );
}

function inFolder(path: string, folder: string): string {
  return /^([\\/]|[A-Za-z]:)/.test(path) ? path : `${folder}${path}`;
}
