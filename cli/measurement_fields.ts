/** Parameters and noise as the metadata of a measurement hold them: JSON whose types are checked entry by entry. */
import { quoteName } from "../models/mod.ts";
import { type MeasurementNoise, NOISES, type OperatorOptions, SAMPLINGS } from "../operators/mod.ts";

/** Refuses a file for what was found in it. */
type Fail = (found: string) => never;

/** The types of parameters that are neither tensors nor numbers; names and ranges are the operators' business. */
const TYPES: Readonly<Record<string, "text" | "numbers" | "box">> = {
  variant: "text",
  boundary: "text",
  inverse: "text",
  sampling: "text",
  weights: "numbers",
  kernel: "numbers",
  kernelWidth: "numbers",
  box: "box",
};

/** Parameters with few values, each as the operators take them. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  variant: ["true", "published", "published_matched"],
  boundary: ["circular", "reflect"],
  inverse: ["exact", "factors"],
  sampling: SAMPLINGS,
};

/**
 * Parameters of an operator.
 * @param text JSON object
 * @param fail called with what is wrong
 */
export function readParameters(text: string, fail: Fail): OperatorOptions {
  const entries = objectOf(text) ?? fail("its parameters are no JSON object");
  for (const [name, value] of Object.entries(entries)) {
    const type = Object.hasOwn(TYPES, name) ? TYPES[name]! : "number";
    const choices = Object.hasOwn(CHOICES, name) ? CHOICES[name] : undefined;
    if (!isOfType(type, value) || (choices && !choices.includes(value as string))) {
      const needed = choices ? `one of ${choices.join(", ")}` : NEEDED[type];
      fail(`its parameter ${quoteName(name)} is ${quoteName(JSON.stringify(value))}, ${needed} is needed`);
    }
  }
  return entries;
}

const NEEDED = { number: "a number", text: "a text", numbers: "a list of numbers", box: "a box of whole numbers" };

function isOfType(type: keyof typeof NEEDED, value: unknown): boolean {
  switch (type) {
    case "number":
      return typeof value === "number";
    case "text":
      return typeof value === "string";
    case "numbers":
      return Array.isArray(value) && value.every((item) => typeof item === "number");
    case "box":
      return typeof value === "object" && value !== null && "height" in value && "width" in value &&
        Object.entries(value).every(([key, side]) =>
          ["height", "width", "top", "left"].includes(key) && Number.isSafeInteger(side)
        );
  }
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
