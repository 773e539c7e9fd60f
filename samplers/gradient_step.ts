/**
 * An ancestral step that follows the gradient of a measurement loss through the network: x0 is predicted from the state,
 * the degradation is applied to it, and the distance to the measurement is differentiated with respect to the state.
 */
import type { Runtime, Scalar, Tensor } from "../engine/mod.ts";
import {
  add,
  fill,
  gradient,
  mul,
  reciprocal,
  relu,
  sampleDot,
  sampleNorm,
  sqrt,
  sub,
  weightedSum,
} from "../kernels/mod.ts";
import type { Level } from "./coefficients.ts";
import { type AncestralNumbers, ancestralNumbers, type NetworkStep, networkStep } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import type { FixedVariance } from "./plain_coefficients.ts";
import type { GeneralProblem } from "./sampler.ts";

/** What the loss makes of the residual: its length, or for counted photons its length times the mean of 1/|y|. */
export type Likelihood = "gaussian" | "poisson";

/** The likelihoods by name. */
export const LIKELIHOODS: readonly Likelihood[] = ["gaussian", "poisson"];

/** How the numbers of a gradient step are made. */
export interface GradientLength {
  /** As in the step's setting. */
  readonly learnsVariance: boolean;
  /** The variance where it is not learned. */
  readonly fixedVariance: FixedVariance;
  /** Length of the gradient step. */
  readonly scale: number;
}

/** Numbers of the step: those of an ancestral one, and the length of the gradient step with a minus. */
export type GradientNumbers = AncestralNumbers & Readonly<Record<"pull", number>>;

/** The states that a step makes. */
export type GradientStates = "x0" | "xt" | "ancestral" | "grad" | "norms";

/** A prepared step. */
export type GradientStep = NetworkStep<keyof GradientNumbers, never, GradientStates>;

/** How a step is made. */
export interface GradientSetting {
  readonly clipDenoised: boolean;
  readonly learnsVariance: boolean;
  readonly likelihood: Likelihood;
  readonly noise: NoiseSource;
}

/**
 * Prepares x <- x' - scale g with the ancestral state x' = xtFromX0 x0 + xtFromXt x + xtFromNoise z and the gradient
 * g = d |y - A(x0)|/dx, of every sample its own. Besides x0 and the state the step gives x' as `ancestral`, g as `grad`
 * [N, H, W, C] and the lengths of the residuals as `norms` [N].
 */
export function gradientStep(
  runtime: Runtime,
  problem: GeneralProblem,
  { clipDenoised, learnsVariance, likelihood, noise }: GradientSetting,
): GradientStep {
  return networkStep(
    runtime,
    problem,
    { name: "gradient step", clipDenoised, learnsVariance, noise },
    ({ xt, y, x0, z }, c: Record<keyof GradientNumbers, Scalar>) => {
      const norms = sampleNorm(sub(y, problem.operator.forward(x0)));
      const loss = likelihood === "poisson" ? mul(norms, meanReciprocal(y)) : norms;
      const grad = gradient(loss, [xt])[0]!;
      const ancestral = weightedSum([[c.xtFromX0, x0], [c.xtFromXt, xt], [c.xtFromNoise, z]]);
      return { x0, xt: add(ancestral, weightedSum([[c.pull, grad]])), ancestral, grad, norms };
    },
  );
}

/** The numbers of a step down from a level. */
export function gradientNumbers(
  level: Level,
  { learnsVariance, fixedVariance, scale }: GradientLength,
): GradientNumbers {
  return { ...ancestralNumbers(level, learnsVariance, fixedVariance), pull: -scale };
}

/** Least |y| that a likelihood of photons divides by: half a step of 8-bit pictures in [-1, 1]. */
const LEAST_COUNT = 1 / 255;

/** The mean of 1/max(|y|, 1/255) of every sample, [N]. */
function meanReciprocal(y: Tensor): Tensor {
  const above = relu(add(sqrt(mul(y, y)), fill(y.shape, -LEAST_COUNT)));
  const reciprocals = reciprocal(add(above, fill(y.shape, LEAST_COUNT)));
  const size = y.shape.slice(1).reduce((product, extent) => product * extent, 1);
  return sampleDot(reciprocals, fill(y.shape, 1 / size));
}
