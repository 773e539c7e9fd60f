/** The options of tasks: all that operators declare, whose they are, and the parameters of operators that they give. */
import type { HostTensor, Shape } from "../../engine/mod.ts";
import {
  type OperatorValues,
  sharedOptions,
  type TaskOption,
  taskOptionsOf,
  type TaskPlace,
  taskValues,
} from "../../operators/mod.ts";
import { numberOf, optionOf, type OptionSpec, type OptionValues, textOf, UsageError } from "../../parameters/mod.ts";
import { reducedKernel } from "../reduced_kernel.ts";
import { withFactor } from "./factors.ts";
import { type Task, taskNamed, TASKS } from "./tasks.ts";

/** A task with one of its options. */
interface Owner {
  readonly task: Task;
  readonly option: TaskOption;
}

/** The options that operators declare, each with the tasks that it belongs to. */
function ownersOf(tasks: ReadonlyMap<string, Task>): ReadonlyMap<string, readonly Owner[]> {
  const all = [...tasks.values()].flatMap((task) => taskOptionsOf(task).map((option): Owner => ({ task, option })));
  return Map.groupBy(all, ({ option }) => option.option);
}

/** The options that describe a task, for the commands that take one. */
export function describingOptions(): Readonly<Record<string, OptionSpec>> {
  const specs = Array.from(ownersOf(TASKS), ([name, owners]) => {
    const { parameter } = owners[0]!.option;
    return [name, { ...optionOf(parameter), help: helpOf(owners) }] as const;
  });
  return Object.fromEntries(specs);
}

/** The options that name and describe a task. */
export function taskOptions(): Readonly<Record<string, OptionSpec>> {
  return {
    task: { kind: "text", value: "NAME", help: "What is wrong with the picture, see below" },
    ...describingOptions(),
  };
}

/** The options of tasks that name a file. */
export function fileOptions(): readonly string[] {
  return Array.from(ownersOf(TASKS)).filter(([, [owner]]) => owner!.option.parameter.kind === "file")
    .map(([name]) => name);
}

/** The tasks, what the option is for them, and its defaults. */
function helpOf(owners: readonly Owner[]): string {
  const named = (some: readonly Owner[]): string => some.map(({ task }) => task.name).join(", ");
  const meanings = Map.groupBy(owners, ({ option }) => option.parameter.help);
  const texts = Array.from(meanings, ([help, some]) => {
    const defaults = [...Map.groupBy(some, ({ option }) => option.parameter.default)]
      .filter(([initial]) => initial !== undefined && typeof initial !== "boolean");
    const [first, ...others] = defaults;
    if (!first) return `${named(some)}: ${help}`;
    const further = others.map(([initial, those]) => `; ${named(those)} ${initial}`).join("");
    return `${named(some)}: ${help} (${first[0]}${further})`;
  });
  return texts.join("; ");
}

/**
 * The task that options name.
 * @param options `task`, and the options of the task
 * @param fallback where none is named
 * @param tasks those that are possible
 * @throws {UsageError} if there is no such task, an option belongs to another task, or options contradict each other
 */
export function chooseTask(
  options: OptionValues,
  fallback: string,
  tasks: ReadonlyMap<string, Task> = TASKS,
): Task {
  const name = textOf(options, "task") ?? fallback;
  const task = taskNamed(name, tasks);
  const declared = taskOptionsOf(task);
  for (const [option, owners] of ownersOf(TASKS)) {
    if (options[option] === undefined || declared.some((own) => own.option === option)) continue;
    const names = owners.map((owner) => `"${owner.task.name}"`).join(", ");
    throw new UsageError(`--${option} belongs to task ${names}, the task is "${task.name}"; leave it out`);
  }
  for (const [option, parts] of sharedOptions(task)) {
    if (options[option] === undefined) continue;
    const names = parts.map((part) => `"${part}"`).join(" and ");
    throw new UsageError(
      `--${option} would be for ${names} of "${task.name}", which cannot be told apart; leave it out`,
    );
  }
  checkOptions(options, declared);
  return withFactor(task, options);
}

/** Refuses options of a task that contradict each other. */
function checkOptions(options: OptionValues, declared: readonly TaskOption[]): void {
  const given = declared.filter(({ option }) => options[option] !== undefined);
  for (const { option, parameter: { replaces = [], needs, parity } } of given) {
    const rivals = given.filter((other) => other.option !== option && replaces.includes(other.name));
    if (rivals.length > 0) {
      const all = [option, ...rivals.map((rival) => rival.option)].map((rival) => `--${rival}`);
      throw new UsageError(`${all.join(" and ")} exclude each other; give one of them`);
    }
    const wanted = declared.find((other) => other.name === needs);
    if (wanted && options[wanted.option] === undefined) {
      const value = optionOf(wanted.parameter).value ?? "VALUE";
      throw new UsageError(`--${option} needs --${wanted.option} ${value}`);
    }
    const value = numberOf(options, option);
    if (parity !== undefined && value !== undefined && (value % 2 === 0) !== (parity === "even")) {
      throw new UsageError(`--${option} is ${value}, an ${parity} number is needed`);
    }
  }
}

/** What the operator of a task depends on besides the options. */
export interface TaskSetting extends Omit<TaskPlace, "imageShape"> {
  /** What was read from the files that options name, by the names of the parameters; a mask of the picture's size. */
  readonly files?: OperatorValues;
}

/**
 * The parameters of a task's operator for pictures of one size.
 * @param imageShape [H, W, C]
 */
export function operatorOptions(
  task: Task,
  imageShape: Shape,
  options: OptionValues,
  { files = {}, ...place }: TaskSetting,
): OperatorValues {
  const given: Record<string, unknown> = {};
  const extras: Record<string, unknown> = {};
  for (const { name, option, parameter, isExtra } of taskOptionsOf(task)) {
    if (parameter.kind === "file") {
      const file = files[name];
      const isKernel = file !== undefined && parameter.format === "kernel" && parameter.unit === "pixels";
      given[name] = isKernel ? reducedKernel(file as HostTensor, place.reduction ?? 1) : file;
    } else (isExtra ? extras : given)[name] = valueOf(options, option, parameter.default);
  }
  return taskValues(task, { given, extras }, { ...place, imageShape });
}

/** What was given for an option; a flag turns its default round. */
function valueOf(options: OptionValues, option: string, initial: unknown): unknown {
  const value = options[option];
  return value === true ? !initial : value;
}
