import { constant, hostTensor, type Shape } from "../../engine/mod.ts";
import { linear } from "../../kernels/mod.ts";
import type { Parameter, ValuesOf } from "../../parameters/mod.ts";
import { numbers } from "../common_parameters.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { pixelValues } from "../layout.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "../operator.ts";
import { completeBasis, matrix, matrixTensor, transpose } from "../matrix.ts";

/** Weights of red, green and blue in the code published with DDRM, DDNM and SSD. */
const PUBLISHED_WEIGHTS: readonly number[] = [0.3333, 0.3334, 0.3333];

const PARAMETERS = {
  /** The simplified DDNM routine uses 1/3 three times. */
  weights: numbers(
    "one finite weight per channel, not all 0 (0.3333, 0.3334, 0.3333)",
  ) as Parameter<ArrayLike<number> | undefined>,
};

/**
 * Measures one gray value per pixel: y = w . x over the channels, A^T y = w y, A^+ y = w y / (w . w).
 * @param imageShape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image, or the number of weights is not C
 * @throws {RangeError} if a weight is not finite or all are 0
 */
export function colorization(
  imageShape: Shape,
  { weights: given = PUBLISHED_WEIGHTS }: ValuesOf<typeof PARAMETERS>,
): LinearOperator {
  const weights = Array.from(given);
  const [height, width, channels] = checkImageShape("colorize", imageShape);
  if (weights.length !== channels) {
    throw new TypeError(
      `Cannot build operator "colorize": ${weights.length} weights were given, the image has ${channels} channels; ` +
        `give one weight per channel`,
    );
  }
  const squaredNorm = weights.reduce((sum, weight) => sum + weight * weight, 0);
  if (!Number.isFinite(squaredNorm) || squaredNorm === 0) {
    throw new RangeError(
      `Cannot build operator "colorize": the weights are ${weights.join(", ")}, ` +
        `finite numbers that are not all 0 are needed; use 0.3333, 0.3334, 0.3333`,
    );
  }
  const column = hostTensor(Float32Array.from(weights), [channels, 1]);
  const row = hostTensor(Float32Array.from(weights), [1, channels]);
  const inverse = hostTensor(Float32Array.from(weights, (weight) => weight / squaredNorm), [1, channels]);
  return linearOperator({
    name: "colorize",
    imageShape: [height, width, channels],
    measurementShape: [height, width, 1],
    forward: (x) => linear(x, constant(column)),
    pseudoInverse: (y) => linear(y, constant(inverse)),
    adjoint: (y) => linear(y, constant(row)),
    spectral: () => {
      const norm = Math.sqrt(squaredNorm);
      const basis = completeBasis(matrix(channels, 1, (channel) => weights[channel]! / norm));
      const [v, vt] = [matrixTensor(basis), matrixTensor(transpose(basis))];
      const pick = matrixTensor(matrix(channels, 1, (channel) => channel === 0 ? 1 : 0));
      const place = matrixTensor(matrix(1, channels, (_, channel) => channel === 0 ? 1 : 0));
      return {
        singularValues: pixelValues([height, width, channels], (_row, _column, channel) => channel === 0 ? norm : 0),
        toSpectrum: (x) => linear(x, constant(v)),
        fromSpectrum: (c) => linear(c, constant(vt)),
        toMeasurement: (c) => linear(c, constant(pick)),
        fromMeasurement: (y) => linear(y, constant(place)),
      };
    },
  });
}

/** Gray values. */
export const colorize: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "colorize",
  about: "one gray value per pixel, a weighted mean of its channels",
  parameters: PARAMETERS,
  build: colorization,
  examples: [
    { imageShape: [16, 24, 3], options: {} },
    { imageShape: [5, 7, 2], options: { weights: [0.75, -0.5] } },
  ],
  tasks: [{ name: "colorize", about: "colour a gray picture", kind: "colorization", channels: 1, isLocal: true }],
});
