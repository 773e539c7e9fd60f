import { elementCount, hostTensor, type Shape } from "../../engine/mod.ts";
import { copy } from "../../kernels/mod.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "../operator.ts";

/** Measures the image itself: A = A^T = A^+ = I, the operator of denoising. */
function build(imageShape: Shape): LinearOperator {
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

/** The picture itself. */
export const identity: OperatorEntry<LinearOperator, Record<never, never>> = linearEntry({
  name: "identity",
  about: "the picture itself",
  parameters: {},
  build,
  examples: [{ imageShape: [16, 24, 3], options: {} }],
  tasks: [{
    name: "denoise",
    about: "clean a noisy picture (use a method for noisy measurements)",
    kind: "deblurring",
  }],
});
