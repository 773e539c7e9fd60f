/** A study: which tasks, methods, seeds and pictures an evaluation is of, from a value such as a JSON file holds. */
import { CONVENTIONS } from "../metrics/mod.ts";
import { checkValue, type OptionSpec, type OptionValues, UsageError } from "../parameters/mod.ts";
import { WINDOW_OPTIONS } from "../restoration/mod.ts";
import { type Entry, readEntries } from "./entries.ts";
import { type Expectations, readExpectations } from "./expectations.ts";
import { objectAt, shown, textAt } from "./json.ts";
import { readSeeds, type Seeds } from "./seeds.ts";

/** What is evaluated. */
export interface Study {
  /** Heading of the report. */
  readonly title: string;
  /** Folders and files of pictures, as far as the study names them. */
  readonly images: readonly string[];
  /** What is wrong with the pictures. */
  readonly tasks: readonly Entry[];
  /** What restores them. */
  readonly methods: readonly Entry[];
  /** Seeds of every pair of a task and a method. */
  readonly seeds: Seeds;
  /** What the results are compared with. */
  readonly expectations: Expectations;
  /** Values of `STUDY_OPTIONS`, and of further options of whoever runs the study. */
  readonly options: OptionValues;
}

const ENTRY_SYNTAX = "entries apart by commas, each a name and options, several values apart by |";

/** What a study is of, as texts of a command line. */
export const ENTRY_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  tasks: { kind: "text", value: "LIST", help: `Tasks (default sr4): ${ENTRY_SYNTAX}; "*" means all` },
  methods: { kind: "text", value: "LIST", help: "Methods (default pseudo-inverse, ssd), written like tasks" },
  seeds: {
    kind: "text",
    value: "LIST",
    help: "Seeds of noise and masks: 0,1,2 or 0-4 (default 0), or each: picture k has seed k",
  },
  title: { kind: "text", help: "Heading of the report" },
};

/** The options of a study. */
export const STUDY_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  limit: { kind: "integer", min: 1, help: "Take only the first pictures" },
  size: { kind: "integer", min: 8, max: 65535, help: "Longest side of the pictures (default: the training size)" },
  ...WINDOW_OPTIONS,
  convention: {
    kind: "choice",
    choices: Object.keys(CONVENTIONS),
    help: "How PSNR and SSIM are computed (default ddnm: not rounded; metrics --help lists them)",
  },
  "best-of-seeds": {
    kind: "flag",
    help: "Count a picture with the best of its seeds, chosen by the original, instead of their mean: optimistic",
  },
  confidence: { kind: "number", min: 0.5, max: 0.9999, help: "Of the intervals of means (default 0.95)" },
  "noise-statistics": { kind: "flag", help: "Also measure the noise predicted during the inversion of ssd and ssd+" },
};

/** Keys of a study that are no options, or hold more than options do. */
const OWN_KEYS: readonly string[] = ["title", "images", "tasks", "methods", "seeds", "paper", "trends"];

/** Where a study comes from. */
export interface StudySource {
  /** Further options that it may give, besides `STUDY_OPTIONS`. */
  readonly options?: Readonly<Record<string, OptionSpec>>;
  /** The place of a key for messages, or of the whole study. */
  place?(key?: string): string;
  /** Makes the path of a file, found at a key, relative to the working folder. */
  resolve?(path: string, key: string): string;
}

/**
 * Reads a study.
 * @param found an object with some of `title`, `images`, `tasks`, `methods`, `seeds`, `paper`, `trends` and options
 * @throws {UsageError} naming the place of what does not fit
 */
export function readStudy(
  found: unknown,
  {
    options = {},
    place: at = (key) => key === undefined ? "the study" : `the study at ${key}`,
    resolve = (path) => path,
  }: StudySource = {},
): Study {
  const specs = { ...STUDY_OPTIONS, ...options };
  const known = [...OWN_KEYS, ...Object.keys(specs)];
  const study = objectAt(found, at(), known, 'an object with "tasks" and "methods"');
  const entries = (
    kind: "task" | "method",
    initial: readonly string[],
    tasks: readonly string[] = [],
  ): readonly Entry[] => {
    const key = `${kind}s`;
    const source = { place: at(key), resolve: (path: string) => resolve(path, key), tasks };
    return readEntries(kind, study[key] ?? initial, source);
  };
  const values = Object.entries(study).flatMap(([key, given]) => {
    const spec = OWN_KEYS.includes(key) ? undefined : specs[key]!;
    const value = spec && checkValue(at(key), spec, given);
    if (value === undefined || value === false) return [];
    return [[key, spec?.value === "FILE" ? resolve(String(value), key) : value] as const];
  });
  const seeds = readSeeds(study["seeds"] ?? [0], at("seeds"));
  const chosen = Object.fromEntries(values);
  if (chosen["best-of-seeds"] === true && (seeds === "each" || seeds.length < 2)) {
    throw new UsageError(`${at("best-of-seeds")} needs several seeds of each picture, such as 0-3`);
  }
  const tasks = entries("task", ["sr4"]);
  const methods = entries("method", ["pseudo-inverse", "ssd"], tasks.map(({ label }) => label));
  const named = { tasks, methods };
  return {
    title: textAt(study["title"] ?? "Evaluation", at("title")),
    images: readImages(study["images"] ?? [], at("images")).map((path) => resolve(path, "images")),
    ...named,
    seeds,
    expectations: readExpectations(study, named, at),
    options: chosen,
  };
}

function readImages(found: unknown, place: string): readonly string[] {
  const list: readonly unknown[] = Array.isArray(found) ? found : [found];
  return list.map((item) => {
    if (typeof item === "string" && item !== "") return item;
    throw new UsageError(`${place} holds ${shown(item)}, a folder, a file or a list of them is needed`);
  });
}
