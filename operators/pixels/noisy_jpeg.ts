/** A noisy picture that was compressed as JPEG: what its file stores, each coefficient as exact as it is known. */
import { constant, elementCount, type HostTensor, hostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { add, gatherElements, linear, mul, NO_ELEMENT } from "../../kernels/mod.ts";
import { number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { linearEntry, type OperatorEntry, type TaskContext } from "../entry.ts";
import { type Matrix, matrixTensor, transpose } from "../matrix.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "../operator.ts";
import { type JpegPlace, storedPlace } from "./jpeg_blocks.ts";
import { compressionOf, JPEG_PARAMETERS } from "./jpeg_compression.ts";
import { type NoisyUnit, noisyUnit } from "./noisy_jpeg_svd.ts";

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
  const unit = noisyUnit({
    // A gray picture is one that has its noise three times.
    planes: isGray ? Array.from({ length: channels }, () => planes[0]!) : planes.slice(0, channels),
    color: isGray ? "rgb" : color,
    channels,
    sigma,
    rounding,
  });
  const shape = [height, width, channels];
  const { intoUnits, intoImage, singular } = layOut(shape, unit, place);
  const inverse = hostTensor(Float32Array.from(singular.data, (s) => s === 0 ? 0 : 1 / s), shape);
  const alone = hostTensor(Float32Array.from(intoImage.data, (at) => Number(at === NO_ELEMENT)), shape);
  const hasRest = alone.data.includes(1);
  /** Multiplies the elements of every unit by a matrix. */
  const units = (factor: Matrix): (x: Tensor) => Tensor => {
    const by = matrixTensor(factor);
    return (x) => {
      const rest = (): Tensor => mul(x, constant(alone));
      if (intoUnits.data.length === 0) return rest();
      const turned = gatherElements(linear(gatherElements(x, constant(intoUnits)), constant(by)), constant(intoImage));
      return hasRest ? add(turned, rest()) : turned;
    };
  };
  const [turn, turnBack] = [units(unit.basis), units(transpose(unit.basis))] as const;
  const weighed = (x: Tensor, weights: HostTensor): Tensor => turnBack(mul(turn(x), constant(weights)));
  return linearOperator({
    name: "noisy_jpeg",
    imageShape: shape,
    measurementShape: shape,
    forward: (x) => weighed(x, singular),
    pseudoInverse: (y) => weighed(y, inverse),
    adjoint: (y) => weighed(y, singular),
    spectral: () => ({
      singularValues: singular,
      toSpectrum: turn,
      fromSpectrum: turnBack,
      toMeasurement: turnBack,
      fromMeasurement: turn,
    }),
  });
}

/** Where the units lie on an image. */
interface UnitLayout {
  /** For every element of every whole unit [units, tall wide C] its place on the image. */
  readonly intoUnits: HostTensor;
  /** The other way round [H, W, C]; `NO_ELEMENT` outside whole units. */
  readonly intoImage: HostTensor;
  /** s at the place of each coefficient [H, W, C], 1 outside whole units. */
  readonly singular: HostTensor;
}

function layOut(shape: Shape, { tall, wide, singularValues }: NoisyUnit, place: JpegPlace): UnitLayout {
  const [height, width, channels] = shape as [number, number, number];
  const size = tall * wide * channels;
  const pixels = Array.from({ length: height * width }, (_, i) => {
    const [row, column] = storedPlace(Math.floor(i / width), i % width, place);
    const [down, across] = [Math.floor(row / tall), Math.floor(column / wide)];
    return { unit: `${down} ${across}`, pixel: (row - down * tall) * wide + column - across * wide };
  });
  const groups = Map.groupBy(pixels.keys(), (i) => pixels[i]!.unit);
  const whole = [...groups.values()].filter((group) => group.length === tall * wide);
  const intoUnits = new Uint32Array(whole.length * size);
  const intoImage = new Uint32Array(elementCount(shape)).fill(NO_ELEMENT);
  const singular = new Float32Array(intoImage.length).fill(1);
  for (const [k, group] of whole.entries()) {
    for (const i of group) {
      for (let channel = 0; channel < channels; channel++) {
        const [at, element] = [i * channels + channel, pixels[i]!.pixel * channels + channel];
        intoUnits[k * size + element] = at;
        intoImage[at] = k * size + element;
        singular[at] = singularValues[element]!;
      }
    }
  }
  return {
    intoUnits: hostTensor(intoUnits, [whole.length, size]),
    intoImage: hostTensor(intoImage, shape),
    singular: hostTensor(singular, shape),
  };
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
