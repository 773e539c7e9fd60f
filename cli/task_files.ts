/** Reading the files that options of tasks name. */
import type { HostTensor } from "../engine/mod.ts";
import { readBlurNetwork, readKernel } from "../io/mod.ts";
import type { OperatorValues } from "../operators/mod.ts";
import type { OptionValues } from "../parameters/mod.ts";
import { MASK_FORMAT, maskFileOf, namedFiles, type Task } from "../restoration/mod.ts";

/** What reads the other formats. */
const READERS: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  kernel: readKernel,
  "blur network": readBlurNetwork,
};

/**
 * What the files hold that a command line names for a task, by the names of the parameters; without the mask.
 * @throws {FileError | CheckpointError} if one cannot be read
 * @throws {TypeError} if the operator has a file of a format that nothing reads
 */
export async function readTaskFiles(task: Task, options: OptionValues): Promise<OperatorValues> {
  const files: Record<string, unknown> = {};
  for (const { name, option, format, path } of namedFiles(task, options)) {
    if (format === MASK_FORMAT) continue;
    const read = READERS[format];
    if (!read) {
      const known = [MASK_FORMAT, ...Object.keys(READERS)].join(", ");
      throw new TypeError(
        `Cannot read the file of --${option}: operator "${task.operator}" says that it is a "${format}", one of ` +
          `${known} is needed`,
      );
    }
    files[name] = await read(path);
  }
  return files;
}

/**
 * What all files hold that a command line names for a task.
 * @param known the pixels of its mask, of the picture's size
 */
export async function filesWith(
  task: Task,
  options: OptionValues,
  known: HostTensor | undefined,
): Promise<OperatorValues> {
  const mask = maskFileOf(task, options);
  return { ...await readTaskFiles(task, options), ...(mask && known ? { [mask.parameter]: known } : {}) };
}
