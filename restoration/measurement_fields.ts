/** Parameters and noise as the metadata of a measurement hold them: JSON whose types are checked entry by entry. */
import { quoteName } from "../models/mod.ts";
import { type MeasurementNoise, NOISES, type OperatorValues } from "../operators/mod.ts";
import { fits, needed, type Parameters } from "../parameters/mod.ts";

/** Refuses a file for what was found in it. */
type Fail = (found: string) => never;

/**
 * Parameters of an operator. What it does not know is left to it to refuse.
 * @param text JSON object
 * @param parameters those that the operator has
 * @param fail called with what is wrong
 */
export function readParameters(text: string, parameters: Parameters, fail: Fail): OperatorValues {
  const entries = objectOf(text) ?? fail("its parameters are no JSON object");
  for (const [name, value] of Object.entries(entries)) {
    const parameter = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (!parameter || (parameter.kind !== "file" && fits(parameter, value))) continue;
    const needs = parameter.kind === "file" ? "a tensor of the file" : needed(parameter);
    fail(`its parameter ${quoteName(name)} is ${quoteName(JSON.stringify(value))}, ${needs} is needed`);
  }
  return entries;
}

/** The number that says how strong a noise is, and its range. */
const STRENGTHS: Readonly<
  Record<MeasurementNoise["kind"], readonly [key: string, least: number, most: number] | null>
> = {
  none: null,
  gaussian: ["sigma", 0, 10],
  poisson: ["rate", 1e-6, 1e6],
  jpeg: ["quality", 1, 100],
};

/**
 * The noise of a measurement.
 * @param text JSON object
 * @param fail called with what is wrong
 */
export function readNoise(text: string, fail: Fail): MeasurementNoise {
  const noise = objectOf(text) ?? fail("its noise is no JSON object");
  const kind = noise["kind"] as MeasurementNoise["kind"];
  if (!NOISES.has(kind)) {
    fail(`its noise is ${JSON.stringify(kind)}, one of ${Array.from(NOISES.keys()).join(", ")} is needed`);
  }
  const strength = STRENGTHS[kind];
  if (strength) {
    const [key, least, most] = strength;
    const value = noise[key];
    if (!(typeof value === "number" && value >= least && value <= most)) {
      fail(`the ${key} of its noise is ${JSON.stringify(value)}, a number from ${least} to ${most} is needed`);
    }
    return { kind, [key]: value } as MeasurementNoise;
  }
  return { kind: "none" };
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
