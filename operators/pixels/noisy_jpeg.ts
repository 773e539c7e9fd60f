/** A noisy picture that was compressed as JPEG: what its file stores, each coefficient as exact as it is known. */
import { constant, elementCount, hostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { add, gatherElements, linear, mul, NO_ELEMENT } from "../../kernels/mod.ts";
import { number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { linearEntry, type OperatorEntry, type TaskContext } from "../entry.ts";
import { compose, type Matrix, matrixTensor, transpose } from "../matrix.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "../operator.ts";
import { storedPlace } from "./jpeg_blocks.ts";
import { compressionOf, JPEG_PARAMETERS } from "./jpeg_compression.ts";
import { noisyUnit } from "./noisy_jpeg_svd.ts";

const PARAMETERS = {
  ...JPEG_PARAMETERS,
  sigma: number(
    0.2,
    { min: 1e-3, max: 10, programsOnly: true },
    "deviation of the white noise that the picture had before the compression, in units of [-1, 1]",
  ) as Parameter<number>,
  // Most coefficients are small beside their steps and lose little when they become 0.
  rounding: number(
    0.1,
    { min: 0, max: 1, programsOnly: true },
    "part of the variance of rounding to whole steps that counts",
  ) as Parameter<number>,
};

/**
 * A = V diag(s) V^T of the decomposition of `noisyUnit` for every minimum coded unit: the coefficients that a file stores
 * of a picture with white normal noise of deviation sigma, weighed so that y = A x + n again has white noise of deviation
 * sigma. Measurements are pictures in which each coefficient is the fainter the less is known of it. A decoded picture
 * whose chroma is repeated over the pixels of its samples is measured as the file.
 *
 * Units that are not whole on the image count as not compressed: s = 1, every pixel for itself.
 * @throws {TypeError} if the shape is not that of an image of 1 or 3 channels
 */
function build(imageShape: Shape, { sigma, rounding, ...compression }: ValuesOf<typeof PARAMETERS>): LinearOperator {
  const sides = checkImageShape("noisy_jpeg", imageShape);
  const [height, width, channels] = sides;
  if (channels !== 1 && channels !== 3) {
    throw new TypeError(
      `Cannot build operator "noisy_jpeg": the image has ${channels} channels, 1 or 3 are needed; use a picture`,
    );
  }
  const { planes, color, place } = compressionOf(sides, compression);
  const isGray = planes.length < 3;
  const { tall, wide, singularValues, basis } = noisyUnit({
    // A gray picture is one that has its noise three times.
    planes: isGray ? Array.from({ length: channels }, () => planes[0]!) : planes.slice(0, channels),
    color: isGray ? "rgb" : color,
    channels,
    sigma,
    rounding,
  });
  const shape = [height, width, channels];
  const size = tall * wide * channels;
  const unitOf = (y: number, x: number): readonly [unit: string, pixel: number] => {
    const [row, column] = storedPlace(y, x, place);
    const [down, across] = [Math.floor(row / tall), Math.floor(column / wide)];
    return [`${down} ${across}`, (row - down * tall) * wide + column - across * wide];
  };
  const pixels = Array.from({ length: height * width }, (_, i) => unitOf(Math.floor(i / width), i % width));
  const groups = Map.groupBy(pixels.keys(), (i) => pixels[i]![0]);
  const whole = [...groups.values()].filter((group) => group.length === tall * wide);
  // Where the elements of units lie on the image, and the other way round.
  const intoUnits = new Uint32Array(whole.length * size);
  const intoImage = new Uint32Array(elementCount(shape)).fill(NO_ELEMENT);
  const singular = new Float32Array(intoImage.length).fill(1);
  const rest = new Float32Array(intoImage.length).fill(1);
  for (const [k, group] of whole.entries()) {
    for (const i of group) {
      for (let channel = 0; channel < channels; channel++) {
        const element = pixels[i]![1] * channels + channel;
        intoUnits[k * size + element] = i * channels + channel;
        intoImage[i * channels + channel] = k * size + element;
        singular[i * channels + channel] = singularValues[element]!;
        rest[i * channels + channel] = 0;
      }
    }
  }
  const [split, join] = [hostTensor(intoUnits, [whole.length, size]), hostTensor(intoImage, shape)];
  const [values, single] = [hostTensor(singular, shape), hostTensor(rest, shape)];
  const hasRest = rest.includes(1);
  /** Multiplies the elements of every unit by a matrix. */
  const units = (product: Matrix): LinearOperator["forward"] => {
    const by = matrixTensor(product);
    return (x) => {
      const alone = (): Tensor => mul(x, constant(single));
      if (whole.length === 0) return alone();
      const turned = gatherElements(linear(gatherElements(x, constant(split)), constant(by)), constant(join));
      return hasRest ? add(turned, alone()) : turned;
    };
  };
  const [turn, turnBack] = [units(basis), units(transpose(basis))];
  const forward = units(compose(basis, singularValues, basis));
  return linearOperator({
    name: "noisy_jpeg",
    imageShape: shape,
    measurementShape: shape,
    forward,
    pseudoInverse: units(compose(basis, singularValues.map((s) => s === 0 ? 0 : 1 / s), basis)),
    adjoint: forward,
    spectral: () => ({
      singularValues: values,
      toSpectrum: turn,
      fromSpectrum: turnBack,
      toMeasurement: turnBack,
      fromMeasurement: turn,
    }),
  });
}

/** A noisy picture, compressed. */
export const noisyJpeg: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "noisy_jpeg",
  about: "a noisy picture compressed as JPEG, its coefficients as exact as they are known",
  parameters: PARAMETERS,
  build,
  examples: [
    { imageShape: [16, 32, 3], options: { tables: "whole" } },
    { imageShape: [16, 24, 1], options: { quality: 20, sigma: 0.05 } },
    { imageShape: [18, 19, 3], options: { quality: 30, sigma: 0.4, tables: "standard" } },
  ],
  defaultsFor: ({ jpeg, sigma }: TaskContext) => ({
    ...(jpeg ? { file: jpeg } : {}),
    ...(sigma === undefined ? {} : { sigma }),
  }),
});
