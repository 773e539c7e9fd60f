/** Magnetic resonance imaging: some frequencies of a complex image, seen by one or more coils. */
import {
  constant,
  formatShape,
  type HostTensor,
  hostTensor,
  sameShape,
  type Shape,
  type Tensor,
} from "../../engine/mod.ts";
import { complexMul, fourier, gatherElements, linear, mul } from "../../kernels/mod.ts";
import { choice, integer, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { seed, tensor } from "../common_parameters.ts";
import { pixelValues, rolled } from "../layout.ts";
import { checkImageShape, type LinearOperator, linearOperator, type SpectralForm } from "../operator.ts";
import { type Sampling, samplingMask, SAMPLINGS } from "./mri_masks.ts";
import { matrix, matrixTensor } from "../matrix.ts";

/** Parameters of magnetic resonance imaging. */
export const RESONANCE = {
  sampling: choice("gaussian_1d", SAMPLINGS, {}, "how frequencies are chosen") as Parameter<Sampling>,
  acceleration: number(4, { min: 1, max: 1000 }, "one frequency in so many") as Parameter<number>,
  centre: number(0.08, { min: 0, max: 1 }, "share of columns always measured") as Parameter<number>,
  /** Their sensitivities are smooth, and their squares sum to 1; one coil is uniform. */
  coils: integer(1, { min: 1, max: 32 }, "number of coils") as Parameter<number>,
  seed: seed("the frequencies") as Parameter<number>,
  mask: tensor(
    "1 where a frequency is measured, [H, W], zero frequency at (floor(H / 2), floor(W / 2)); else drawn",
  ) as Parameter<HostTensor | undefined>,
  maps: tensor(
    "sensitivities of the coils [H, W, 2 K], real and imaginary parts in turn, instead of those of `coils`",
  ) as Parameter<HostTensor | undefined>,
};

/**
 * Smooth sensitivities of coils on a circle around the picture: Gaussians of the distance with a phase that grows
 * across the picture, scaled so that the squared magnitudes sum to 1 at every pixel.
 * @returns [H, W, 2 K]
 */
export function coilMaps(height: number, width: number, coils: number): HostTensor {
  const data = new Float32Array(height * width * 2 * coils);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const y = (2 * Math.floor(pixel / width) + 1) / height - 1;
    const x = (2 * (pixel % width) + 1) / width - 1;
    const angles = Array.from({ length: coils }, (_, k) => (2 * Math.PI * k) / coils);
    const sizes = angles.map((a) => Math.exp(-((y - 1.2 * Math.sin(a)) ** 2 + (x - 1.2 * Math.cos(a)) ** 2) / 2));
    const norm = Math.hypot(...sizes);
    angles.forEach((a, k) => {
      const phase = a + 0.5 * (x * Math.sin(a) - y * Math.cos(a));
      data[pixel * 2 * coils + 2 * k] = sizes[k]! / norm * Math.cos(phase);
      data[pixel * 2 * coils + 2 * k + 1] = sizes[k]! / norm * Math.sin(phase);
    });
  }
  return hostTensor(data, [height, width, 2 * coils]);
}

/** The orthonormal Fourier transform with the middle (floor(H / 2), floor(W / 2)) as origin in both spaces. */
function centredFourier(shape: readonly [number, number, number]): (x: Tensor, inverse: boolean) => Tensor {
  const [height, width] = shape;
  const toFirst = rolled(shape, Math.floor(height / 2), Math.floor(width / 2));
  const toMiddle = rolled(shape, Math.ceil(height / 2), Math.ceil(width / 2));
  return (x, inverse) => gatherElements(fourier(gatherElements(x, constant(toFirst)), { inverse }), constant(toMiddle));
}

/**
 * Measures some frequencies of a complex image [H, W, 2] (real and imaginary parts): y_k = m * F(S_k x) with the
 * orthonormal Fourier transform F, centred in both spaces, sensitivities S_k of the coils and a mask m; y is 0 where
 * nothing is measured. A^T y = sum over k of conj(S_k) F^-1(m * y_k).
 *
 * With one uniform coil all singular values are 1 and A^+ = A^T. With more coils A^T stands for A^+, as in DDS; it is
 * A^+ only if everything is measured.
 * @param imageShape [H, W, 2]
 * @throws {TypeError} if the image has other channels than two, or mask or maps another size
 * @throws {RangeError} if the mask holds other numbers than 0 and 1
 */
export function magneticResonance(imageShape: Shape, options: ValuesOf<typeof RESONANCE>): LinearOperator {
  const shape = checkImageShape("mri", imageShape);
  const [height, width, channels] = shape;
  if (channels !== 2) {
    throw new TypeError(
      `Cannot build operator "mri": the image has ${channels} channels, 2 are needed (real and imaginary part); ` +
        `put a real picture into the first`,
    );
  }
  const { sampling, acceleration, centre, seed, coils } = options;
  const mask = options.mask ?? samplingMask(height, width, { sampling, acceleration, centre, seed });
  requireShape("mask", mask, [height, width]);
  if (mask.data.some((value) => value !== 0 && value !== 1)) {
    throw new RangeError(
      `Cannot build operator "mri": the mask holds other numbers than 0 (left out) and 1 (measured); round it`,
    );
  }
  const maps = options.maps ?? (coils > 1 ? coilMaps(height, width, coils) : undefined);
  const count = maps ? (maps.shape[2] ?? 0) / 2 : 1;
  if (maps) requireShape("maps", maps, [height, width, 2 * Math.max(1, Math.floor(count))]);
  const transform = centredFourier([height, width, 2 * count]);
  const measurementShape = [height, width, 2 * count];
  const measured = pixelValues(measurementShape, (row, column) => mask.data[row * width + column]!);
  const masked = (y: Tensor): Tensor => mul(y, constant(measured));
  const repeat = matrixTensor(matrix(2, 2 * count, (row, column) => column % 2 === row ? 1 : 0));
  const collect = matrixTensor(matrix(2 * count, 2, (row, column) => row % 2 === column ? 1 : 0));
  const toCoils = (x: Tensor): Tensor => maps ? complexMul(linear(x, constant(repeat)), constant(maps)) : x;
  const fromCoils = (x: Tensor): Tensor => maps ? linear(complexMul(x, constant(maps), true), constant(collect)) : x;
  const adjoint = (y: Tensor): Tensor => fromCoils(transform(masked(y), true));
  const spectral = (): SpectralForm => ({
    singularValues: measured,
    toSpectrum: (x) => transform(x, false),
    fromSpectrum: (c) => transform(c, true),
    toMeasurement: masked,
    fromMeasurement: masked,
  });
  return linearOperator({
    name: "mri",
    imageShape: shape,
    measurementShape,
    forward: (x) => masked(transform(toCoils(x), false)),
    adjoint,
    pseudoInverse: adjoint,
    ...(maps ? { isApproximate: true as const } : { spectral }),
  });
}

function requireShape(what: string, tensor: HostTensor, needed: Shape): void {
  if (tensor.dtype === "f32" && sameShape(tensor.shape, needed)) return;
  throw new TypeError(
    `Cannot build operator "mri": the ${what} are ${tensor.dtype} ${formatShape(tensor.shape)}, ` +
      `f32 ${formatShape(needed)} is needed; use those of the picture's size`,
  );
}
