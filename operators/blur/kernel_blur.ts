/** Blurs with any two-dimensional kernel, at a circular, a mirrored or an unknown border. */
import { constant, type HostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { gatherElements, separable } from "../../kernels/mod.ts";
import { choice, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { blurDefaults, iterations, sigma, taps, threshold } from "../common_parameters.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { BLUR_BOUNDARIES, blurBorder, type BlurBoundary, type ImagePart, measuredPart } from "./border.ts";
import { gaussianKernel2d, kernelFile, SLANTED } from "./kernels_2d.ts";
import { mirroredPlace, pixelPlaces } from "../layout.ts";
import { leastSquares } from "../least_squares.ts";
import {
  checkKernel,
  factorTensor,
  filtered,
  hartley,
  magnitudes,
  perChannel,
  transferFunction,
  weighted,
} from "./fourier_filter.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "../operator.ts";
import { matrix, matrixTensor, transpose } from "../matrix.ts";
import { unknownBorderBlur } from "./unknown_border_blur.ts";

/** Parameters of blurs with any kernel. */
export const KERNEL_BLUR = {
  /** The picture is mirrored without its edge pixel. */
  boundary: choice(
    "circular",
    BLUR_BOUNDARIES,
    { option: "blur-boundary" },
    "what lies outside, the other side, the mirrored picture or nothing that is known",
  ) as Parameter<BlurBoundary>,
  /** For `circular`: frequencies whose magnitude is below count as removed, in A, A^T and A^+ alike. */
  threshold: threshold() as Parameter<number>,
  /** For `reflect` and `unknown`. */
  iterations: iterations(20) as Parameter<number>,
  measured: measuredPart() as Parameter<ImagePart | undefined>,
};

const PARAMETERS = {
  psf: kernelFile() as Parameter<HostTensor | undefined>,
  sigma: sigma(3) as Parameter<number>,
  taps: taps(61) as Parameter<number>,
  ...KERNEL_BLUR,
};

/**
 * Measures the picture convolved with a kernel, every channel for itself.
 *
 * At a `circular` border the Fourier transform makes A a product, so A^T and A^+ are products too and all is exact. At
 * a mirrored border (`reflect`, the edge pixel not repeated, as in the measurements of DPS) A^T is exact: the mirrored
 * parts are folded back. A^+ y is what some steps of conjugate gradients on least squares give, which damps what the
 * blur all but removed. Where nothing is known of what lies outside (`unknown`), only the part of the image is measured
 * whose surroundings belong to it; see `unknownBorderBlur`.
 * @param name name in the register
 * @param imageShape [H, W, C]
 * @param psf taps [h, w], their middle at (floor(h / 2), floor(w / 2))
 * @throws {TypeError} if the shape is not that of an image
 * @throws {RangeError} if the kernel has no finite taps that are not all 0
 */
export function kernelBlur(
  name: string,
  imageShape: Shape,
  psf: HostTensor,
  { boundary, threshold, iterations, measured }: ValuesOf<typeof KERNEL_BLUR>,
): LinearOperator {
  const shape = checkImageShape(name, imageShape);
  checkKernel(name, psf);
  if (boundary === "unknown") return unknownBorderBlur(name, shape, psf, { measured, iterations });
  return boundary === "circular"
    ? circularBlur(name, shape, psf, threshold)
    : reflectedBlur(name, shape, psf, iterations);
}

function circularBlur(
  name: string,
  shape: readonly [number, number, number],
  psf: HostTensor,
  threshold: number,
): LinearOperator {
  const transfer = transferFunction(psf, shape[0], shape[1]);
  const sizes = magnitudes(transfer, threshold);
  const factors = factorTensor(weighted(transfer, sizes, () => 1), shape);
  const inverse = factorTensor(weighted(transfer, sizes, (size) => 1 / size ** 2), shape);
  return linearOperator({
    name,
    imageShape: shape,
    measurementShape: shape,
    forward: (x) => filtered(x, factors),
    pseudoInverse: (y) => filtered(y, inverse, true),
    adjoint: (y) => filtered(y, factors, true),
    spectral: () => {
      const turn = weighted(transfer, sizes, (size) => 1 / size);
      const phases = factorTensor({ re: turn.re.map((value, i) => sizes[i] === 0 ? 1 : value), im: turn.im }, shape);
      return {
        singularValues: perChannel(sizes, shape),
        toSpectrum: hartley,
        fromSpectrum: hartley,
        toMeasurement: (c) => filtered(hartley(c), phases),
        fromMeasurement: (y) => hartley(filtered(y, phases, true)),
      };
    },
  });
}

/** The smallest number from n on that has no prime factor but 2, 3 and 5: transforms of that size are fast. */
function smoothSize(n: number): number {
  const isSmooth = (size: number): boolean => {
    let rest = size;
    for (const p of [2, 3, 5]) while (rest % p === 0) rest /= p;
    return rest === 1;
  };
  let size = n;
  while (!isSmooth(size)) size++;
  return size;
}

function reflectedBlur(
  name: string,
  shape: readonly [number, number, number],
  psf: HostTensor,
  iterations: number,
): LinearOperator {
  const [height, width, channels] = shape;
  const margins = [Math.floor(psf.shape[0]! / 2), Math.floor(psf.shape[1]! / 2)] as const;
  const padded = [smoothSize(height + 2 * margins[0]), smoothSize(width + 2 * margins[1]), channels] as const;
  const mirror = (axis: 0 | 1): { readonly extend: HostTensor; readonly fold: HostTensor } => {
    const [extent, size] = [shape[axis], padded[axis]];
    const used = extent + 2 * margins[axis];
    const whole = matrix(
      size,
      extent,
      (row, column) => row < used && mirroredPlace(row - margins[axis], extent) === column ? 1 : 0,
    );
    return { extend: matrixTensor(whole), fold: matrixTensor(transpose(whole)) };
  };
  const [vertical, horizontal] = [mirror(0), mirror(1)];
  const factors = factorTensor(transferFunction(psf, padded[0], padded[1]), padded);
  const cut = pixelPlaces(shape, padded[1], (row, column) => [row + margins[0], column + margins[1]]);
  const place = pixelPlaces(padded, width, (row, column) => {
    const [y, x] = [row - margins[0], column - margins[1]];
    return y >= 0 && x >= 0 && y < height && x < width ? [y, x] : undefined;
  });
  const forward = (x: Tensor): Tensor => {
    const extended = separable(constant(vertical.extend), x, constant(horizontal.extend));
    return gatherElements(filtered(extended, factors), constant(cut));
  };
  const adjoint = (y: Tensor): Tensor => {
    const spread = filtered(gatherElements(y, constant(place)), factors, true);
    return separable(constant(vertical.fold), spread, constant(horizontal.fold));
  };
  return linearOperator({
    name,
    imageShape: shape,
    measurementShape: shape,
    forward,
    adjoint,
    pseudoInverse: (y) => leastSquares({ forward, adjoint }, y, { iterations }),
    isApproximate: true,
  });
}

/** Convolution with a kernel. */
export const deblurKernel: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "deblur_kernel",
  about: "the picture convolved with a kernel in two dimensions, a Gaussian unless one is given",
  parameters: PARAMETERS,
  build: (imageShape, { psf, sigma, taps, ...options }) =>
    kernelBlur("deblur_kernel", imageShape, psf ?? gaussianKernel2d(taps, sigma), options),
  border: ({ psf, taps, boundary }) => blurBorder((psf?.shape ?? [taps, taps]) as [number, number], boundary),
  examples: [
    { imageShape: [15, 22, 3], options: { taps: 5, sigma: 1.5 } },
    { imageShape: [16, 12, 1], options: { psf: SLANTED, threshold: 0.1 } },
    { imageShape: [9, 14, 2], options: { psf: SLANTED, boundary: "reflect", iterations: 4 } },
    { imageShape: [9, 14, 2], options: { psf: SLANTED, boundary: "unknown", iterations: 4 } },
  ],
  tasks: [{
    name: "deblur-kernel",
    about: "sharpen a picture blurred by a round Gaussian, at a circular, mirrored or unknown border",
    kind: "deblurring",
  }],
  defaultsFor: blurDefaults,
});
