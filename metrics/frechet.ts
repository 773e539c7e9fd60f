/** The Frechet distance between two sets of images, by the normal distributions of their features. */
import type { GaussianStatistics } from "./feature_statistics.ts";
import { congruence, squareFactor, symmetricEigenvalues } from "./symmetric_matrix.ts";

/**
 * Frechet distance between normal distributions: ||m1 - m2||^2 + Tr(S1) + Tr(S2) - 2 Tr((S1 S2)^(1/2)). With S1 = R^T R
 * the last trace is the sum of the roots of the eigenvalues of R S2 R^T, of which as many are not zero as the smaller
 * rank says. Dowson and Landau 1982; for features of Inception: Heusel et al. 2017. It is biased by the number of
 * images: distances from sets of different size are not comparable.
 * @param a statistics of one set
 * @param b statistics of the other
 * @throws {TypeError} if the features differ in number or source
 */
export function frechetDistance(a: GaussianStatistics, b: GaussianStatistics): number {
  const d = a.mean.length;
  if (d !== b.mean.length || a.source !== b.source) {
    throw new TypeError(
      `Cannot compare features: ${d} of "${a.source}" and ${b.mean.length} of "${b.source}", equal ones are needed; ` +
        "make both with the same network and preparation",
    );
  }
  let distance = 0;
  for (let i = 0; i < d; i++) {
    distance += (a.mean[i]! - b.mean[i]!) ** 2 + a.covariance[i * d + i]! + b.covariance[i * d + i]!;
  }
  return distance - 2 * traceOfRoot(a, b, d);
}

function traceOfRoot(a: GaussianStatistics, b: GaussianStatistics, d: number): number {
  const [small, large] = a.count <= b.count ? [a, b] : [b, a];
  const { rows, rank } = squareFactor(small.covariance, d);
  if (rank === 0) return 0;
  const eigenvalues = symmetricEigenvalues(congruence(rows, large.covariance, d), rank);
  // The root would make 1e-8 of a rounding of 1e-16: eigenvalues beyond the rank are left out.
  const count = Math.min(rank, small.count - 1, large.count - 1);
  return eigenvalues.slice(rank - count).reduce((sum, value) => sum + Math.sqrt(Math.max(value, 0)), 0);
}
