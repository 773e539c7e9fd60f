/** A^+ y by iteration, for operators without a closed form. */
import { scope, type Tensor } from "../engine/mod.ts";
import { addRatio, sampleDot, weightedSum } from "../kernels/mod.ts";
import type { LinearOperator } from "./operator.ts";

/** Squared norm of a gradient below which an image counts as solved. */
const FLOOR = 1e-24;

/**
 * Conjugate gradients on A^T A x = A^T y from x = 0, every image with its own steps. The iterates stay in the range of
 * A^T, so they approach A^+ y; k distinct nonzero singular values take k steps.
 * @param operator A and A^T
 * @param y measurements
 * @param options.iterations steps, 1 or more
 * @throws {RangeError} if the number of steps is no positive integer
 */
export function leastSquares(
  { forward, adjoint }: Pick<LinearOperator, "forward" | "adjoint">,
  y: Tensor,
  { iterations }: { readonly iterations: number },
): Tensor {
  if (!Number.isSafeInteger(iterations) || iterations < 1 || iterations > 1000) {
    throw new RangeError(
      `Cannot solve for A^+ y: ${iterations} iterations were asked for, an integer from 1 to 1000 is needed; use 20`,
    );
  }
  return scope("leastSquares", () => {
    let direction = adjoint(y);
    let square = sampleDot(direction, direction);
    let x = weightedSum([[0, direction]]);
    let residual = y;
    for (let step = 0; step < iterations; step++) {
      const image = forward(direction);
      const length = { numerator: square, denominator: sampleDot(image, image) };
      x = addRatio({ x, direction, ...length }, { sign: 1, floor: FLOOR });
      if (step === iterations - 1) break;
      residual = addRatio({ x: residual, direction: image, ...length }, { sign: -1, floor: FLOOR });
      const gradient = adjoint(residual);
      const next = sampleDot(gradient, gradient);
      direction = addRatio({ x: gradient, direction, numerator: next, denominator: square }, { sign: 1, floor: FLOOR });
      square = next;
    }
    return x;
  });
}
