/** The registers as plain data, of which the page builds its controls. */
import { type TaskOption, taskOptionsOf } from "../../operators/mod.ts";
import { isOption, optionName, type OptionSpec, type Parameter, UsageError } from "../../parameters/mod.ts";
import {
  BLUR_OPTIONS,
  checkBlurOption,
  chooseMethod,
  CLASS_OPTION,
  FACTOR_OPTIONS,
  isPresetOpen,
  MASK_FORMAT,
  methodOptions,
  neededMask,
  NOISE_LEVEL,
  NOISE_OPTIONS,
  ownPictureOptions,
  partsOf,
  restoreTasks,
  SCALE_OPTION,
  SIZE_OPTIONS,
  takesOwnPicture,
  type Task,
  WINDOW_OPTIONS,
  withFactor,
} from "../../restoration/mod.ts";
import { type AnySampler, registeredSamplers } from "../../samplers/mod.ts";
import type { Control, MethodFacts, Options, Registers, TaskFacts } from "../protocol.ts";
import { DEGRADE, isOfMaskFile, KERNEL_FORMAT } from "./options.ts";

/** The registers as they are when it is called. */
export function registers(): Registers {
  const noise = Object.keys(NOISE_OPTIONS);
  return {
    tasks: Array.from(restoreTasks().values(), taskFacts),
    methods: registeredSamplers().map(methodFacts),
    degrade: ofSpec("degrade", DEGRADE),
    noise: Object.entries(NOISE_OPTIONS).map(([option, spec]) => ({
      ...ofSpec(option, spec),
      excludes: noise.filter((other) => other !== option),
      only: "degrade",
    })),
    general: [
      ofSpec("size", SIZE_OPTIONS["size"]!),
      ...Object.entries(WINDOW_OPTIONS).map(([option, spec]) => ({
        ...ofSpec(option, spec),
        ...(option === "window" ? {} : { needs: "window" }),
      })),
      ...controlsOf(CLASS_OPTION),
    ],
  };
}

/** The control of an option whose help tells its default itself. */
function ofSpec(option: string, { kind, choices, min, max, help }: OptionSpec): Control {
  return {
    option,
    kind,
    help,
    default: kind === "flag" ? false : null,
    ...(choices ? { choices } : {}),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  };
}

function controlsOf(specs: Readonly<Record<string, OptionSpec>>, notes: Partial<Control> = {}): readonly Control[] {
  return Object.entries(specs).map(([option, spec]) => ({ ...ofSpec(option, spec), ...notes }));
}

/** The control of a parameter. */
function ofParameter(option: string, parameter: Parameter<unknown>): Control {
  const { kind, format, default: initial, choices, min, max, parity, help, isDamage } = parameter;
  const isPlain = typeof initial === "string" || typeof initial === "number";
  return {
    option,
    kind: format === KERNEL_FORMAT ? "kernel" : kind === "file" || kind === "data" ? "mask" : kind,
    help,
    default: kind === "flag" ? false : isPlain ? initial : null,
    ...(choices ? { choices } : {}),
    ...(min === undefined ? {} : { min }),
    ...(typeof max === "number" ? { max } : {}),
    ...(parity ? { parity } : {}),
    ...(isDamage ? { only: "degrade" as const } : {}),
  };
}

/** A task as data. */
export function taskFacts(task: Task): TaskFacts {
  const { name, description, kind, scale } = task;
  const own = taskOptionsOf(task);
  const wanted = own.find((option) => option.name === task.needs);
  const isMask = wanted?.parameter.format === MASK_FORMAT;
  const needsFile = wanted?.parameter.kind === "file" && !isMask && wanted.parameter.format !== KERNEL_FORMAT;
  return {
    name,
    about: description,
    kind,
    scale,
    takesDamaged: !needsFile && ((task.form ?? "file") === "file" || takesOwnPicture(task)),
    mask: neededMask(task) !== undefined
      ? "needed"
      : own.some(({ parameter }) => parameter.format === MASK_FORMAT)
      ? "possible"
      : "none",
    needs: wanted && !isMask ? wanted.option : null,
    controls: taskControls(task, own),
    methods: methodsOf(task),
  };
}

/** What can be said of a task: what its operator takes, and what follows from other rooms. */
function taskControls(task: Task, own: readonly TaskOption[]): readonly Control[] {
  const shown = own.filter(({ parameter }) =>
    (parameter.kind !== "file" || [MASK_FORMAT, KERNEL_FORMAT].includes(parameter.format ?? "")) &&
    !isOfMaskFile(task, parameter)
  );
  const optionOf = (name: string): string | undefined => shown.find((option) => option.name === name)?.option;
  const operator = shown.map(({ option, parameter }): Control => {
    const excludes = (parameter.replaces ?? []).flatMap((name) => optionOf(name) ?? []);
    const needs = parameter.needs === undefined ? undefined : optionOf(parameter.needs);
    return {
      ...ofParameter(option, parameter),
      ...(excludes.length > 0 ? { excludes } : {}),
      ...(needs === undefined ? {} : { needs }),
    };
  });
  const pictures = partsOf(task).flatMap(({ name }) => controlsOf(ownPictureOptions(name), { only: "damaged" }));
  return [...operator, ...factorControls(task), ...blurControls(task, own), ...pictures];
}

/** Whether a check passes. */
function passes(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

/** The options that say how much a task enlarges, where its name does not. */
function factorControls(task: Task): readonly Control[] {
  const names = Object.keys(FACTOR_OPTIONS);
  return Object.entries(FACTOR_OPTIONS).filter(([option]) => passes(() => withFactor(task, { [option]: 2 }))).map(
    ([option, spec]) => ({
      ...ofSpec(option, spec),
      ...(option in SCALE_OPTION ? {} : { only: "damaged" as const }),
      excludes: names.filter((other) => other !== option),
    }),
  );
}

/** The option that asks for an estimate of a blur, where there is one, instead of those that say what it is. */
function blurControls(task: Task, own: readonly TaskOption[]): readonly Control[] {
  return Object.entries(BLUR_OPTIONS).flatMap(([option, spec]) => {
    const asked = { task: task.name, [option]: spec.choices![0]! };
    if (!passes(() => checkBlurOption(asked, false))) return [];
    const excludes = own.map((other) => other.option).filter((other) =>
      !passes(() => checkBlurOption({ ...asked, [other]: 1 }, false))
    );
    return [{ ...ofSpec(option, spec), only: "damaged" as const, excludes }];
  });
}

/** The methods that take a task with their defaults, that one first which is taken where none is named. */
function methodsOf(task: Task): readonly string[] {
  const first = chooseMethod({}, task).name;
  const taking = registeredSamplers().filter(({ method }) => passes(() => chooseMethod({ method }, task)));
  return taking.toSorted((a, b) => Number(b.name === first) - Number(a.name === first)).map(({ method }) => method);
}

function methodFacts(entry: AnySampler): MethodFacts {
  const { method, about, paper, parameters, presets, shorthands, handlesNoise, published } = entry;
  const own = Object.entries(parameters).filter(([, parameter]) => isOption(parameter));
  const options = new Map(own.map(([name, parameter]) => [name, optionName(name, parameter)]));
  const several = Object.entries(shorthands).map(([option, { parameter, spread }]): Control => {
    const set = Object.keys(spread(parameter.default ?? parameter.min ?? 1));
    return { ...ofParameter(option, parameter), excludes: set.flatMap((name) => options.get(name) ?? []) };
  });
  const names = Object.keys(presets);
  const [preset, level] = ["preset", NOISE_LEVEL].map((option) => ofSpec(option, methodOptions()[option]!));
  return {
    name: method,
    about,
    paper,
    controls: [
      ...(names.length > 0 ? [{ ...preset!, choices: names, default: isPresetOpen(method) ? null : names[0]! }] : []),
      ...several,
      ...own.map(([name, parameter]) => ofParameter(options.get(name)!, parameter)),
      ...(handlesNoise ? [level!] : []),
    ],
    published: Object.fromEntries(
      Object.entries(published).map(([kind, values]) => [kind, publishedOptions(values, options)]),
    ),
  };
}

/** Published values by their options; flags, which an option can turn round once, stay as they are. */
function publishedOptions(values: object, options: ReadonlyMap<string, string>): Options {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => {
      const option = options.get(name);
      const isPlain = typeof value === "number" || typeof value === "string";
      return option !== undefined && isPlain ? [[option, value]] : [];
    }),
  );
}
