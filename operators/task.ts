/** Tasks: what can be wrong with a picture, each with its operator and the values that its parameters have there. */
import { isOption, optionName, type Parameter } from "../parameters/mod.ts";
import type { OperatorEntry, OperatorValues, TaskContext, TaskDefinition } from "./entry.ts";

/** A task, nothing left to defaults. */
export interface Task extends Omit<TaskDefinition, "about"> {
  /** What is done, in a line. */
  readonly description: string;
  /** Name in the register of operators. */
  readonly operator: string;
  /** The operator as the register has it. */
  readonly entry: OperatorEntry;
  /** Parameters of the operator that the task decides. */
  readonly fixed: OperatorValues;
  /** How many times smaller the measurement is along each side. */
  readonly scale: number;
  /** Channels of the measurement, where it is a picture. */
  readonly channels: 1 | 3;
  /** The tasks that it is made of, the damage that came first first. */
  readonly parts?: readonly Task[];
}

/** Tasks of an operator; by default those that it lists. */
export function tasksOf(
  entry: OperatorEntry,
  definitions: readonly TaskDefinition[] = entry.tasks,
): readonly Task[] {
  return definitions.map(({ about, fixed = {}, scale = 1, channels = 3, ...task }) => ({
    ...task,
    description: about,
    operator: entry.name,
    entry,
    fixed,
    scale,
    channels,
  }));
}

/** One option of a task: a parameter of its operator, or an extra. */
export interface TaskOption {
  /** Name of the parameter or extra. */
  readonly name: string;
  /** Name on a command line. */
  readonly option: string;
  /** What it is. */
  readonly parameter: Parameter<unknown>;
  /** Whether it is an extra. */
  readonly isExtra: boolean;
}

/** The options of a task: all of its operator but those that the task decides. */
export function taskOptionsOf({ entry, fixed }: Task): readonly TaskOption[] {
  const options = (all: OperatorEntry["parameters"], isExtra: boolean): readonly TaskOption[] =>
    Object.entries(all)
      .filter(([name, parameter]) => isOption(parameter) && (isExtra || !Object.hasOwn(fixed, name)))
      .map(([name, parameter]) => ({ name, option: optionName(name, parameter), parameter, isExtra }));
  return [...options(entry.parameters, false), ...options(entry.extras, true)];
}

/** Where a task is done. */
export interface TaskPlace extends Omit<TaskContext, "extras"> {
  /** How many times smaller the picture is than the one that the values speak of; default 1. */
  readonly reduction?: number;
}

/**
 * The parameters of a task's operator for pictures of one size: what the task decides, what is given, what follows from
 * the place, and the defaults of all that could have been given. Lengths in pixels shrink with the picture.
 * @param given values of options by the names of the parameters; those of files are of the picture's size already
 * @param extras values of extras by name
 */
export function taskValues(
  { entry, fixed }: Task,
  { given, extras }: { readonly given: OperatorValues; readonly extras: OperatorValues },
  { reduction = 1, ...place }: TaskPlace,
): OperatorValues {
  const chosen = Object.fromEntries(
    Object.entries(entry.extras).map(([name, { default: initial }]) => [name, extras[name] ?? initial]),
  );
  const follows = entry.defaultsFor({ ...place, extras: chosen });
  const replaced = new Set(
    Object.entries(entry.parameters).flatMap(([name, { replaces = [] }]) => given[name] === undefined ? [] : replaces),
  );
  const values: Record<string, unknown> = {};
  for (const [name, parameter] of Object.entries(entry.parameters)) {
    if (replaced.has(name)) continue;
    const initial = isOption(parameter) ? parameter.default : undefined;
    const value = fixed[name] ?? reduced(parameter, given[name] ?? follows[name] ?? initial, reduction);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

/** A length in pixels for a picture that is smaller; other values stay. */
function reduced({ kind, unit, parity, min = 0 }: Parameter<unknown>, value: unknown, reduction: number): unknown {
  if (unit !== "pixels" || typeof value !== "number" || reduction === 1) return value;
  const length = value / reduction;
  if (parity === "odd") return Math.max(min, 2 * Math.round((length - 1) / 2) + 1);
  return Math.max(min, kind === "integer" ? Math.round(length) : length);
}
