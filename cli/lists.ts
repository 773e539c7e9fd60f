/** Tables of the register for help texts. */
import { type AnySampler, registeredSamplers } from "../samplers/mod.ts";
import type { Task } from "../restoration/mod.ts";
import type { CommandSpec } from "../io/mod.ts";

/** Tasks with their meaning, for help texts; those that are there when the text is made. */
export function taskList(tasks: ReadonlyMap<string, Task>): NonNullable<CommandSpec["lists"]>[number] {
  return {
    title: "Tasks",
    get rows(): readonly (readonly [string, string])[] {
      return Array.from(tasks.values(), ({ name, description }) => [name, description]);
    },
  };
}

/** The methods with their meaning, for help texts. */
export function methodList(
  entries: readonly AnySampler[] = registeredSamplers(),
): NonNullable<CommandSpec["lists"]>[number] {
  const row = ({ method, about }: AnySampler, k: number): readonly [string, string] => [
    method,
    k === 0 ? `${about} (default)` : about,
  ];
  return { title: "Methods", rows: entries.map(row) };
}
