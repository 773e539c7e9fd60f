/** Quantiles of Student's t distribution, for confidence intervals of few images. */

/**
 * The t with P(|T| <= t) = confidence for Student's distribution.
 * @param degrees degrees of freedom, at least 1
 * @param confidence above 0 and below 1, such as 0.95
 * @throws {RangeError} if an argument is outside its range
 */
export function studentQuantile(degrees: number, confidence: number): number {
  if (!(degrees >= 1 && confidence > 0 && confidence < 1)) {
    throw new RangeError(
      `Cannot compute a quantile of Student's t: ${degrees} degrees of freedom and confidence ${confidence} were given, ` +
        "at least 1 and a number between 0 and 1 are needed",
    );
  }
  const outside = 1 - confidence;
  let [low, high] = [0, 1];
  while (twoSidedTail(high, degrees) > outside) high *= 2;
  for (let turn = 0; turn < 200 && high - low > 1e-14 * high; turn++) {
    const middle = (low + high) / 2;
    if (twoSidedTail(middle, degrees) > outside) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(|T| > t) = I_x(degrees / 2, 1 / 2) with x = degrees / (degrees + t^2). */
function twoSidedTail(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/** The regularised incomplete beta function I_x(a, b); Abramowitz and Stegun 26.5.8. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on this side of the mean; on the other the complement does.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(a * Math.log(x) + b * Math.log(1 - x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a;
  return front / betaFraction(x, a, b);
}

/** 1 + d1 / (1 + d2 / (1 + ...)), from the inside out. */
function betaFraction(x: number, a: number, b: number): number {
  let value = 1;
  for (let k = 400; k >= 1; k--) {
    const m = Math.floor(k / 2);
    const d = k % 2 === 0
      ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    value = 1 + d / value;
  }
  return value;
}

/** ln of the gamma function of a positive number: Stirling's series, after moving the argument up. */
function logGamma(z: number): number {
  let moved = 0;
  while (z < 20) moved += Math.log(z++);
  const square = 1 / (z * z);
  const series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - moved;
}
