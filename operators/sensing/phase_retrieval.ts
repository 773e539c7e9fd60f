/** Phase retrieval: the magnitudes of the frequencies of a picture, as a detector far away sees them. */
import { constant, type Shape, type Tensor } from "../../engine/mod.ts";
import { fourier, gatherElements, linear, mul, sqrt } from "../../kernels/mod.ts";
import { number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { nonlinearEntry, type OperatorEntry } from "../entry.ts";
import { pixelPlaces, rolled } from "../layout.ts";
import { checkImageShape, type NonlinearOperator, nonlinearOperator } from "../operator.ts";
import { matrix, matrixTensor } from "../matrix.ts";

const PARAMETERS = {
  /** 0: not finer; else black borders of oversample/8 of each side. */
  oversample: number(2, { min: 0, max: 8 }, "how much finer frequencies are sampled") as Parameter<number>,
};

/**
 * Measures y = |F P x|: P puts borders of 0 around the picture, F is the orthonormal Fourier transform of every channel,
 * with the zero frequency in the middle. Where a magnitude is 0 its gradient counts as 0.
 * Measurements are [H + 2 floor(H oversample / 8), W + 2 floor(W oversample / 8), C].
 * @throws {TypeError} if the shape is not that of an image
 */
function build(imageShape: Shape, { oversample }: ValuesOf<typeof PARAMETERS>): NonlinearOperator {
  const shape = checkImageShape("phase_retrieval", imageShape);
  const [height, width, channels] = shape;
  const [top, left] = [height, width].map((extent) => Math.floor((extent * oversample) / 8)) as [number, number];
  const [rows, columns] = [height + 2 * top, width + 2 * left];
  const padded = [rows, columns, channels];
  const border = pixelPlaces(padded, width, (row, column) => {
    const [y, x] = [row - top, column - left];
    return y >= 0 && y < height && x >= 0 && x < width ? [y, x] : undefined;
  });
  const middle = rolled(padded, Math.ceil(rows / 2), Math.ceil(columns / 2));
  // Back from the middle, and the picture itself around the origin.
  const first = rolled(padded, Math.floor(rows / 2), Math.floor(columns / 2));
  const inner = pixelPlaces(shape, columns, (row, column) => [
    (row + Math.ceil(rows / 2) + top) % rows,
    (column + Math.ceil(columns / 2) + left) % columns,
  ]);
  const squares = matrixTensor(matrix(2 * channels, channels, (row, column) => Math.floor(row / 2) === column ? 1 : 0));
  return nonlinearOperator({
    name: "phase_retrieval",
    imageShape: shape,
    measurementShape: padded,
    forward(x): Tensor {
      const spectrum = fourier(gatherElements(x, constant(border)), { fromReal: true });
      const magnitudes = sqrt(linear(mul(spectrum, spectrum), constant(squares)));
      return gatherElements(magnitudes, constant(middle));
    },
    // The picture with these magnitudes and the phase 0 everywhere.
    estimate(y): Tensor {
      const spectrum = gatherElements(y, constant(first));
      return gatherElements(fourier(spectrum, { inverse: true, fromReal: true, toReal: true }), constant(inner));
    },
  });
}

/** Magnitudes of frequencies. */
export const phaseRetrieval: OperatorEntry<NonlinearOperator, typeof PARAMETERS> = nonlinearEntry({
  name: "phase_retrieval",
  about: "the magnitudes of the frequencies of the picture",
  parameters: PARAMETERS,
  build,
  examples: [
    { imageShape: [16, 24, 3], options: {} },
    { imageShape: [9, 7, 1], options: { oversample: 0 } },
  ],
  tasks: [{
    name: "phase",
    about: "phase retrieval: from the magnitudes of the frequencies of the picture",
    kind: "phase_retrieval",
    form: "values",
  }],
});
