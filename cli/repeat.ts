/** Runs that are made again, and the pictures that the program brings for them. */
import { FileError, programFile, readText, readTexts, sha256OfFile } from "../io/mod.ts";
import { type OptionValues, textOf, UsageError } from "../parameters/mod.ts";
import {
  exampleOf,
  isMeasurementName,
  PARAMETERS_KEYWORD,
  repeatedRun,
  reportedInput,
  type RunParameters,
} from "../restoration/mod.ts";
import type { Arguments, CommandSpec } from "./arguments.ts";

/** Where the program lies. */
const PROGRAM = new URL("../", import.meta.url);

/** What --like or --config repeats, and of which files. */
export async function readLike(
  { operands, values }: Arguments,
  specs: CommandSpec["options"],
): Promise<RunParameters & Pick<Arguments, "operands"> | undefined> {
  const [config, like] = [textOf(values, "config"), textOf(values, "like")];
  if (config !== undefined && like !== undefined) throw new UsageError("--config and --like name a run each; give one");
  const name = config ?? like;
  if (name === undefined) return undefined;
  const isText = config !== undefined || /\.json$/i.test(name);
  const text = isText ? await readText(name) : (await readTexts(name))[PARAMETERS_KEYWORD] ?? "";
  const input = config !== undefined && operands.length === 0 ? reportedInput(text, name) : undefined;
  const own = !input ? operands : input.isSample ? [] : [input.file];
  const setting = { name, specs, isMeasured: isMeasurementName(own[0] ?? ""), isSame: !!input };
  const run = repeatedRun(text, values, setting);
  const file = input?.isSample ? await exampleFile(run.options) : input?.file ?? "";
  if (input && await sha256OfFile(file) !== input.sha256) {
    throw new FileError(`Cannot repeat "${name}": "${file}" is not the file of that run, its SHA-256 is another`);
  }
  if (own.length === 0) return { ...run, operands: own };
  // A picture of one's own takes the place of the program's.
  const { example: _, ...options } = run.options;
  return { ...run, options, operands: own };
}

/** The picture of the program that options name, as a file. */
export async function exampleFile(options: OptionValues): Promise<string> {
  return await programFile(new URL(exampleOf(options).file, PROGRAM));
}
