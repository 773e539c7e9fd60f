/** Super-resolution behind any blur: a circular convolution, of which every s-th pixel is kept. */
import { constant, type HostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { type ComplexArray, fourier, gatherElements, mul } from "../../kernels/mod.ts";
import { number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { scale, sigma, taps } from "../common_parameters.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { checkKernel, factorTensor, filtered, perChannel, transferFunction } from "../blur/fourier_filter.ts";
import { gaussianKernel2d, kernelFile, SLANTED } from "../blur/kernels_2d.ts";
import { pixelPlaces } from "../layout.ts";
import { sampledSvd } from "./kernel_super_resolution_svd.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "../operator.ts";

const PARAMETERS = {
  scale: scale() as Parameter<number>,
  psf: kernelFile() as Parameter<HostTensor | undefined>,
  sigma: sigma(1.6) as Parameter<number>,
  taps: taps(25) as Parameter<number>,
  threshold: number(
    0.03,
    { min: 0, max: 1, programsOnly: true },
    "smallest singular value that is kept",
  ) as Parameter<number>,
};

/**
 * Measures every s-th pixel of the picture convolved with a kernel at a circular border, from pixel (0, 0) on: A = D K.
 * Then A A^T is a circular convolution of the small picture, whose transfer function at a frequency is the mean of
 * |h|^2 over the s^2 frequencies of the large picture that fall on it; so A^+ = K^T D^T (A A^T)^+ is exact. Where that
 * mean is below threshold^2, the frequency is removed from A, A^T and A^+ alike. The singular values are the roots of
 * those means.
 * @throws {TypeError} if the shape is not that of an image
 * @throws {RangeError} if the scale does not divide H and W, or the kernel does not fit
 */
function build(
  imageShape: Shape,
  { scale, psf: given, sigma, taps, threshold }: ValuesOf<typeof PARAMETERS>,
): LinearOperator {
  const name = "sr_kernel";
  const psf = given ?? gaussianKernel2d(taps, sigma);
  checkKernel(name, psf);
  const shape = checkImageShape(name, imageShape, scale);
  const [height, width, channels] = shape;
  const small = [height / scale, width / scale, channels] as const;
  const transfer = transferFunction(psf, height, width);
  const power = meanPower(transfer, shape, small);
  const kept = power.map((value) => value < threshold ** 2 ? 0 : value);
  const factors = factorTensor(transfer, shape);
  const isFull = kept.every((value) => value > 0);
  const range = perChannelPairs(kept.map((value) => value > 0 ? 1 : 0), small);
  const inverse = perChannelPairs(kept.map((value) => value > 0 ? 1 / value : 0), small);
  const cut = pixelPlaces(small, width, (row, column) => [row * scale, column * scale]);
  const spread = pixelPlaces(
    shape,
    small[1],
    (row, column) => row % scale === 0 && column % scale === 0 ? [row / scale, column / scale] : undefined,
  );
  const weigh = (y: Tensor, weights: HostTensor): Tensor =>
    fourier(mul(fourier(y, { fromReal: true }), constant(weights)), { inverse: true, toReal: true });
  const inRange = (y: Tensor): Tensor => isFull ? y : weigh(y, range);
  const back = (y: Tensor): Tensor => filtered(gatherElements(y, constant(spread)), factors, true);
  return linearOperator({
    name,
    imageShape: shape,
    measurementShape: small,
    forward: (x) => inRange(gatherElements(filtered(x, factors), constant(cut))),
    pseudoInverse: (y) => back(weigh(y, inverse)),
    adjoint: (y) => back(inRange(y)),
    spectral: () => sampledSvd({ transfer, power, kept, shape, small, cut, spread }),
  });
}

/** The mean of |h|^2 over the frequencies of the large picture that fall on each of the small one. */
function meanPower(
  { re, im }: ComplexArray,
  [height, width]: readonly number[],
  small: readonly number[],
): Float64Array {
  const [rows, columns] = [small[0]!, small[1]!];
  const power = new Float64Array(rows * columns);
  const share = rows * columns / (height! * width!);
  for (let i = 0; i < re.length; i++) {
    const [row, column] = [Math.floor(i / width!), i % width!];
    power[(row % rows) * columns + column % columns]! += (re[i]! ** 2 + im[i]! ** 2) * share;
  }
  return power;
}

/** Real factors of complex frequencies [H, W] for every channel: [H, W, 2 C]. */
function perChannelPairs(values: Float64Array, [height, width, channels]: readonly number[]): HostTensor {
  return perChannel(values, [height!, width!, 2 * channels!]);
}

/** Pixels behind a blur. */
export const srKernel: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "sr_kernel",
  about: "every scale-th pixel of the picture convolved with a kernel in two dimensions",
  parameters: PARAMETERS,
  build,
  examples: [
    { imageShape: [15, 21, 3], options: { scale: 3, taps: 7, sigma: 1.2 } },
    { imageShape: [16, 20, 1], options: { scale: 2, psf: SLANTED } },
    { imageShape: [20, 12, 2], options: { scale: 4, taps: 9, sigma: 5, threshold: 0.1 } },
  ],
  tasks: [2, 4].map((scale) => ({
    name: `sr${scale}-kernel`,
    about: `enlarge x${scale} a picture that was blurred before every ${scale}th pixel was taken`,
    kind: "super_resolution",
    fixed: { scale },
    scale,
  })),
});
