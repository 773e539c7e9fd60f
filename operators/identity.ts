import type { Shape, Tensor } from "../engine/mod.ts";
import { weightedSum } from "../kernels/mod.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "./operator.ts";

/**
 * Measures the image itself: A = A^T = A^+ = I, the operator of denoising.
 * @param imageShape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image
 */
export function identity(imageShape: Shape): LinearOperator {
  const shape = checkImageShape("identity", imageShape);
  // A copy and not the argument itself: an input of a stage cannot be its output.
  const copy = (tensor: Tensor): Tensor => weightedSum([[1, tensor]]);
  return linearOperator({
    name: "identity",
    imageShape: shape,
    measurementShape: shape,
    forward: copy,
    pseudoInverse: copy,
    adjoint: copy,
  });
}
