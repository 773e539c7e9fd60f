/** Operators and tasks by name: those that come with the project, and those that programs add. */
import type { Shape } from "../engine/mod.ts";
import { isOption, optionName, type Parameter, type Parameters } from "../parameters/mod.ts";
import type { OperatorEntry, OperatorValues, Some } from "./entry.ts";
import type { LinearOperator, NonlinearOperator, Operator } from "./operator.ts";
import * as ENTRIES from "./entries.ts";
import { type Task, tasksOf } from "./task.ts";

/** The names of the operators that come with the project. */
export type OperatorName = keyof typeof ENTRIES;

/** The parameters of an operator by its name, each of which may be left out; any where the name is not known before. */
export type OptionsOf<N extends string> = N extends OperatorName ? Some<typeof ENTRIES[N]["parameters"]>
  : OperatorValues;

/** The parameters of all operators together, for what handles any of them. */
export type OperatorOptions =
  { [N in OperatorName]: (each: typeof ENTRIES[N]["parameters"]) => void }[OperatorName] extends
    (all: infer All extends Parameters) => void ? Some<All> : never;

const linear = new Map<string, OperatorEntry<LinearOperator>>();
const nonlinear = new Map<string, OperatorEntry<NonlinearOperator>>();
const tasks = new Map<string, Task>();

/** All operators that are linear, by name; those that are registered later too. */
export const OPERATORS: ReadonlyMap<string, OperatorEntry<LinearOperator>> = linear;

/** All operators that are not linear, by name; those that are registered later too. */
export const NONLINEAR_OPERATORS: ReadonlyMap<string, OperatorEntry<NonlinearOperator>> = nonlinear;

/** The tasks of all operators, by name. */
export const TASKS: ReadonlyMap<string, Task> = tasks;

/**
 * Adds an operator to the register: `createOperator` finds it, and commands have its tasks and options.
 * @returns what takes it out again when it is disposed of
 * @throws {RangeError} if a name is taken, or an option means something else for another operator
 */
export function registerOperator(entry: OperatorEntry): Disposable {
  const { name } = entry;
  const refuse = (found: string, need: string): never => {
    throw new RangeError(`Cannot register operator "${name}": ${found}, ${need} is needed`);
  };
  if (operatorEntry(name)) refuse("there is one of that name", "another name");
  const added = tasksOf(entry);
  for (const task of added) if (tasks.has(task.name)) refuse(`there is a task "${task.name}"`, "another name");
  for (const other of [...linear.values(), ...nonlinear.values()]) {
    const theirs = new Map(optionsOf(other));
    for (const [option, parameter] of optionsOf(entry)) {
      const its = theirs.get(option);
      if (!its || sameOption(its, parameter)) continue;
      refuse(`its option --${option} is another one than that of "${other.name}"`, "another name, or an equal one");
    }
  }
  if (isLinearEntry(entry)) linear.set(name, entry);
  else nonlinear.set(name, entry as OperatorEntry<NonlinearOperator>);
  for (const task of added) tasks.set(task.name, task);
  return {
    [Symbol.dispose](): void {
      linear.delete(name);
      nonlinear.delete(name);
      for (const task of added) tasks.delete(task.name);
    },
  };
}

/**
 * A task by its name: one that is listed, or one of those that operators have beside them, such as enlargement by any
 * factor from 1 to 32: `sr3`, `sr1.5`, `sr3-bicubic`. Undefined if there is none.
 */
export function lookUpTask(name: string): Task | undefined {
  const listed = tasks.get(name);
  if (listed) return listed;
  for (const entry of [...linear.values(), ...nonlinear.values()]) {
    const task = entry.taskOf(name);
    if (task) return tasks.get(task.name) ?? tasksOf(entry, [task])[0];
  }
  return undefined;
}

/** The entry of an operator by its name in the register; undefined if there is none. */
export function operatorEntry(name: string): OperatorEntry | undefined {
  return linear.get(name) ?? nonlinear.get(name);
}

/** The options of an operator on a command line, with the parameters that they are. */
export function optionsOf(
  { parameters, extras }: Pick<OperatorEntry, "parameters" | "extras">,
): readonly (readonly [option: string, parameter: Parameter<unknown>])[] {
  return [...Object.entries(parameters), ...Object.entries(extras)].filter(([, parameter]) => isOption(parameter))
    .map(([name, parameter]) => [optionName(name, parameter), parameter]);
}

/**
 * Builds a linear operator by its name in the register.
 * @param name a name of `OPERATORS`
 * @param imageShape [H, W, C]
 * @param given parameters of the operator; undefined ones count as absent
 * @throws {RangeError} if there is no such operator, a parameter is unknown, needed or out of range
 * @throws {TypeError} if a shape does not fit
 */
export function createOperator<const N extends string>(
  name: N,
  imageShape: Shape,
  given?: OptionsOf<N>,
): LinearOperator {
  return found(OPERATORS, name).build(imageShape, given ?? {});
}

/** As `createOperator`, of a name of `OPERATORS` or `NONLINEAR_OPERATORS`. */
export function createDegradation<const N extends string>(
  name: N,
  imageShape: Shape,
  given?: OptionsOf<N>,
): Operator {
  const all = new Map<string, OperatorEntry>([...OPERATORS, ...NONLINEAR_OPERATORS]);
  return found(all, name).build(imageShape, given ?? {});
}

function found<A extends Operator>(register: ReadonlyMap<string, OperatorEntry<A>>, name: string): OperatorEntry<A> {
  const entry = register.get(name);
  if (entry) return entry;
  const known = Array.from(register.keys()).join(", ");
  throw new RangeError(
    `Cannot build operator "${name}": there is none of that name, one of ${known} is needed; choose one of them`,
  );
}

function isLinearEntry(entry: OperatorEntry): entry is OperatorEntry<LinearOperator> {
  return entry.isLinear;
}

/** Whether two parameters are the same option: what is said of them is equal, apart from default and help. */
function sameOption(one: Parameter<unknown>, other: Parameter<unknown>): boolean {
  const said = ({ kind, min, max, parity, choices, format }: Parameter<unknown>): string =>
    JSON.stringify([kind, min, max, parity, choices, format]);
  return said(one) === said(other);
}

// A module lists what it exports by the alphabet; the files were read in the order of its lines.
const entries: readonly OperatorEntry[] = Object.values(ENTRIES);
for (const entry of entries.toSorted((a, b) => a.order - b.order)) registerOperator(entry);
