/** The files that options of tasks name. */
import { type Task, taskOptionsOf } from "../../operators/mod.ts";
import { type OptionValues, textOf } from "../../parameters/mod.ts";

/** Format of a mask, which is laid over the picture and so is not read by itself. */
export const MASK_FORMAT = "mask";

/** A mask that options name. */
export interface MaskFile {
  /** The parameter that it is. */
  readonly parameter: string;
  /** Where the picture is that marks the pixels. */
  readonly path: string;
  /** Colour of known pixels. */
  readonly keep: "white" | "black";
  /** The colour in which missing pixels are painted, where it is named. */
  readonly colour: string | undefined;
}

/** Option and path of every file that options name for a task. */
export function namedFiles(
  task: Task,
  options: OptionValues,
): readonly { readonly name: string; readonly option: string; readonly format: string; readonly path: string }[] {
  return taskOptionsOf(task).flatMap(({ name, option, parameter: { kind, format = "" } }) => {
    const path = kind === "file" ? textOf(options, option) : undefined;
    return path === undefined ? [] : [{ name, option, format, path }];
  });
}

/**
 * The mask that options name for a task. The extras `keep` and `colour` of the operator say which pixels are known, and
 * which are missing.
 */
export function maskFileOf(task: Task, options: OptionValues): MaskFile | undefined {
  const mask = namedFiles(task, options).find(({ format }) => format === MASK_FORMAT);
  if (!mask) return undefined;
  const keep = extraOf(task, options, "keep") === "black" ? "black" : "white";
  return { parameter: mask.name, path: mask.path, keep, colour: maskColourOf(task, options) };
}

/** The colour of strokes that mark missing pixels, which options name for a task. */
export function maskColourOf(task: Task, options: OptionValues): string | undefined {
  return extraOf(task, options, "colour");
}

/** The parameter of a task that is a mask. */
export function maskParameterOf(task: Task): string | undefined {
  return taskOptionsOf(task).find(({ parameter }) => parameter.format === MASK_FORMAT)?.name;
}

function extraOf(task: Task, options: OptionValues, wanted: string): string | undefined {
  const extra = taskOptionsOf(task).find(({ name, isExtra }) => isExtra && name === wanted);
  return extra && textOf(options, extra.option);
}

/** The paths of all files that options name for a task, which results must not overwrite. */
export function taskFilePaths(task: Task, options: OptionValues): readonly string[] {
  return namedFiles(task, options).map(({ path }) => path);
}

/** The option of the mask without which a task cannot be done for a picture that was damaged elsewhere. */
export function neededMask(task: Task): string | undefined {
  const needed = taskOptionsOf(task).find(({ name, parameter }) =>
    name === task.needs && parameter.format === MASK_FORMAT
  );
  return needed?.option;
}
