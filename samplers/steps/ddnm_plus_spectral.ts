/** The step of DDNM+ that corrects and renoises every singular value for itself (Wang et al., appendix I). */
import type { Runtime, Tensor } from "../../engine/mod.ts";
import { add, mul, reshape, sub, weightedSum } from "../../kernels/mod.ts";
import type { Level } from "../coefficients.ts";
import type { DdnmStep } from "./ddnm_trajectory.ts";
import type { NoiseSource } from "../noise_source.ts";
import type { Problem } from "../sampler.ts";
import { requireDecomposition, type SpectralWeight, spectralWeights } from "./spectral.ts";
import { networkStep } from "./step.ts";

/** What decides about a step. */
export interface SpectralStepOptions {
  readonly noise: NoiseSource;
  /** Share of fresh noise, 0..1. */
  readonly eta: number;
  /** Whether eps is taken for coefficients, as in the authors' program, instead of being turned into them. */
  readonly isPublished: boolean;
}

/**
 * Prepares the step x0 + V correction V^T A^+ (y - A x0) and x <- a x0 + V fresh V^T z + V kept V^T eps, with the weights
 * of `ddnmPlusWeights`.
 * @throws {TypeError} if the operator has no singular value decomposition
 */
export function spectralStepDown(
  runtime: Runtime,
  { model, operator, y, sigmaY }: Problem,
  { noise, eta, isPublished }: SpectralStepOptions,
): DdnmStep {
  const form = requireDecomposition("ddnm_plus", operator);
  return networkStep(runtime, model, {
    name: "ddnm_plus",
    noise,
    inputs: { y },
    scalars: (level) => ({ fromX0: Math.sqrt(level.alphaBarPrevious) }),
    tensors: (level) => spectralWeights(runtime, form.singularValues, ddnmPlusWeights(level, { eta, sigmaY })),
    project({ y, x0, correction }): Tensor {
      const missing = form.fromMeasurement(sub(y, operator.forward(x0)));
      return add(x0, form.fromSpectrum(mul(missing, correction)));
    },
    update: ({ eps, x0, predicted, z, ...weights }, c) => {
      const turned = isPublished ? reshape(eps, [eps.shape[0]!, ...form.singularValues.shape]) : form.toSpectrum(eps);
      const fresh = mul(form.toSpectrum(z), weights.fresh);
      const noisy = form.fromSpectrum(add(fresh, mul(turned, weights.kept)));
      return { x0, predicted, xt: weightedSum([[c.fromX0, x0], [1, noisy]]) };
    },
  });
}

/**
 * The weights of a step down from a level, with a = sqrt(alphaBarPrevious) and d = sqrt(1 - alphaBarPrevious):
 *
 * | | correction / s | fresh | kept |
 * | --- | --- | --- | --- |
 * | s = 0 | 0 | d eta | d sqrt(1 - eta^2) |
 * | d >= a sigmaY/s | 1/s | sqrt(d^2 - (a sigmaY/s)^2) | 0 |
 * | d < a sigmaY/s | d sqrt(1 - eta^2)/(a sigmaY) | d eta | 0 |
 *
 * The correction meets U^T (y - A x0), which is s times that of A^+ (y - A x0). An exact measurement keeps the eta mix
 * in all coefficients, as DDNM does.
 */
export function ddnmPlusWeights(
  { alphaBarPrevious }: Pick<Level, "alphaBarPrevious">,
  { eta, sigmaY }: { readonly eta: number; readonly sigmaY: number },
): Record<"correction" | "fresh" | "kept", SpectralWeight> {
  const deviation = Math.sqrt(1 - alphaBarPrevious);
  const noisy = Math.sqrt(alphaBarPrevious) * sigmaY;
  const rest = Math.sqrt(1 - eta * eta) * deviation;
  const isCovered = (s: number): boolean => deviation >= noisy / s;
  return {
    correction: (s) => s === 0 ? 0 : isCovered(s) ? 1 / s : rest / noisy,
    fresh: (s) =>
      s === 0 || sigmaY === 0 || !isCovered(s)
        ? deviation * eta
        : Math.sqrt(Math.max(0, deviation ** 2 - (noisy / s) ** 2)),
    kept: (s) => s === 0 || sigmaY === 0 ? rest : 0,
  };
}
