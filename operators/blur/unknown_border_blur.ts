/** Blurs of pictures beyond whose borders nothing is known. */
import { constant, type HostTensor, type Tensor } from "../../engine/mod.ts";
import { add, gatherElements, sub } from "../../kernels/mod.ts";
import { mirroredPlace, pixelPlaces } from "../layout.ts";
import { leastSquares } from "../least_squares.ts";
import { type LinearOperator, linearOperator } from "../operator.ts";
import { type ImagePart, measuredWithin } from "./border.ts";
import { factorTensor, filtered, transferFunction } from "./fourier_filter.ts";

/**
 * Convolution of which only a part is measured where the kernel lies within the image (unknown boundary conditions:
 * Almeida and Figueiredo, Deconvolving Images with Unknown Boundaries Using the Alternating Direction Method of
 * Multipliers, 2013): A = M K, M the measured pixels and K the circular convolution, whose wrapped part M leaves out.
 * A^T = K^T M is exact.
 *
 * What stands for A^+ y begins at E y, the measured part mirrored over the image without its edge pixels, and takes steps
 * of conjugate gradients from there: E y + x with x of least squares for A x = y - A E y. It is linear in y too.
 * @param shape [H, W, C]
 * @param psf taps [h, w], their middle at (floor(h / 2), floor(w / 2))
 * @param options.measured the part; the measurement [H, W, C] is 0 elsewhere
 * @throws {RangeError} if the kernel is larger than the image, or reaches over it from the part
 */
export function unknownBorderBlur(
  name: string,
  shape: readonly [number, number, number],
  psf: HostTensor,
  { measured, iterations }: { readonly measured?: ImagePart | undefined; readonly iterations: number },
): LinearOperator {
  const [height, width] = shape;
  const part = measuredWithin(name, [height, width], psf.shape as [number, number], measured);
  const factors = factorTensor(transferFunction(psf, height, width), shape);
  const kept = pixelPlaces(shape, width, (row, column) => {
    const [y, x] = [row - part.top, column - part.left];
    return y >= 0 && x >= 0 && y < part.height && x < part.width ? [row, column] : undefined;
  });
  const spread = pixelPlaces(shape, width, (row, column) => [
    part.top + mirroredPlace(row - part.top, part.height),
    part.left + mirroredPlace(column - part.left, part.width),
  ]);
  const forward = (x: Tensor): Tensor => gatherElements(filtered(x, factors), constant(kept));
  const adjoint = (y: Tensor): Tensor => filtered(gatherElements(y, constant(kept)), factors, true);
  return linearOperator({
    name,
    imageShape: shape,
    measurementShape: shape,
    forward,
    adjoint,
    pseudoInverse: (y) => {
      const start = gatherElements(y, constant(spread));
      return add(start, leastSquares({ forward, adjoint }, sub(y, forward(start)), { iterations }));
    },
    isApproximate: true,
  });
}
