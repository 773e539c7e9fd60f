/** The tasks of restoration: those of the operators, and upsampling, which needs none. */
import { createDegradation, type Operator, type OperatorValues, type Task, TASKS } from "../../operators/mod.ts";
import type { Shape } from "../../engine/mod.ts";

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

/** What `restore` does: all tasks, and upsampling. */
export function restoreTasks(): ReadonlyMap<string, Task> {
  return new Map([...TASKS, [UPSAMPLE.name, UPSAMPLE]]);
}

/** Builds the operator of a task with parameters from `operatorOptions`. */
export function taskOperator(task: Task, imageShape: Shape, options: OperatorValues): Operator {
  return createDegradation(task.operator, imageShape, options);
}
