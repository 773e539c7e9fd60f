/** What an evaluation is asked for: a study from options and a JSON file, its network, and the files that it names. */
import { readStudy, type Study, type Subject, type TaskFiles } from "../evaluation/mod.ts";
import { ONE_RUN } from "../distribution/mod.ts";
import { hostTensor } from "../engine/mod.ts";
import { FileError, readMask, sha256OfFile } from "../io/mod.ts";
import { planDescription } from "../models/mod.ts";
import { type OptionSpec, textOf, UsageError } from "../parameters/mod.ts";
import type { Arguments } from "./arguments.ts";
import { withModelFile } from "./model_file.ts";
import { precisionOf } from "./runtime.ts";
import { readTaskFiles } from "./task_files.ts";

/** Options that a configuration does not hold. */
const NOT_IN_FILES: readonly string[] = ["config", "plan", "dry-run", "out", ...Object.keys(ONE_RUN)];

/** A study, with the file that it is from as it is. */
export interface FoundStudy {
  readonly study: Study;
  readonly configuration: string | null;
}

/**
 * Reads what a command line asks for; its options outweigh those of the file, whose paths are relative to its folder.
 * @param options the options of the command
 * @throws {UsageError} naming the place of what does not fit
 * @throws {FileError} if the file cannot be read
 */
export async function readFoundStudy(
  { operands, values }: Arguments,
  options: Readonly<Record<string, OptionSpec>>,
): Promise<FoundStudy> {
  const path = textOf(values, "config");
  const file = path === undefined ? undefined : await readFile(path);
  const ofStudies = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).filter(([name]) => !NOT_IN_FILES.includes(name)));
  const given = { ...ofStudies<unknown>(values), ...(operands.length > 0 ? { images: operands } : {}) };
  const isFound = (key: string): boolean => path !== undefined && !Object.hasOwn(given, key);
  const study = readStudy({ ...file?.data, ...given }, {
    options: ofStudies(options),
    place: (key) => key === undefined ? `"${path}"` : isFound(key) ? `"${path}" at ${key}` : `--${key}`,
    resolve: (name, key) => isFound(key) ? besides(path!, name) : name,
  });
  if (study.images.length > 0) return { study, configuration: file?.text ?? null };
  throw new UsageError(
    'evaluate was given no pictures, IMAGES or "images" in the configuration is needed; "evaluate --help" explains it',
  );
}

async function readFile(path: string): Promise<{ readonly data: object; readonly text: string }> {
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
  if (typeof data === "object" && data !== null && !Array.isArray(data)) return { data, text };
  throw new UsageError(`"${path}" holds no object, {"tasks": [...], "methods": [...]} is needed`);
}

/** A path of a configuration file, which is relative to the file's folder. */
function besides(file: string, path: string): string {
  if (/^([\\/]|[A-Za-z]:)/.test(path)) return path;
  const cut = Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")) + 1;
  return `${file.slice(0, cut)}${path}`;
}

/** What is known of the network of a command line before it is opened. */
export async function identifyModel(args: Arguments): Promise<Subject> {
  return await withModelFile(args, ({ description, known, name, sha256 }) => {
    const { plan, process } = planDescription(description, "noise");
    const as = args.text("as");
    // Several published checkpoints may have the same tensors: the bytes tell, where they are known.
    const same = known.filter((row) => row.sha256 === sha256);
    const names = (same.length > 0 ? same : known).map((row) => row.name);
    return Promise.resolve({
      identity: { name, sha256, known: as === undefined ? names : [as] },
      precision: precisionOf(args),
      label: args.number("class"),
      imageSize: plan.config.imageSize,
      process,
    });
  });
}

/** Reads the files that options of tasks name. */
export const TASK_FILES: TaskFiles = {
  sha256: sha256OfFile,
  mask: async (file, size) => {
    const { data, width, height } = await readMask(file.path, { ...file, size });
    return hostTensor(data, [height, width]);
  },
  values: readTaskFiles,
};
