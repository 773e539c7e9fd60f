/** Ancestral steps: x <- xtFromX0 x0 + xtFromXt x + xtFromNoise z. */
import type { Runtime, Scalars, Tensor } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import type { NoiseModel } from "../../models/mod.ts";
import type { Level } from "../coefficients.ts";
import type { NoiseSource } from "../noise_source.ts";
import { ancestralCoefficients, type FixedVariance } from "./plain_coefficients.ts";
import { networkStep, type Prediction, type Step } from "./step.ts";

/** What decides about ancestral steps. */
export interface AncestralOptions {
  /** Whether the predicted image is clamped to [-1, 1]. */
  readonly clipDenoised: boolean;
  /** The variance where it is not learned. */
  readonly fixedVariance: FixedVariance;
  readonly noise: NoiseSource;
}

/** Whether a model says more of the variance of a step than its schedule does. */
export function learnsVariance({ predictWithVariance }: NoiseModel): boolean {
  return predictWithVariance !== undefined;
}

/** The next state from x0, x and z. */
export function nextState(
  { x0, xt, z }: Pick<Prediction, "x0" | "xt" | "z">,
  c: Scalars<"xtFromX0" | "xtFromXt" | "xtFromNoise">,
): Tensor {
  return weightedSum([[c.xtFromX0, x0], [c.xtFromXt, xt], [c.xtFromNoise, z]]);
}

/**
 * Prepares a step.
 * @param isLearned whether a variance that the network has learned is used
 */
export function ancestralStep(
  runtime: Runtime,
  model: NoiseModel,
  { clipDenoised, fixedVariance, noise }: AncestralOptions,
  isLearned = learnsVariance(model),
): Step<Level, "x0" | "xt"> {
  return networkStep(runtime, model, {
    name: "ancestral",
    noise,
    clipDenoised,
    learnsVariance: isLearned,
    scalars: (level) => ancestralCoefficients(level, isLearned, fixedVariance),
    update: (parts, c) => ({ x0: parts.x0, xt: nextState(parts, c) }),
  });
}
