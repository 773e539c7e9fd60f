/** Operators that act along the height and along the width of every channel: A(X) = L X R^T. */
import { constant, type HostTensor, type Shape } from "../engine/mod.ts";
import { separable } from "../kernels/mod.ts";
import { type LinearOperator, linearOperator } from "./operator.ts";
import { compose, type Matrix, matrixTensor, svd, transpose } from "./spectrum.ts";

/**
 * Singular value of a 1-D factor below which it counts as zero, as in the SVD operators published with DDRM, DDNM and
 * SSD. It bounds the gain of A^+ by 1 / 0.03^2.
 */
export const SINGULAR_THRESHOLD = 3e-2;

/** A 1-D factor of a separable operator, as constants of a trace. */
export interface Factor {
  /** A [p, n]. */
  readonly matrix: HostTensor;
  /** A^T [n, p]. */
  readonly transpose: HostTensor;
  /** A^+ [n, p]. */
  readonly pseudoInverse: HostTensor;
}

/** The values that are at least the threshold, and 0 for the others. */
export function truncate(values: Float64Array, threshold: number): Float64Array {
  return values.map((value) => value < threshold ? 0 : value);
}

/** The inverse of every value, and 0 for 0. */
export function invert(values: Float64Array): Float64Array {
  return values.map((value) => value === 0 ? 0 : 1 / value);
}

/**
 * A factor whose singular values below the threshold are set to zero in A, A^T and A^+ alike, so that the three stay
 * consistent: A A^+ A = A.
 */
export function truncatedFactor(matrix: Matrix, threshold: number): Factor {
  const { u, s, v } = svd(matrix);
  const kept = truncate(s, threshold);
  const truncated = compose(u, kept, v);
  return {
    matrix: matrixTensor(truncated),
    transpose: matrixTensor(transpose(truncated)),
    pseudoInverse: matrixTensor(compose(v, invert(kept), u)),
  };
}

/**
 * The operator A(X) = L X R^T of every channel, with A^T(Y) = L^T Y R and A^+(Y) = L^+ Y (R^+)^T.
 * @param name name in the register
 * @param imageShape [H, W, C], checked
 * @param factorOf the factor for a given extent; called once if height and width are equal
 * @param threshold smallest singular value of a factor that is kept; it bounds the gain of A^+ by 1 / threshold^2
 */
export function separableOperator(
  name: string,
  [height, width, channels]: readonly [number, number, number],
  factorOf: (extent: number) => Matrix,
  threshold = SINGULAR_THRESHOLD,
): LinearOperator {
  const left = truncatedFactor(factorOf(height), threshold);
  const right = width === height ? left : truncatedFactor(factorOf(width), threshold);
  const along = (part: keyof Factor): LinearOperator["forward"] => (x) =>
    separable(constant(left[part]), x, constant(right[part]));
  const measurementShape: Shape = [left.matrix.shape[0]!, right.matrix.shape[0]!, channels];
  return linearOperator({
    name,
    imageShape: [height, width, channels],
    measurementShape,
    forward: along("matrix"),
    pseudoInverse: along("pseudoInverse"),
    adjoint: along("transpose"),
  });
}
