/**
 * Gradients of the likelihood of y: of an image itself, and under a Gaussian around a predicted one, in closed form where
 * A has a decomposition.
 */
import type { Coefficient, DeviceTensor, Runtime, Scalar, Tensor, Tensors } from "../../engine/mod.ts";
import { gradient, mul, sampleSquares, sub, weightedSum } from "../../kernels/mod.ts";
import { type Degradation, isLinear, type LinearOperator } from "../../operators/mod.ts";
import type { Level } from "../coefficients.ts";
import { conjugateGradients } from "./conjugate_gradients.ts";
import type { Problem } from "../sampler.ts";
import { spectralWeights } from "./spectral.ts";

/**
 * A'(x)^T (A(x) - y), the gradient of |A(x) - y|^2/2 with respect to x, of every sample its own.
 * @param x [N, H, W, C]
 * @param y [N, ...operator.measurementShape]
 * @returns [N, H, W, C]
 */
export function misfitGradient(operator: Degradation, x: Tensor, y: Tensor): Tensor {
  const residual = sub(operator.forward(x), y);
  if (isLinear(operator)) return operator.adjoint(residual);
  return weightedSum([[0.5, gradient(sampleSquares(residual), [x])[0]!]]);
}

/** The variances of a measurement around A of a predicted image: spread of the image, and of the noise of y. */
export interface Variances<C> {
  readonly spread: C;
  readonly variance: C;
}

/** The weight of a singular value in A^T (spread A A^T + variance)^-1. */
export function likelihoodWeight({ spread, variance }: Variances<number>): (s: number) => number {
  return (s) => s === 0 ? 0 : s / (s * s * spread + variance);
}

/**
 * A^T (spread A A^T + variance)^-1 r of a residual r, inside a stage.
 * @param missing r [N, ...operator.measurementShape]
 * @param weight `likelihoodWeight` of every singular value, for operators with a decomposition
 * @param iterations of conjugate gradients, for the others
 * @returns [N, H, W, C]
 */
export function likelihoodDirection(
  operator: LinearOperator,
  missing: Tensor,
  weight: Tensor | undefined,
  { spread, variance, iterations }: Variances<Coefficient> & { readonly iterations: number },
): Tensor {
  const form = operator.spectral?.();
  if (form && weight) return form.fromSpectrum(mul(form.fromMeasurement(missing), weight));
  // A^T (c A A^T + v)^-1 = (c A^T A + v)^-1 A^T: in the image, what y has outside the range of A is gone.
  const apply = (g: Tensor): Tensor => weightedSum([[spread, operator.adjoint(operator.forward(g))], [variance, g]]);
  const residual = operator.adjoint(missing);
  return conjugateGradients(apply, { start: sub(residual, residual), residual }, { iterations });
}

/** What a correction is given at a run. */
export interface CorrectionArguments {
  /** The state that is corrected [N, H, W, C]. */
  readonly moved: DeviceTensor;
  /** Where the likelihood is taken [N, H, W, C]. */
  readonly at: DeviceTensor;
  readonly level: Level;
  /** Length of the step. */
  readonly scale: number;
}

/** The correction of DMPS. */
export interface Correction {
  /** Runs it; the state is valid until it runs again. */
  (args: CorrectionArguments): Promise<DeviceTensor>;
  release(): void;
}

/** Keeps alphaBar away from 0 and 1, as the program of DMPS does. */
function inside(value: number): number {
  return Math.min(Math.max(value, 1e-16), 1 - 1e-16);
}

/**
 * Prepares x + scale (1 - alpha)/sqrt(alpha) A^T (c A A^T + sigma^2)^-1 (y - A x_e/sqrt(alphaBar))/sqrt(alphaBar) with
 * c = (1 - alphaBar)/alphaBar, the step along the likelihood of y under an uninformative prior.
 */
export function likelihoodCorrection(
  runtime: Runtime,
  { operator, y, sigmaY }: Problem,
  { iterations }: { readonly iterations: number },
): Correction {
  const form = operator.spectral?.();
  const stage = runtime.stage<string, "gain" | "spread" | "variance" | "restore", "xt">("likelihood", (inputs, c) => {
    const { moved, at, y, weight } = inputs as Tensors<"moved" | "at" | "y"> & { readonly weight?: Tensor };
    const missing = weightedSum([[1, y], [c.restore, operator.forward(weightedSum([[-1, at]]))]]);
    const variances: Variances<Scalar> = { spread: c.spread, variance: c.variance };
    const direction = likelihoodDirection(operator, missing, weight, { ...variances, iterations });
    return { xt: weightedSum([[1, moved], [c.gain, direction]]) };
  });
  const run = async ({ moved, at, level, scale }: CorrectionArguments): Promise<DeviceTensor> => {
    const [kept, alpha] = [inside(level.alphaBar), inside(1 - level.beta)];
    const scalars = {
      gain: (scale * (1 - alpha)) / Math.sqrt(alpha) / Math.sqrt(kept),
      spread: (1 - kept) / kept,
      variance: sigmaY ** 2,
      restore: 1 / Math.sqrt(kept),
    };
    const weights = form && spectralWeights(runtime, form.singularValues, { weight: likelihoodWeight(scalars) });
    try {
      return (await stage({ moved, at, y, ...weights?.tensors }, scalars)).xt;
    } finally {
      weights?.free();
    }
  };
  return Object.assign(run, { release: stage.release });
}
