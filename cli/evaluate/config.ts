/** What an evaluation is asked for: from options of the command line, or from one JSON file, or both. */
import { FileError } from "../../io/mod.ts";
import { type Arguments, Arguments as Values, parseCommand } from "../arguments.ts";
import { didYouMean, type OptionSpec, type OptionValues, UsageError } from "../../parameters/mod.ts";
import { type Entry, parseEntries, readEntries } from "./entries.ts";
import { type Expectations, readExpectations } from "./expectations.ts";
import { parseSeeds, readSeeds, type Seeds } from "./seeds.ts";

/** What is asked for. */
export interface Configuration {
  readonly title: string;
  /** Folders and files of pictures. */
  readonly images: readonly string[];
  readonly tasks: readonly Entry[];
  readonly methods: readonly Entry[];
  readonly seeds: Seeds;
  /** The other options, from the file and the command line. */
  readonly args: Arguments;
  readonly expectations: Expectations;
  /** The configuration file as it is, if there is one. */
  readonly source: { readonly path: string; readonly text: string } | undefined;
}

/** Keys of a configuration file that are no options of the command line, or are written otherwise there. */
const OWN_KEYS: readonly string[] = ["title", "images", "tasks", "methods", "seeds", "paper", "trends"];

/** Options that belong to one run and not to what is evaluated. */
const NOT_IN_FILES: readonly string[] = ["config", "plan", "dry-run", "shard", "json", "out"];

/**
 * Reads what a command line asks for; its options outweigh those of the file.
 * @param options the options of the command
 * @throws {UsageError} naming the place of what does not fit
 * @throws {FileError} if the file cannot be read
 */
export async function readConfiguration(
  args: Arguments,
  options: Readonly<Record<string, OptionSpec>>,
): Promise<Configuration> {
  const path = args.text("config");
  const file = path === undefined ? undefined : await readFile(path);
  const found = file?.data ?? {};
  const resolve = (name: string): string => path === undefined ? name : besides(path, name);
  const at = (key: string): string => path === undefined ? `--${key}` : `"${path}" at ${key}`;
  const known = [...OWN_KEYS, ...Object.keys(options).filter((key) => !NOT_IN_FILES.includes(key))];
  const foreign = Object.keys(found).find((key) => !known.includes(key));
  if (foreign !== undefined) {
    throw new UsageError(`"${path}" has the key "${foreign}", which means nothing${didYouMean(foreign, known)}`);
  }
  const fromFile = optionsOf(found, { options, at, resolve });
  const tasks = args.text("tasks");
  const methods = args.text("methods");
  const seeds = args.text("seeds");
  const title = found["title"] ?? "Evaluation";
  if (typeof title !== "string") throw new UsageError(`${at("title")} is ${JSON.stringify(title)}, a text is needed`);
  const entries = {
    tasks: tasks === undefined
      ? readEntries("task", found["tasks"] ?? ["sr4"], { place: at("tasks"), resolve })
      : parseEntries("task", tasks),
    methods: methods === undefined
      ? readEntries("method", found["methods"] ?? ["pseudo-inverse", "ssd"], { place: at("methods"), resolve })
      : parseEntries("method", methods),
  };
  return {
    title: args.text("title") ?? title,
    images: args.operands.length > 0 ? args.operands : readImages(found["images"], at("images")).map(resolve),
    ...entries,
    seeds: seeds === undefined ? readSeeds(found["seeds"] ?? [0], at("seeds")) : parseSeeds(seeds),
    args: new Values(args.operands, { ...fromFile, ...args.values }, args.words),
    expectations: readExpectations(found, entries, at),
    source: file && path !== undefined ? { path, text: file.text } : undefined,
  };
}

async function readFile(path: string): Promise<{ readonly data: Record<string, unknown>; readonly text: string }> {
  const text = await Deno.readTextFile(path).catch((error) => {
    const reason = error instanceof Deno.errors.NotFound ? "no such file" : error.message;
    throw new FileError(`Cannot read configuration "${path}": ${reason}`);
  });
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`"${path}" is no JSON file: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new UsageError(`"${path}" holds no object, {"tasks": [...], "methods": [...]} is needed`);
  }
  return { data: data as Record<string, unknown>, text };
}

/** The options of a file, checked like those of a command line. */
function optionsOf(
  found: Readonly<Record<string, unknown>>,
  { options, at, resolve }: {
    readonly options: Readonly<Record<string, OptionSpec>>;
    readonly at: (key: string) => string;
    readonly resolve: (name: string) => string;
  },
): OptionValues {
  const values: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(found)) {
    const spec = options[key];
    if (!spec || OWN_KEYS.includes(key) || value === false) continue;
    if (typeof value !== "string" && typeof value !== "number" && value !== true) {
      throw new UsageError(`${at(key)} is ${JSON.stringify(value)}, a text, a number, true or false is needed`);
    }
    const word = value === true ? `--${key}` : `--${key}=${spec.value === "FILE" ? resolve(String(value)) : value}`;
    const checked = checkedAt(at(key), () => parseCommand({ ...NO_OPERANDS, options: { [key]: spec } }, [word]));
    if (checked !== "help") Object.assign(values, checked.values);
  }
  return values;
}

const NO_OPERANDS = { name: "evaluate", summary: "", operands: { usage: "options", min: 0, max: 0 }, examples: [] };

function checkedAt<T>(place: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(`${place}: ${error.message}`) : error;
  }
}

function readImages(found: unknown, place: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(found) ? found : found === undefined ? [] : [found];
  list.forEach((item) => {
    if (typeof item !== "string" || item === "") {
      throw new UsageError(`${place} holds ${JSON.stringify(item)}, a folder, a file or a list of them is needed`);
    }
  });
  if (list.length > 0) return list as readonly string[];
  throw new UsageError(
    'evaluate was given no pictures, IMAGES or "images" in the configuration is needed; "evaluate --help" explains it',
  );
}

/** A path of a configuration file, which is relative to the file's folder. */
function besides(file: string, path: string): string {
  if (/^([\\/]|[A-Za-z]:)/.test(path)) return path;
  const cut = Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")) + 1;
  return `${file.slice(0, cut)}${path}`;
}
