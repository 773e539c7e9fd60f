/** Pictures that are noisy and nothing else: how much is said of the noise, and which method reckons with it. */
import { type OptionValues, textOf } from "../../parameters/mod.ts";
import { type AnySampler, isPlain, registeredSamplers } from "../../samplers/mod.ts";
import { methodOptions, takesOption } from "./method_options.ts";
import type { NoiseLevel } from "../estimates/noise_level.ts";
import { partsOf, type Task } from "./tasks.ts";

/** The method that is taken for noisy pictures where none is named. */
const FOR_NOISE = "ddnm+";

/** Whether noise is what is wrong with a picture, alone or among other things. */
export function isNoisy(task: Task): boolean {
  return partsOf(task).some(({ operator }) => operator === "identity");
}

/** Options with the method that they stand for, and what is to be said of it. */
export interface NoiseMethod {
  readonly options: OptionValues;
  readonly notes: readonly string[];
}

/**
 * The method for a picture whose noise is to be removed: one that reckons with noise where none is named, as far as it
 * takes the other options. Other tasks keep their options.
 */
export function methodForNoise(options: OptionValues, task: Task): NoiseMethod {
  if (!isNoisy(task)) return { options, notes: [] };
  const entry = registeredSamplers().find(({ method }) => method === (textOf(options, "method") ?? FOR_NOISE))!;
  const given = Object.keys(methodOptions()).filter((option) => option !== "method" && options[option] !== undefined);
  if (textOf(options, "method") === undefined && given.every((option) => takesOption(entry, option))) {
    return {
      options: { ...options, method: FOR_NOISE },
      notes: [`--method ${FOR_NOISE} is taken, which reckons with noise`],
    };
  }
  return { options, notes: textOf(options, "method") !== undefined && entry.handlesNoise ? [] : [describeTakers()] };
}

/** Names the methods that reckon with noise. */
function describeTakers(): string {
  const reckons = (entry: AnySampler): boolean => !isPlain(entry) && entry.handlesNoise;
  const names = registeredSamplers().filter(reckons).map(({ method }) => method);
  return `The method does not reckon with noise and gives back what it takes for the picture; ${names.join(", ")} do`;
}

/** Levels of 255 for a range of 2. */
const LEVELS = 127.5;

/** Says what was estimated, or that nothing could be. */
export function describeNoise(level: NoiseLevel | undefined): string {
  if (!level) return "The noise cannot be estimated from so few pixels and counts as 0; --noise-level N gives it";
  const { sigma, spread } = level;
  return `The noise is estimated as ${sigma.toFixed(3)} +- ${spread.toFixed(3)} (standard deviation for values in ` +
    `[-1, 1]; ${(sigma * LEVELS).toFixed(1)} of 255 levels); --noise-level N gives another`;
}
