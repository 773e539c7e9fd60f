/** Magnetic resonance imaging of a picture with colour channels, whose mean stands for a real image. */
import { constant, type HostTensor, hostTensor, type Shape, type Tensor } from "../engine/mod.ts";
import { linear, mul } from "../kernels/mod.ts";
import { hartley } from "./fourier_filter.ts";
import { leastSquares } from "./least_squares.ts";
import { magneticResonance, type MagneticResonanceOptions } from "./mri.ts";
import { samplingMask } from "./mri_masks.ts";
import { checkImageShape, type LinearOperator, linearOperator, type SpectralForm } from "./operator.ts";
import { completeBasis, matrix, matrixTensor, transpose } from "./spectrum.ts";

/** Parameters of `pictureResonance`. */
export interface PictureResonanceOptions extends MagneticResonanceOptions {
  /** With several coils: steps of the conjugate gradients that stand for A^+, 1 or more; default 20. */
  readonly iterations?: number;
}

/**
 * Measures what `magneticResonance` does of the complex image whose real part is the mean of the channels and whose
 * imaginary part is 0: A = M F E. So a network for colour pictures restores real images; the networks of DDS, which see
 * real and imaginary part as two channels, take `magneticResonance` itself.
 *
 * The spectrum of a real image is conjugate at opposite frequencies, and with one coil A^+ knows it: it gives both the
 * mean of what was measured of either, and the singular values are known. With more coils conjugate gradients stand for A^+.
 * @param imageShape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image, or mask or maps have another size
 * @throws {RangeError} if a parameter is out of range
 */
export function pictureResonance(
  imageShape: Shape,
  { iterations = 20, ...options }: PictureResonanceOptions = {},
): LinearOperator {
  const [height, width, channels] = checkImageShape("mri_picture", imageShape);
  const { sampling = "gaussian_1d", acceleration = 4, centre = 0.08, seed = 0 } = options;
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
  const weights = hostTensor(
    Float32Array.from({ length: 2 * height * width }, (_, i) => {
      const [row, column] = [Math.floor(i / (2 * width)), Math.floor(i / 2) % width];
      const other = mask.data[opposite(row, height) * width + opposite(column, width)]!;
      return 2 / Math.max(1, mask.data[row * width + column]! + other);
    }),
    [height, width, 2],
  );
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
