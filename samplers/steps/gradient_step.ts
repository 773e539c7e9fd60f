/**
 * An ancestral step that follows the gradient of a measurement loss through the network: x0 is predicted from the state,
 * the degradation is applied to it, and the distance to the measurement is differentiated with respect to the state.
 */
import type { Runtime, Tensor } from "../../engine/mod.ts";
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
} from "../../kernels/mod.ts";
import { type AncestralOptions, learnsVariance, nextState } from "./ancestral_step.ts";
import type { Level } from "../coefficients.ts";
import { ancestralCoefficients } from "./plain_coefficients.ts";
import type { GeneralProblem } from "../sampler.ts";
import { networkStep, type Step } from "./step.ts";

/** What the loss makes of the residual: its length, or for counted photons its length times the mean of 1/|y|. */
export type Likelihood = "gaussian" | "poisson";

/** The likelihoods by name. */
export const LIKELIHOODS: readonly Likelihood[] = ["gaussian", "poisson"];

/** What decides about a step. */
export interface GradientOptions extends AncestralOptions {
  /** Default gaussian. */
  readonly likelihood?: Likelihood;
  /** Length of the gradient step. */
  readonly scale: number;
}

/** A prepared step. */
export type GradientStep = Step<Level, "x0" | "xt" | "ancestral" | "grad" | "norms">;

/**
 * Prepares x <- x' - scale g with the ancestral state x' = xtFromX0 x0 + xtFromXt x + xtFromNoise z and the gradient
 * g = d |y - A(x0)|/dx, of every sample its own. Besides x0 and the state the step gives x' as `ancestral`, g as `grad`
 * [N, H, W, C] and the lengths of the residuals as `norms` [N].
 */
export function gradientStep(
  runtime: Runtime,
  { model, operator, y }: GeneralProblem,
  { clipDenoised, fixedVariance, likelihood, scale, noise }: GradientOptions,
): GradientStep {
  const isLearned = learnsVariance(model);
  return networkStep(runtime, model, {
    name: "gradient step",
    noise,
    inputs: { y },
    clipDenoised,
    learnsVariance: isLearned,
    scalars: (level) => ({ ...ancestralCoefficients(level, isLearned, fixedVariance), pull: -scale }),
    update: ({ y, ...parts }, c) => {
      const norms = sampleNorm(sub(y, operator.forward(parts.x0)));
      const loss = likelihood === "poisson" ? mul(norms, meanReciprocal(y)) : norms;
      const grad = gradient(loss, [parts.xt])[0]!;
      const ancestral = nextState(parts, c);
      return { x0: parts.x0, xt: add(ancestral, weightedSum([[c.pull, grad]])), ancestral, grad, norms };
    },
  });
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
