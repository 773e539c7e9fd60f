import { elementCount, hostTensor, type Shape } from "../engine/mod.ts";
import { copy } from "../kernels/mod.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "./operator.ts";

/**
 * Measures the image itself: A = A^T = A^+ = I, the operator of denoising.
 * @param imageShape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image
 */
export function identity(imageShape: Shape): LinearOperator {
  const shape = checkImageShape("identity", imageShape);
  return linearOperator({
    name: "identity",
    imageShape: shape,
    measurementShape: shape,
    // A copy and not the argument itself: an input of a stage cannot be its output.
    forward: copy,
    pseudoInverse: copy,
    adjoint: copy,
    spectral: () => ({
      singularValues: hostTensor(new Float32Array(elementCount(shape)).fill(1), shape),
      toSpectrum: copy,
      fromSpectrum: copy,
      toMeasurement: copy,
      fromMeasurement: copy,
    }),
  });
}
