/** Operators from a forward map alone: whatever else a method needs is derived from it. */
import { formatShape, type Shape, type Tensor } from "../engine/mod.ts";
import { copy, fill, gradient, sampleDot } from "../kernels/mod.ts";
import { leastSquares } from "./least_squares.ts";
import { type LinearOperator, linearOperator } from "./operator.ts";

/** Steps of conjugate gradients that form A^+ where the definition names no number. */
const ITERATIONS = 20;

/**
 * The transposed derivative of a forward map at x, applied to y: the gradient of <A(x), y> with respect to x. For a
 * linear map it is A^T y, whatever x is. y counts as fixed, though it may have been made from x.
 * @param forward the map, of differentiable operations, each image on its own
 * @param x images [N, ...]
 * @param y measurements [N, ...]
 * @returns images of the shape of x
 * @throws {TypeError} if an operation of the map has no gradient, or y has another shape than A(x)
 */
export function pullBack(forward: (x: Tensor) => Tensor, x: Tensor, y: Tensor): Tensor {
  // x itself is no fixed value of the loss, a copy of it is.
  const fixed = y === x ? copy(y) : y;
  return gradient(sampleDot(forward(x), fixed), [x], [fixed])[0]!;
}

/**
 * The adjoint of a linear forward map, derived from it: y -> the gradient of <A x, y>. The forward map is recorded, but
 * of it only what the gradient reads remains in the plan.
 * @param operator the forward map, and the shape of one image
 * @returns A^T, of measurements [N, ...]
 */
export function adjointOf(
  { forward, imageShape }: Pick<LinearOperator, "forward" | "imageShape">,
): (y: Tensor) => Tensor {
  return (y) => pullBack(forward, fill([y.shape[0]!, ...imageShape], 0), y);
}

/** What defines an operator of one's own: a name, shapes and a map. */
export interface OwnOperator extends Pick<LinearOperator, "name" | "forward"> {
  /** Shape of one image: [H, W, C]. */
  readonly imageShape: Shape;
  /** Shape of one measurement, without the batch. */
  readonly measurementShape: Shape;
  /** A^T y, where there is something better than what is derived from `forward`. */
  adjoint?(y: Tensor): Tensor;
  /** A^+ y, where there is something better than steps of conjugate gradients. */
  pseudoInverse?(y: Tensor): Tensor;
  /** Steps of conjugate gradients that form A^+, 1 to 1000; 20 by default. */
  readonly iterations?: number;
}

/**
 * A linear operator from its forward map: A^T is the gradient of <A x, y>, A^+ is formed by conjugate gradients.
 * @param definition name, shapes and the map, which records operations in the current trace
 * @returns the operator, which all methods take that need A, A^T or A^+; without a decomposition
 * @throws {TypeError} when it is used: if an operation of the map has no gradient, or a shape does not fit
 */
export function ownOperator(definition: OwnOperator): LinearOperator {
  const { name, imageShape, measurementShape, forward, pseudoInverse, iterations = ITERATIONS } = definition;
  const measured = (x: Tensor): Tensor => {
    const y = forward(x);
    const expected = [x.shape[0]!, ...measurementShape];
    if (formatShape(y.shape) === formatShape(expected)) return y;
    throw new TypeError(
      `Cannot apply forward of "${name}": its map gives ${formatShape(y.shape)}, the measurement shape says ` +
        `${formatShape(expected)}; correct one of them`,
    );
  };
  const adjoint = definition.adjoint ?? adjointOf({ forward: measured, imageShape });
  return linearOperator({
    name,
    imageShape,
    measurementShape,
    forward: measured,
    adjoint,
    pseudoInverse: pseudoInverse ?? ((y): Tensor => leastSquares({ forward: measured, adjoint }, y, { iterations })),
    ...(pseudoInverse ? {} : { isApproximate: true }),
  });
}
