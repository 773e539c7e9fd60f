/** How far predicted noise is from the noise that it stands for. */

/** A normal distribution fitted to values, and its distance from N(0, 1). */
export interface NoiseStatistics {
  /** Mean over all values. */
  readonly mean: number;
  /** Mean of the squared distance from the mean, over all values. */
  readonly variance: number;
  /** KL(N(mean, variance) || N(0, 1)) = (variance + mean^2 - 1 - ln variance) / 2; Infinity for constant values. */
  readonly divergence: number;
}

/**
 * Mean and variance of predicted noise over all pixels and channels, and the divergence of the fitted normal
 * distribution from the standard one: what figure S1 of Shortcut Sampling (Liu et al. 2024) shows of each inversion step.
 * @param eps the predicted noise, any order
 * @throws {TypeError} if there is no value
 */
export function noiseStatistics(eps: Float32Array): NoiseStatistics {
  if (eps.length === 0) throw new TypeError("Cannot fit noise: there are 0 values, at least 1 is needed");
  let sum = 0;
  for (const value of eps) sum += value;
  const mean = sum / eps.length;
  let squares = 0;
  for (const value of eps) squares += (value - mean) ** 2;
  const variance = squares / eps.length;
  return { mean, variance, divergence: 0.5 * (variance + mean * mean - 1 - Math.log(variance)) };
}
