/** Parameters that several samplers have. */
import { choice, flag, integer, number, type Parameter } from "../parameters/mod.ts";
import type { FixedVariance } from "./steps/plain_coefficients.ts";

/** At which level a measurement is noised: that of the step, as published, or the one that it arrives at. */
export type GuideLevel = "current" | "next";

/** Where the noise of a noised measurement is drawn: in the image, as A z, or in the measurement itself. */
export type MeasurementNoise = "image" | "measurement";

/** Number of steps among the T training timesteps. */
export function steps(initial: number, min = 2): Parameter<number> {
  return integer(initial, { min, max: "T" }, "number of steps");
}

/** Number of levels, from the training timestep t0 on. */
export function partialSteps(initial: number): Parameter<number> {
  return integer(initial, { min: 2, max: "t0" }, "number of steps");
}

/** Where a run begins that does not begin at pure noise. */
export function shortcutTimestep(initial: number, help: string): Parameter<number> {
  return integer(initial, { min: 2, max: "T", option: "shortcut" }, help);
}

/** Share of fresh noise in a step. */
export function freshNoise(initial: number, help = "share of fresh noise in a step"): Parameter<number> {
  return number(initial, { min: 0, max: 1 }, help);
}

/** Length of a step along the gradient. */
export function gradientScale(initial: number): Parameter<number> {
  return number(initial, { min: 0, option: "gradient-scale" }, "length of the gradient step");
}

/** Iterations of conjugate gradients. */
export function iterations(initial: number): Parameter<number> {
  return integer(initial, { min: 1, max: 1000 }, "conjugate gradient iterations, where they are needed");
}

/** Whether predicted images are clamped to [-1, 1]. */
export const clipDenoised: Parameter<boolean> = flag(
  true,
  { option: "no-clip", sets: false },
  "do not clamp predicted pictures to the value range",
);

/** Variance of ancestral steps where the network does not learn it. */
export const fixedVariance: Parameter<FixedVariance> = choice(
  "small",
  ["small", "large"],
  {},
  "variance of ancestral steps where the network learns none: posterior's (small) or beta",
);

/** At which level the measurement is noised. */
export const level: Parameter<GuideLevel> = choice(
  "current",
  ["current", "next"],
  {},
  "noise level of the measurement: that of the step, or the next",
);

/** The same, where the next level is published. */
export const nextLevel: Parameter<GuideLevel> = { ...level, default: "next" };

/** Where the noise of the measurement is drawn; published in the measurement, which is too noisy where A averages. */
export const noiseIn: Parameter<MeasurementNoise> = choice(
  "image",
  ["image", "measurement"],
  {},
  "where the noise of the measurement is drawn",
);

/** Levels that a jump goes up. */
export function travelLength(initial: number): Parameter<number> {
  return integer(initial, { min: 1, max: "steps" }, "levels that a jump goes up");
}

/** How often a stretch is gone down. */
export function travelRepeat(initial: number): Parameter<number> {
  return integer(initial, { min: 1, max: 1000 }, "passes over each stretch between jumps, 1 for straight down");
}
