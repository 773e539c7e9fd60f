/** The tasks of restoration: those of the operators, and upsampling, which needs none. */
import {
  composedTask,
  lookUpTask,
  MOST_ENLARGED,
  type Operator,
  type OperatorValues,
  partNames,
  type Task,
  TASKS,
} from "../../operators/mod.ts";
import { didYouMean, UsageError } from "../../parameters/mod.ts";
import type { Shape } from "../../engine/mod.ts";
import { ENLARGE } from "./factors.ts";

export { type Task, TASKS };

/**
 * What a network that was trained to enlarge does by itself, given the small picture. Its pictures were made small by
 * means of blocks, so that is how a good picture is made small and what the result is compared with. How much it enlarges is the
 * network's; see `fitUpsampling`.
 */
export const UPSAMPLE: Task = upsampling(1);

/** Upsampling by a factor. */
export function upsampling(scale: number): Task {
  return {
    ...TASKS.get("sr2")!,
    name: "upsample",
    description: "enlarge a picture with a network trained for it (an upsampler), by plain sampling",
    fixed: { scale },
    scale,
  };
}

/** Enlargement by the factor that options say; see `chooseTask`. By itself it enlarges nothing. */
const ENLARGEMENT: Task = {
  ...upsampling(1),
  name: ENLARGE,
  description:
    `enlarge by any factor from 1 to ${MOST_ENLARGED}: --scale, --width or --height, or in the name as in sr3, ` +
    "sr1.5, sr3-bicubic",
};

/** What `degrade` and evaluations do: all tasks, and enlargement by any factor. */
export function degradeTasks(): ReadonlyMap<string, Task> {
  return new Map([...TASKS, [ENLARGE, ENLARGEMENT]]);
}

/** What `restore` does: all tasks, enlargement by any factor, and upsampling. */
export function restoreTasks(): ReadonlyMap<string, Task> {
  return new Map([...degradeTasks(), [UPSAMPLE.name, UPSAMPLE]]);
}

/**
 * The task of a name, or the one that several names joined by "+" are: what happened to the good picture first stands
 * first, as in "sr2 + jpeg".
 * @param tasks those that are possible by themselves
 * @throws {UsageError} if there is no task of a name, or the parts do not go together
 */
export function taskNamed(name: string, tasks: ReadonlyMap<string, Task> = TASKS): Task {
  const known = [...tasks.keys()];
  const names = partNames(name);
  const parts = names.map((part) => {
    const task = tasks.get(part) ?? lookUpTask(part);
    const goesAlone = task && (task.name === UPSAMPLE.name || task.name === ENLARGE || !Number.isInteger(task.scale));
    if (task && (names.length === 1 || !goesAlone)) return task;
    if (task) {
      const whole = task.name === UPSAMPLE.name ? "" : "; a whole factor in the name does, as in sr3";
      throw new UsageError(`the task "${name}" makes no sense: "${part}" goes with no other task${whole}`);
    }
    const where = names.length > 1 ? ` of "${name}"` : "";
    if (/^sr\d/.test(part)) {
      throw new UsageError(
        `there is no task "${part}"${where}; factors go from 1 to ${MOST_ENLARGED}, as in sr3 or sr1.5`,
      );
    }
    throw new UsageError(
      `there is no task "${part}"${where}, one of ${known.join(", ")} is needed${didYouMean(part, known)}`,
    );
  });
  try {
    return composedTask(parts);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

/** The name of a task as a command line takes it. */
export function quoted(name: string): string {
  return name.includes(" ") ? `"${name}"` : name;
}

/** The parts of a task; of one that is not composed itself. */
export function partsOf(task: Task): readonly Task[] {
  return task.parts ?? [task];
}

/** Builds the operator of a task with parameters from `operatorOptions`. */
export function taskOperator({ entry }: Task, imageShape: Shape, options: OperatorValues): Operator {
  return entry.build(imageShape, options);
}

/** The operator of pictures whose noise was compressed with them; see `settleNoisyJpeg`. */
export const NOISY_JPEG = "noisy_jpeg";

/** Whether noise is what is wrong with a picture, alone or among other things. */
export function isNoisy(task: Task): boolean {
  return partsOf(task).some(({ operator }) => operator === "identity" || operator === NOISY_JPEG);
}

/** The task without the compression, for noisy pictures that are made smaller, which takes it with it. */
export function withoutCompression(task: Task): Task {
  return task.operator === NOISY_JPEG ? TASKS.get("denoise")! : task;
}
