/** The options of a method with which a run takes so many network evaluations. */
import { optionName, optionValue, type OptionValues } from "../../parameters/mod.ts";
import { evaluationSetting, registeredSamplers } from "../../samplers/mod.ts";
import { parameterOf } from "./method_options.ts";

/**
 * The options with which a method takes about so many network evaluations, by what its parameters say.
 * @param options `method`, and options that stay as they are; those that the method has not are left out of account
 * @param target network evaluations of a picture
 * @returns further options: none where the method evaluates no network; undefined where none come close enough
 */
export function evaluationOptions(options: OptionValues, target: number): OptionValues | undefined {
  const entry = registeredSamplers().find(({ method }) => method === options["method"])!;
  const given = Object.entries(options).flatMap(([option, value]) => {
    const [name, parameter] = parameterOf(entry, option) ?? [];
    return name === undefined || !parameter ? [] : [[name, optionValue(parameter, value)]];
  });
  const setting = evaluationSetting(entry, target, Object.fromEntries(given));
  return setting && Object.fromEntries(
    Object.entries(setting).map(([name, value]) => [optionName(name, entry.parameters[name]!), value as number]),
  );
}
