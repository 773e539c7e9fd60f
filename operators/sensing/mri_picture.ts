/** Magnetic resonance imaging of a picture with colour channels, whose mean stands for a real image. */
import { constant, type HostTensor, hostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { linear, mul } from "../../kernels/mod.ts";
import type { Parameter, ValuesOf } from "../../parameters/mod.ts";
import { drawn, iterations } from "../common_parameters.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { hartley } from "../blur/fourier_filter.ts";
import { pixelValues } from "../layout.ts";
import { leastSquares } from "../least_squares.ts";
import { magneticResonance, RESONANCE } from "./magnetic_resonance.ts";
import { samplingMask } from "./mri_masks.ts";
import { checkImageShape, type LinearOperator, linearOperator, type SpectralForm } from "../operator.ts";
import { completeBasis, matrix, matrixTensor, transpose } from "../matrix.ts";

const PARAMETERS = {
  ...RESONANCE,
  /** With several coils. */
  iterations: iterations(20) as Parameter<number>,
};

/**
 * Measures what `magneticResonance` does of the complex image whose real part is the mean of the channels and whose
 * imaginary part is 0: A = M F E. So a network for colour pictures restores real images; the networks of DDS, which see
 * real and imaginary part as two channels, take `magneticResonance` itself.
 *
 * The spectrum of a real image is conjugate at opposite frequencies, and with one coil A^+ knows it: it gives both the
 * mean of what was measured of either, and the singular values are known. With more coils conjugate gradients stand for A^+.
 * @throws {TypeError} if the shape is not that of an image, or mask or maps have another size
 */
function build(imageShape: Shape, { iterations, ...options }: ValuesOf<typeof PARAMETERS>): LinearOperator {
  const [height, width, channels] = checkImageShape("mri_picture", imageShape);
  const { sampling, acceleration, centre, seed } = options;
  const mask = options.mask ?? samplingMask(height, width, { sampling, acceleration, centre, seed });
  const imaging = magneticResonance([height, width, 2], { ...options, mask });
  const toImage = matrixTensor(matrix(channels, 2, (_, part) => part === 0 ? 1 / channels : 0));
  const fromImage = matrixTensor(matrix(2, channels, (part) => part === 0 ? 1 / channels : 0));
  const repeat = matrixTensor(matrix(2, channels, (part) => part === 0 ? 1 : 0));
  const forward = (x: Tensor): Tensor => imaging.forward(linear(x, constant(toImage)));
  const adjoint = (y: Tensor): Tensor => linear(imaging.adjoint(y), constant(fromImage));
  const shared = { name: "mri_picture", imageShape: [height, width, channels], forward, adjoint };
  const { measurementShape } = imaging;
  if (imaging.isApproximate) {
    const pseudoInverse = (y: Tensor): Tensor => leastSquares({ forward, adjoint }, y, { iterations });
    return linearOperator({ ...shared, measurementShape, pseudoInverse, isApproximate: true });
  }
  const opposite = (place: number, extent: number): number => (2 * Math.floor(extent / 2) - place + extent) % extent;
  const weights = pixelValues([height, width, 2], (row, column) => {
    const other = mask.data[opposite(row, height) * width + opposite(column, width)]!;
    return 2 / Math.max(1, mask.data[row * width + column]! + other);
  });
  return linearOperator({
    ...shared,
    measurementShape,
    pseudoInverse: (y) => linear(imaging.adjoint(mul(y, constant(weights))), constant(repeat)),
    spectral: () => spectralForm({ ...shared, mask }),
  });
}

/**
 * A^T A is a circular convolution of the mean of the channels: the Hartley transform makes it a product with the mean
 * of the mask at opposite frequencies. U = A V S^+.
 */
function spectralForm(
  { imageShape, forward, adjoint, mask }: Pick<LinearOperator, "imageShape" | "forward" | "adjoint"> & {
    readonly mask: HostTensor;
  },
): SpectralForm {
  const [height, width, channels] = imageShape as [number, number, number];
  // The mask has its zero frequency in the middle, the transform at the first place.
  const isMeasured = (row: number, column: number): number =>
    mask.data[((row + Math.floor(height / 2)) % height) * width + (column + Math.floor(width / 2)) % width]!;
  const values = Float64Array.from({ length: height * width * channels }, (_, i) => {
    if (i % channels > 0) return 0;
    const [row, column] = [Math.floor(i / (channels * width)), Math.floor(i / channels) % width];
    const both = isMeasured(row, column) + isMeasured((height - row) % height, (width - column) % width);
    return Math.sqrt(both / 2 / channels);
  });
  const basis = completeBasis(matrix(channels, 1, () => 1 / Math.sqrt(channels)));
  const [v, vt] = [matrixTensor(basis), matrixTensor(transpose(basis))];
  const inverse = hostTensor(Float32Array.from(values, (s) => s === 0 ? 0 : 1 / s), imageShape);
  const toSpectrum = (x: Tensor): Tensor => hartley(linear(x, constant(v)));
  const fromSpectrum = (c: Tensor): Tensor => linear(hartley(c), constant(vt));
  return {
    singularValues: hostTensor(Float32Array.from(values), imageShape),
    toSpectrum,
    fromSpectrum,
    toMeasurement: (c) => forward(fromSpectrum(mul(c, constant(inverse)))),
    fromMeasurement: (y) => mul(toSpectrum(adjoint(y)), constant(inverse)),
  };
}

/** Frequencies of the mean of the channels. */
export const mriPicture: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "mri_picture",
  about: "some frequencies of the mean of the channels, taken for a real image, seen by one or more coils",
  parameters: PARAMETERS,
  build,
  examples: [
    { imageShape: [15, 20, 3], options: { centre: 0.2 } },
    { imageShape: [16, 12, 1], options: { sampling: "poisson_2d", acceleration: 3, seed: 1 } },
    { imageShape: [8, 14, 3], options: { sampling: "gaussian_2d", acceleration: 1.5 } },
    { imageShape: [9, 14, 3], options: { sampling: "uniform_1d", coils: 3, iterations: 4 } },
  ],
  tasks: [{
    name: "mri",
    about: "magnetic resonance imaging: from some frequencies of the gray picture, a real image",
    kind: "inpainting",
    channels: 1,
    form: "values",
    isGray: true,
  }],
  defaultsFor: drawn,
});
