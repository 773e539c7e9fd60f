/** Block compressed sensing: every block of pixels is measured along the same random directions. */
import { constant, elementCount, hostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { gatherElements, linear, reshape } from "../../kernels/mod.ts";
import { integer, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { drawn, ratio, seed } from "../common_parameters.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { draws } from "../draws.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "../operator.ts";
import { type Matrix, matrix, matrixTensor, transpose } from "../matrix.ts";

const PARAMETERS = {
  ratio: ratio() as Parameter<number>,
  seed: seed("the directions") as Parameter<number>,
  block: integer(32, { min: 1, max: 64, programsOnly: true }, "side of the blocks in pixels") as Parameter<number>,
};

/**
 * The first rows of a random orthogonal matrix [n, n]: those of a Gaussian matrix, each made orthogonal to the ones
 * before. More rows of the same seed begin with the same ones.
 */
function randomRows(count: number, n: number, seed: number): Matrix {
  const { normal } = draws(seed);
  const { data } = matrix(count, n, () => normal());
  for (let row = 0; row < count; row++) {
    const vector = data.subarray(row * n, (row + 1) * n);
    for (let other = 0; other < row; other++) {
      const before = data.subarray(other * n, (other + 1) * n);
      let overlap = 0;
      for (let i = 0; i < n; i++) overlap += before[i]! * vector[i]!;
      for (let i = 0; i < n; i++) vector[i]! -= overlap * before[i]!;
    }
    const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    for (let i = 0; i < n; i++) vector[i]! /= norm;
  }
  return { rows: count, columns: n, data };
}

/**
 * Measures, for every block of b x b pixels and every channel, the products with the first floor(ratio b^2) vectors of
 * a random orthonormal basis. The measurement is [H / b, W / b, C m] with the m products of a channel next to each
 * other. All singular values are 1, so A^+ = A^T.
 * @throws {TypeError} if the shape is not that of an image
 * @throws {RangeError} if H or W is not divisible by b
 */
function build(imageShape: Shape, { block, ratio, seed }: ValuesOf<typeof PARAMETERS>): LinearOperator {
  const [height, width, channels] = checkImageShape("cs_block", imageShape, block);
  const size = block * block;
  const measured = Math.max(1, Math.floor(ratio * size));
  const [down, across] = [height / block, width / block];
  const blocks = [down, across, channels, size];
  // Where pixel p of a block lies in the image, and the other way round.
  const intoBlocks = new Uint32Array(elementCount(blocks));
  const intoImage = new Uint32Array(intoBlocks.length);
  for (let i = 0; i < intoBlocks.length; i++) {
    const p = i % size;
    const channel = Math.floor(i / size) % channels;
    const patch = Math.floor(i / (size * channels));
    const row = Math.floor(patch / across) * block + Math.floor(p / block);
    const column = (patch % across) * block + p % block;
    const pixel = (row * width + column) * channels + channel;
    intoBlocks[i] = pixel;
    intoImage[pixel] = i;
  }
  const split = hostTensor(intoBlocks, blocks);
  const shape = [height, width, channels];
  const join = hostTensor(intoImage, shape);
  const part = randomRows(measured, size, seed);
  const [rows, columns] = [matrixTensor(part), matrixTensor(transpose(part))];
  const measurementShape = [down, across, channels * measured];
  const toBlocks = (x: Tensor): Tensor => gatherElements(x, constant(split));
  const toImage = (x: Tensor): Tensor => gatherElements(x, constant(join));
  const forward = (x: Tensor): Tensor => reshaped(linear(toBlocks(x), constant(columns)), measurementShape);
  const adjoint = (y: Tensor): Tensor =>
    toImage(linear(reshaped(y, [down, across, channels, measured]), constant(rows)));
  return linearOperator({
    name: "cs_block",
    imageShape: shape,
    measurementShape,
    forward,
    pseudoInverse: adjoint,
    adjoint,
    spectral: () => {
      const basis = randomRows(size, size, seed);
      const whole = matrixTensor(basis);
      const turned = matrixTensor(transpose(basis));
      const pick = matrixTensor(matrix(size, measured, (row, column) => row === column ? 1 : 0));
      const place = matrixTensor(matrix(measured, size, (row, column) => row === column ? 1 : 0));
      const values = Float32Array.from({ length: intoBlocks.length }, (_, i) => i % size < measured ? 1 : 0);
      return {
        singularValues: hostTensor(values, blocks),
        toSpectrum: (x) => linear(toBlocks(x), constant(turned)),
        fromSpectrum: (c) => toImage(linear(c, constant(whole))),
        toMeasurement: (c) => reshaped(linear(c, constant(pick)), measurementShape),
        fromMeasurement: (y) => linear(reshaped(y, [down, across, channels, measured]), constant(place)),
      };
    },
  });
}

/** The same elements of every item under another shape. */
function reshaped(x: Tensor, itemShape: Shape): Tensor {
  return reshape(x, [x.shape[0]!, ...itemShape]);
}

/** Side of the blocks of the task. */
const TASK_BLOCK = 32;

/** Random products of blocks. */
export const csBlock: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "cs_block",
  about: "products of every block of pixels with random directions",
  parameters: PARAMETERS,
  build,
  examples: [
    { imageShape: [16, 24, 3], options: { block: 8 } },
    { imageShape: [9, 15, 2], options: { block: 3, ratio: 0.5, seed: 2 } },
  ],
  tasks: [{
    name: "cs-block",
    about: `compressed sensing: from random products of blocks of ${TASK_BLOCK} x ${TASK_BLOCK} pixels`,
    kind: "inpainting",
    fixed: { block: TASK_BLOCK },
    form: "values",
    multiple: TASK_BLOCK,
  }],
  defaultsFor: drawn,
});
