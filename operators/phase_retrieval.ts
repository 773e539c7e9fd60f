/** Phase retrieval: the magnitudes of the frequencies of a picture, as a detector far away sees them. */
import { constant, type HostTensor, hostTensor, type Shape, type Tensor } from "../engine/mod.ts";
import { fourier, gatherElements, linear, mul, NO_ELEMENT, sqrt } from "../kernels/mod.ts";
import { number, type ValuesOf } from "../parameters/mod.ts";
import { nonlinearEntry } from "./entry.ts";
import { checkImageShape, type NonlinearOperator, nonlinearOperator } from "./operator.ts";
import { matrix, matrixTensor } from "./spectrum.ts";

const PARAMETERS = {
  /** 0: not finer; else black borders of oversample/8 of each side. */
  oversample: number(2, { min: 0, max: 8 }, "how much finer frequencies are sampled"),
};

type ImageShape = readonly [height: number, width: number, channels: number];

/** Where every element of a picture of one size comes from in one of another, by row and column; nothing where `from` says so. */
function places(
  [height, width, channels]: ImageShape,
  columns: number,
  from: (row: number, column: number) => readonly [number, number] | undefined,
): HostTensor {
  const index = Uint32Array.from({ length: height * width * channels }, (_, i) => {
    const pixel = Math.floor(i / channels);
    const place = from(Math.floor(pixel / width), pixel % width);
    return place ? (place[0] * columns + place[1]) * channels + i % channels : NO_ELEMENT;
  });
  return hostTensor(index, [height, width, channels]);
}

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
  const padded: ImageShape = [height + 2 * top, width + 2 * left, channels];
  const [rows, columns] = padded;
  const border = places(padded, width, (row, column) => {
    const [y, x] = [row - top, column - left];
    return y >= 0 && y < height && x >= 0 && x < width ? [y, x] : undefined;
  });
  const middle = places(padded, columns, (row, column) => [
    (row + Math.ceil(rows / 2)) % rows,
    (column + Math.ceil(columns / 2)) % columns,
  ]);
  // Back from the middle, and the picture itself around the origin.
  const first = places(padded, columns, (row, column) => [
    (row + Math.floor(rows / 2)) % rows,
    (column + Math.floor(columns / 2)) % columns,
  ]);
  const inner = places(shape, columns, (row, column) => [
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
export const phaseRetrieval = nonlinearEntry({
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
