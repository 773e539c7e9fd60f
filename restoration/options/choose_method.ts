/** The sampler that options name: the published parameters for the task, overridden option by option. */
import {
  fits,
  greatest,
  needed,
  optionName,
  optionValue,
  type OptionValues,
  type Parameter,
  textOf,
  UsageError,
} from "../../parameters/mod.ts";
import { type AnySampler, isPlain, PUBLISHED_TIMESTEPS, registeredSamplers } from "../../samplers/mod.ts";
import type { Method } from "./method.ts";
import { methodOptions, NOISE_LEVEL, parameterOf, takesOption } from "./method_options.ts";
import { type Task, UPSAMPLE } from "./tasks.ts";

/** Values of parameters by name. */
type Values = Readonly<Record<string, unknown>>;

/**
 * The method that options name; the first that takes the task where they name none.
 * @throws {UsageError} if options contradict each other, or the task
 */
export function chooseMethod(options: OptionValues, task: Task): Method {
  const refusal = methodRefusal(options, task);
  const entry = chosenEntry(options, task);
  const wrong = (reason: string): UsageError =>
    new UsageError(`--method is ${entry.method}, the task is "${task.name}": ${reason}`);
  if (refusal !== undefined) throw wrong(refusal);
  if (isPlain(entry) !== isUpsampling(task)) {
    const names = suiting(task).map(({ method }) => method);
    throw wrong(`${isUpsampling(task) ? names.join(" or ") : `one of ${names.join(", ")}`} is needed`);
  }
  const presets = Object.keys(entry.presets);
  const preset = textOf(options, "preset") ?? presets[0];
  if (preset !== undefined && presets.length > 0 && !presets.includes(preset)) {
    throw new UsageError(`--preset is ${preset}, one of ${presets.join(", ")} is needed for --method ${entry.method}`);
  }
  const given = givenValues(options, entry, task);
  const values: Values = entry.settled(given.values, entry.defaultsFor(task.kind, preset));
  checkValues(entry, values, given.makers);
  const evaluations = entry.evaluations(values);
  const draws = entry.draws?.(evaluations);
  return {
    name: entry.name,
    ...(preset === undefined ? {} : { preset }),
    options: { ...values, ...entry.fixed },
    evaluations,
    ...(draws === undefined ? {} : { draws }),
    timesteps: boundTimesteps(entry, values),
    levels: entry.makesLevels ? "own" : isPlain(entry) ? "training" : "published",
    run: (runtime, problem, noise) =>
      isPlain(entry)
        ? entry.sample(runtime, { model: problem.model, count: problem.y.shape[0]! }, { ...values, noise })
        : entry.restore(runtime, problem, { ...values, noise }),
  };
}

function isUpsampling({ name }: Task): boolean {
  return name === UPSAMPLE.name;
}

/** The samplers for a task, as far as it needs a measurement or none. */
function suiting(task: Task): readonly AnySampler[] {
  return registeredSamplers().filter((entry) => isPlain(entry) === isUpsampling(task));
}

/** What a sampler needs for degradations that are not linear; undefined if it takes none. */
function nonlinearValues(entry: AnySampler): Values | undefined {
  return isPlain(entry) ? undefined : entry.nonlinear;
}

/** Whether a sampler reads only what an operator that is not linear has too. */
function takesProjection(entry: AnySampler, { entry: { isLinear, projects } }: Task): boolean {
  return !isLinear && projects && !isPlain(entry) && entry.projects === true;
}

/** The sampler that is named, and otherwise the first that takes the task as it is published. */
function chosenEntry(options: OptionValues, task: Task): AnySampler {
  const name = textOf(options, "method");
  const isFirst = (entry: AnySampler): boolean => {
    if (task.entry.isLinear || takesProjection(entry, task)) return true;
    const values = nonlinearValues(entry);
    return values !== undefined && Object.keys(values).length === 0;
  };
  return name === undefined
    ? suiting(task).find(isFirst)!
    : registeredSamplers().find(({ method }) => method === name)!;
}

/** Why the method that options name does not go with a task whose operator is not linear; undefined if it does. */
export function methodRefusal(options: OptionValues, task: Task): string | undefined {
  const entry = chosenEntry(options, task);
  if (task.entry.isLinear || takesProjection(entry, task)) return undefined;
  const isGiven = ([name, value]: readonly [string, unknown]): boolean =>
    (options[optionOf(entry, name)] ?? entry.defaults[name as never]) === value;
  const values = nonlinearValues(entry);
  if (values && Object.entries(values).every(isGiven)) return undefined;
  const takers = registeredSamplers().flatMap((entry) => {
    if (takesProjection(entry, task)) return [entry.method];
    const needs = nonlinearValues(entry);
    if (!needs) return [];
    const wanted = Object.entries(needs).map(([name, value]) => `--${optionOf(entry, name)} ${value}`);
    return [wanted.length === 0 ? entry.method : `${entry.method} with ${wanted.join(" ")}`];
  });
  return `what is not linear needs ${takers.join(", or ")}`;
}

/** The option of a parameter of a sampler, without the dashes. */
function optionOf({ parameters }: AnySampler, name: string): string {
  return optionName(name, parameters[name]!);
}

/**
 * The values that options give, and for values that an option gives several of, what to call that option.
 * @throws {UsageError} if an option belongs to other methods, or two options set one parameter
 */
function givenValues(
  options: OptionValues,
  entry: AnySampler,
  task: Task,
): { readonly values: Values; readonly makers: ReadonlyMap<string, string> } {
  let values: Values = {};
  const makers = new Map<string, string>();
  for (
    const option of Object.keys(methodOptions()).filter((option) =>
      option !== "method" && options[option] !== undefined
    )
  ) {
    if (!takesOption(entry, option)) refuse(option, task);
    if (option === NOISE_LEVEL || option === "preset") continue;
    const given = options[option];
    const shorthand = entry.shorthands[option];
    if (shorthand) {
      checkRange(`--${option} is ${given}`, shorthand.parameter, given, {});
      const spread: Values = shorthand.spread(Number(given));
      const names = Object.keys(spread).map((name) => optionOf(entry, name));
      if (names.some((name) => options[name] !== undefined)) {
        const others = names.map((name) => `--${name}`).join(" and ");
        throw new UsageError(`--${option} sets ${others}; give either --${option}, or ${others}`);
      }
      for (const [name, value] of Object.entries(spread)) {
        makers.set(name, `--${option} is ${given}, which makes --${optionOf(entry, name)} ${value}`);
      }
      values = { ...values, ...spread };
    } else {
      const [name, parameter] = parameterOf(entry, option)!;
      values = { ...values, [name]: optionValue(parameter, given) };
    }
  }
  return { values, makers };
}

/** Says whose option it is: of the methods for the task, or of any. */
function refuse(option: string, task: Task): never {
  const owners = registeredSamplers().filter((entry) => takesOption(entry, option));
  const fitting = owners.filter((entry) => suiting(task).includes(entry));
  const methods = (fitting.length > 0 ? fitting : owners).map(({ method }) => method).join(", ");
  throw new UsageError(`--${option} belongs to --method ${methods}; leave it out`);
}

/** Refuses values that are out of range, as far as the ranges are known without the network. */
function checkValues(entry: AnySampler, values: Values, makers: ReadonlyMap<string, string>): void {
  // Evaluations are announced for the published process; from a timestep t0 they are the same in any.
  const known = isPlain(entry) || "t0" in entry.parameters ? {} : { T: PUBLISHED_TIMESTEPS };
  const bounds = { ...known, ...entry.limits(values as never), ...values };
  for (const [name, parameter] of Object.entries(entry.parameters)) {
    const { max } = parameter;
    const bound = typeof max === "string" && Object.hasOwn(entry.parameters, max) ? `--${optionOf(entry, max)} ` : "";
    const made = makers.get(name) ?? `--${optionOf(entry, name)} is ${values[name]}`;
    checkRange(made, parameter, values[name], bounds, bound);
  }
}

/** Refuses a value that its parameter cannot have; `bound` is the option that gives the greatest value. */
function checkRange(made: string, parameter: Parameter<unknown>, value: unknown, bounds: Values, bound = ""): void {
  if (fits(parameter, value, bounds)) return;
  const [least, most] = [parameter.min ?? -Infinity, greatest(parameter, bounds) ?? Infinity];
  const what = Number(value) > most
    ? `at most ${bound}${most}`
    : Number(value) < least
    ? `at least ${least}`
    : needed(parameter, bounds);
  throw new UsageError(`${made}, ${what} is needed`);
}

/** How many training timesteps the parameter asks for that is bounded by them. */
function boundTimesteps(entry: AnySampler, values: Values): Method["timesteps"] {
  const bound = Object.entries(entry.parameters).find(([, { max }]) => max === "T");
  if (!bound) return { option: "--steps", least: 0 };
  const [name, parameter] = bound;
  return { option: `--${optionName(name, parameter)}`, least: Number(values[name]) };
}
