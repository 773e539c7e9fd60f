/** The noise of measurements: what options give, and what the metadata of a measurement say. */
import { type MeasurementNoise, NOISES } from "../../operators/mod.ts";
import {
  fits,
  number,
  numberOf,
  optionName,
  optionOf,
  type OptionSpec,
  type OptionValues,
  UsageError,
} from "../../parameters/mod.ts";
import type { Task } from "./tasks.ts";

/** How strong each noise is. */
const STRENGTHS = [
  {
    kind: "gaussian",
    name: "sigma",
    parameter: number(
      undefined,
      { min: 0, max: 10, option: "sigma-y" },
      "Standard deviation of noise added to it, values in [-1, 1]",
    ),
  },
  {
    kind: "poisson",
    name: "rate",
    parameter: number(
      undefined,
      { min: 1e-6, max: 1e6, option: "poisson-rate" },
      "Count photons instead, 255 times the rate for white",
    ),
  },
  {
    kind: "jpeg",
    name: "quality",
    parameter: number(
      undefined,
      { min: 1, max: 100, option: "jpeg-quality" },
      "Compress it as JPEG instead, quality 1 to 100",
    ),
  },
].map((strength) => ({ ...strength, option: optionName(strength.name, strength.parameter) }));

/** The options that describe the noise of a measurement that is made here. */
export const NOISE_OPTIONS: Readonly<Record<string, OptionSpec>> = Object.fromEntries(
  STRENGTHS.map(({ option, parameter }) => [option, optionOf(parameter)]),
);

/**
 * The noise that options name.
 * @param task what is measured, where it is known
 * @throws {UsageError} if there are two kinds of it, or it is one of pictures and the measurement is none
 */
export function chooseNoise(options: OptionValues, task?: Task): MeasurementNoise {
  const given = STRENGTHS.filter(({ option }) => options[option] !== undefined);
  if (given.length > 1) {
    const names = given.map(({ option }) => `--${option}`).join(" and ");
    throw new UsageError(`${names} exclude each other; give one of them`);
  }
  const [{ kind, name, option }] = [...given, STRENGTHS[0]!] as [typeof STRENGTHS[number]];
  if (task?.form === "values" && kind !== "gaussian") {
    throw new UsageError(
      `--${option} is noise of pictures, measurements of task "${task.name}" are none; --sigma-y goes with them`,
    );
  }
  return { kind, [name]: numberOf(options, option) ?? 0 } as MeasurementNoise;
}

/**
 * The noise that a measurement says of itself.
 * @param noise entries of its metadata
 * @param fail called with what is wrong
 */
export function readNoise(noise: Readonly<Record<string, unknown>>, fail: (found: string) => never): MeasurementNoise {
  const kind = noise["kind"] as MeasurementNoise["kind"];
  if (!NOISES.has(kind)) {
    fail(`its noise is ${JSON.stringify(kind)}, one of ${Array.from(NOISES.keys()).join(", ")} is needed`);
  }
  const strength = STRENGTHS.find((strength) => strength.kind === kind);
  if (!strength) return { kind: "none" };
  const { name, parameter } = strength;
  const value = noise[name];
  if (value === undefined || !fits(parameter, value)) {
    const { min, max } = parameter;
    fail(`the ${name} of its noise is ${JSON.stringify(value)}, a number from ${min} to ${max} is needed`);
  }
  return { kind, [name]: value } as MeasurementNoise;
}
