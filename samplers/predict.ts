/** The clean image that a noise prediction implies. */
import type { Coefficient, Tensor } from "../engine/mod.ts";
import { weightedSum } from "../kernels/mod.ts";

/** Weights of the prediction inside a stage: numbers, or scalars of the run. */
export interface PredictionWeights {
  readonly x0FromXt: Coefficient;
  readonly x0FromEps: Coefficient;
}

/**
 * x0 = (x_t - sqrt(1 - alphaBar) eps)/sqrt(alphaBar), the weights made by `predictionCoefficients`.
 * @param xt state [N, H, W, C]
 * @param eps predicted noise [N, H, W, C]
 * @returns [N, H, W, C]
 */
export function predictX0(xt: Tensor, eps: Tensor, { x0FromXt, x0FromEps }: PredictionWeights): Tensor {
  return weightedSum([[x0FromXt, xt], [x0FromEps, eps]]);
}
