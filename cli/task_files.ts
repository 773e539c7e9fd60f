/** Reading the files that options of tasks name. */
import type { HostTensor } from "../engine/mod.ts";
import { type OperatorValues, type Task, taskOptionsOf } from "../operators/mod.ts";
import type { Arguments } from "./arguments.ts";
import { readBlurNetwork } from "./blur_network.ts";
import { readKernel } from "./kernel_file.ts";

/** Format of a mask, which is laid over the picture and so is not read by itself. */
const MASK = "mask";

/** What reads the other formats. */
const READERS: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  kernel: readKernel,
  "blur network": readBlurNetwork,
};

/** A mask that a command line names. */
export interface MaskFile {
  /** The parameter that it is. */
  readonly parameter: string;
  readonly path: string;
  /** Colour of known pixels. */
  readonly keep: "white" | "black";
}

/** Option and path of every file that a command line names for a task. */
function namedFiles(
  task: Task,
  args: Arguments,
): readonly { readonly name: string; readonly option: string; readonly format: string; readonly path: string }[] {
  return taskOptionsOf(task).flatMap(({ name, option, parameter: { kind, format = "" } }) => {
    const path = kind === "file" ? args.text(option) : undefined;
    return path === undefined ? [] : [{ name, option, format, path }];
  });
}

/**
 * What the files hold that a command line names for a task, by the names of the parameters; without the mask.
 * @throws {FileError | CheckpointError} if one cannot be read
 * @throws {TypeError} if the operator has a file of a format that nothing reads
 */
export async function readTaskFiles(task: Task, args: Arguments): Promise<OperatorValues> {
  const files: Record<string, unknown> = {};
  for (const { name, option, format, path } of namedFiles(task, args)) {
    if (format === MASK) continue;
    const read = READERS[format];
    if (!read) {
      const known = [MASK, ...Object.keys(READERS)].join(", ");
      throw new TypeError(
        `Cannot read the file of --${option}: operator "${task.operator}" says that it is a "${format}", one of ` +
          `${known} is needed`,
      );
    }
    files[name] = await read(path);
  }
  return files;
}

/** The mask that a command line names for a task. The extra `keep` of the operator says which pixels are known. */
export function maskFileOf(task: Task, args: Arguments): MaskFile | undefined {
  const mask = namedFiles(task, args).find(({ format }) => format === MASK);
  if (!mask) return undefined;
  const keep = taskOptionsOf(task).find(({ name, isExtra }) => isExtra && name === "keep");
  const isBlack = keep !== undefined && args.text(keep.option) === "black";
  return { parameter: mask.name, path: mask.path, keep: isBlack ? "black" : "white" };
}

/** The paths of all files that a command line names for a task, which results must not overwrite. */
export function taskFilePaths(task: Task, args: Arguments): readonly string[] {
  return namedFiles(task, args).map(({ path }) => path);
}

/** The option of the mask without which a task cannot be done for a picture that was damaged elsewhere. */
export function neededMask(task: Task): string | undefined {
  const needed = taskOptionsOf(task).find(({ name, parameter }) => name === task.needs && parameter.format === MASK);
  return needed?.option;
}

/**
 * What all files hold that a command line names for a task.
 * @param known the pixels of its mask, of the picture's size
 */
export async function filesWith(
  task: Task,
  args: Arguments,
  known: HostTensor | undefined,
): Promise<OperatorValues> {
  const mask = maskFileOf(task, args);
  return { ...await readTaskFiles(task, args), ...(mask && known ? { [mask.parameter]: known } : {}) };
}
