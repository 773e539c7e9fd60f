/** The options that choose a sampler and its parameters, from what the samplers of the register say of themselves. */
import { isOption, optionName, optionOf, type OptionSpec, type Parameter } from "../../parameters/mod.ts";
import { type AnySampler, isPlain, registeredSamplers } from "../../samplers/mod.ts";

/** The option of the deviation that samplers reckon with, which is no parameter but a fact of the measurement. */
export const NOISE_LEVEL = "noise-level";

/** The preset with which the embedded prior restores, better than what is published (docs/samplers.md). */
export const MEASURED_PRESET = "measured-30";

/** What an option is for one sampler. */
interface Use {
  readonly entry: AnySampler;
  /** Name of the parameter; undefined for an option that sets several. */
  readonly name?: string;
  readonly parameter: Parameter<unknown>;
}

/** The parameter of a sampler that an option sets, with its name. */
export function parameterOf(
  { parameters }: AnySampler,
  option: string,
): readonly [name: string, parameter: Parameter<unknown>] | undefined {
  return Object.entries(parameters).find(([name, parameter]) =>
    isOption(parameter) && optionName(name, parameter) === option
  );
}

/** Whether an option belongs to a sampler. */
export function takesOption(entry: AnySampler, option: string): boolean {
  if (option === NOISE_LEVEL) return entry.handlesNoise;
  if (option === "preset") return Object.keys(entry.presets).length > 0;
  return Object.hasOwn(entry.shorthands, option) || parameterOf(entry, option) !== undefined;
}

/** The options that choose a method and its parameters. */
export function methodOptions(): Readonly<Record<string, OptionSpec>> {
  const entries = registeredSamplers();
  const [restoring, plain] = [entries.find((entry) => !isPlain(entry)), entries.find(isPlain)];
  const presets = [...new Set(entries.flatMap((entry) => Object.keys(entry.presets)))];
  return {
    method: {
      kind: "choice",
      value: "NAME",
      choices: entries.map(({ method }) => method),
      help: `Sampler, see below (${restoring?.method}; upsample: ${plain?.method})`,
    },
    preset: {
      kind: "choice",
      choices: presets,
      help: `Parameters that go together (${presets[0]}; restoring with the embedded prior: ${MEASURED_PRESET})`,
    },
    ...Object.fromEntries(Array.from(usesOf(entries), ([option, uses]) => [option, united(uses)])),
    [NOISE_LEVEL]: {
      kind: "number",
      min: 0,
      max: 10,
      help: "Standard deviation of the noise that the method reckons with (default: --sigma-y)",
    },
  };
}

/** The methods that restore measurements. */
export function restoringMethods(): readonly AnySampler[] {
  return registeredSamplers().filter((entry) => !isPlain(entry));
}

/** All options of samplers, with the samplers that have them. */
function usesOf(entries: readonly AnySampler[]): ReadonlyMap<string, readonly Use[]> {
  const all = new Map<string, Use[]>();
  for (const entry of entries) {
    const shorthands = Object.entries(entry.shorthands).map(([option, { parameter }]) =>
      [option, { entry, parameter }] as const
    );
    const parameters = Object.entries(entry.parameters).filter(([, parameter]) => isOption(parameter))
      .map(([name, parameter]) => [optionName(name, parameter), { entry, name, parameter }] as const);
    for (const [option, use] of [...shorthands, ...parameters]) all.set(option, [...all.get(option) ?? [], use]);
  }
  return all;
}

/** One option for several samplers, of one kind: it takes what any of them takes. */
function united(uses: readonly Use[]): OptionSpec {
  const specs = uses.map(({ parameter }) => optionOf(parameter));
  const [first] = specs;
  const limit = (key: "min" | "max", pick: (...values: number[]) => number): object => {
    const values = specs.map((spec) => spec[key]);
    return values.every((value) => value !== undefined) ? { [key]: pick(...values) } : {};
  };
  const choices = [...new Set(specs.flatMap(({ choices = [] }) => choices))];
  const { min: _min, max: _max, choices: _choices, ...spec } = first!;
  return {
    ...spec,
    ...limit("min", Math.min),
    ...limit("max", Math.max),
    ...(choices.length > 0 ? { choices } : {}),
    help: [...Map.groupBy(uses, ({ parameter }) => parameter.help).values()].map(helpOf).join("; "),
  };
}

/** What an option means for the samplers that say the same of it, with their defaults. */
function helpOf(uses: readonly Use[]): string {
  const { help } = uses[0]!.parameter;
  const byDefault = [...Map.groupBy(uses, shownDefault)].map(([shown, same]) =>
    [same.map(({ entry }) => entry.method).join(", "), shown] as const
  );
  const [[methods, shown]] = byDefault as [readonly [string, string]];
  if (byDefault.length === 1) return shown === "" ? `${methods}: ${help}` : `${methods}: ${help} (${shown})`;
  return `${help} (${byDefault.map(([methods, shown]) => `${methods}: ${shown || "open"}`).join("; ")})`;
}

/** The published values of a parameter: the default, and those of single tasks. */
function shownDefault({ entry, name, parameter }: Use): string {
  if (name === undefined || parameter.kind === "flag" || parameter.default === undefined) return "";
  const ofTasks = Object.entries(entry.published).flatMap(([task, values]) => {
    const value = (values as Readonly<Record<string, unknown>>)[name];
    return value === undefined ? [] : [`${task.replaceAll("_", " ")} ${value}`];
  });
  return [String(parameter.default), ...ofTasks].join(", ");
}
