/** The tasks of commands: those of the operators, and upsampling, which needs none. */
import { createDegradation, type Operator, type OperatorValues, type Task, TASKS } from "../operators/mod.ts";
import type { Shape } from "../engine/mod.ts";
import type { CommandSpec } from "./arguments.ts";

export { type Task, TASKS };

/**
 * What a network that was trained to enlarge does by itself, given the small picture. Its pictures were made small by
 * means of blocks, so that is how `--degrade` does it and what the result is compared with. How much it enlarges is the
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

/** What `restore` does: all tasks, and upsampling. */
export function restoreTasks(): ReadonlyMap<string, Task> {
  return new Map([...TASKS, [UPSAMPLE.name, UPSAMPLE]]);
}

/** Tasks with their meaning, for help texts; those that are there when the text is made. */
export function taskList(tasks: ReadonlyMap<string, Task>): NonNullable<CommandSpec["lists"]>[number] {
  return {
    title: "Tasks",
    get rows(): readonly (readonly [string, string])[] {
      return Array.from(tasks.values(), ({ name, description }) => [name, description]);
    },
  };
}

/** Builds the operator of a task with parameters from `operatorOptions`. */
export function taskOperator(task: Task, imageShape: Shape, options: OperatorValues): Operator {
  return createDegradation(task.operator, imageShape, options);
}
