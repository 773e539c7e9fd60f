/**
 * Coefficients of plain sampling, in f64: every step is x <- xtFromX0 x0 + xtFromXt x_t + xtFromNoise exp(slope v) z,
 * where v is what a network with learned variance gives besides eps. eps itself is not in the sum: plain samplers take
 * it from the clamped x0 again, so that it is x_t and x0 in other shares.
 */
import type { Level } from "../coefficients.ts";

/** Weights of the next state; see above. */
export interface PlainCoefficients {
  /** Weight of the predicted image. */
  readonly xtFromX0: number;
  /** Weight of the state x_t. */
  readonly xtFromXt: number;
  /** Weight of fresh noise. */
  readonly xtFromNoise: number;
  /** Derivative of the log of the deviation by v; 0 where the variance is not learned. */
  readonly slope: number;
}

/** The variance of an ancestral step where the network does not learn it: the posterior's, or beta itself. */
export type FixedVariance = "small" | "large";

/**
 * One ancestral step down from a level (Ho et al. 2020, eq. 7): the posterior mean and
 * - the posterior variance s = (1 - a)/(1 - alphaBar) beta' with a = alphaBarPrevious ("small"), or
 * - beta' ("large"), or, where it is learned,
 * - beta'^((1 + v)/2) s^((1 - v)/2) (Nichol and Dhariwal 2021, eq. 15), v not clamped.
 * The step from the first level adds no noise.
 * @param fixed the variance where it is not learned
 */
export function ancestralCoefficients(
  { alphaBar, alphaBarPrevious, beta }: Level,
  learnsVariance: boolean,
  fixed: FixedVariance = "small",
): PlainCoefficients {
  const variance = (1 - alphaBarPrevious) / (1 - alphaBar) * beta;
  const mean = {
    xtFromX0: beta * Math.sqrt(alphaBarPrevious) / (1 - alphaBar),
    xtFromXt: (1 - alphaBarPrevious) * Math.sqrt(1 - beta) / (1 - alphaBar),
  };
  if (variance === 0) return { ...mean, xtFromNoise: 0, slope: 0 };
  if (!learnsVariance) return { ...mean, xtFromNoise: Math.sqrt(fixed === "small" ? variance : beta), slope: 0 };
  return { ...mean, xtFromNoise: (beta * variance) ** 0.25, slope: Math.log(beta / variance) / 4 };
}

/**
 * The learned variance of the step from the first level. That step adds no noise, but guidance moves its mean by the
 * variance. As the posterior has none there, what is learned lies between beta and the posterior variance of the second
 * level, the clipped variance of the published program.
 * @returns the variance at v = 0, and the derivative of the log of the deviation by v
 */
export function firstLearnedVariance(
  first: Level,
  second: Level,
): { readonly variance: number; readonly slope: number } {
  const posterior = (1 - second.alphaBarPrevious) / (1 - second.alphaBar) * second.beta;
  return { variance: Math.sqrt(first.beta * posterior), slope: Math.log(first.beta / posterior) / 4 };
}

/**
 * One DDIM step down from a level (Song et al. 2021, eq. 12): sqrt(a) x0 + sqrt(1 - a - s^2) eps + s z with
 * a = alphaBarPrevious, s = eta sqrt((1 - a)/(1 - alphaBar)) sqrt(1 - alphaBar/a), and eps of x_t and x0.
 * @param eta share of the posterior's deviation, 0..1
 */
export function ddimCoefficients({ alphaBar, alphaBarPrevious }: Level, eta: number): PlainCoefficients {
  const deviation = eta * Math.sqrt((1 - alphaBarPrevious) / (1 - alphaBar) * (1 - alphaBar / alphaBarPrevious));
  return { ...along(alphaBar, alphaBarPrevious, deviation), xtFromNoise: deviation, slope: 0 };
}

/** One DDIM step up, from a level to the next noisier one: sqrt(b) x0 + sqrt(1 - b) eps with b of the next level. */
export function ddimReverseCoefficients({ alphaBar }: Level, next: Level): PlainCoefficients {
  return { ...along(alphaBar, next.alphaBar, 0), xtFromNoise: 0, slope: 0 };
}

/** sqrt(to) x0 + sqrt(1 - to - deviation^2) eps with eps = (x_t - sqrt(from) x0)/sqrt(1 - from). */
function along(from: number, to: number, deviation: number): { readonly xtFromX0: number; readonly xtFromXt: number } {
  const share = Math.sqrt((1 - to - deviation * deviation) / (1 - from));
  return { xtFromX0: Math.sqrt(to) - share * Math.sqrt(from), xtFromXt: share };
}
