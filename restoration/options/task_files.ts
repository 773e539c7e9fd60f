/** The files that options of tasks name. */
import { type Task, taskOptionsOf } from "../../operators/mod.ts";
import { type OptionValues, textOf } from "../../parameters/mod.ts";

/** Format of a mask, which is laid over the picture and so is not read by itself. */
export const MASK_FORMAT = "mask";

/** A mask that options name. */
export interface MaskFile {
  /** The parameter that it is. */
  readonly parameter: string;
  readonly path: string;
  /** Colour of known pixels. */
  readonly keep: "white" | "black";
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

/** The mask that options name for a task. The extra `keep` of the operator says which pixels are known. */
export function maskFileOf(task: Task, options: OptionValues): MaskFile | undefined {
  const mask = namedFiles(task, options).find(({ format }) => format === MASK_FORMAT);
  if (!mask) return undefined;
  const keep = taskOptionsOf(task).find(({ name, isExtra }) => isExtra && name === "keep");
  const isBlack = keep !== undefined && textOf(options, keep.option) === "black";
  return { parameter: mask.name, path: mask.path, keep: isBlack ? "black" : "white" };
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
