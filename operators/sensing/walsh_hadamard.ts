/** Compressed sensing: a share of the Walsh-Hadamard coefficients of every channel. */
import { constant, type Shape } from "../../engine/mod.ts";
import { hadamard, mul } from "../../kernels/mod.ts";
import type { Parameter, ValuesOf } from "../../parameters/mod.ts";
import { drawn, numbers, ratio, seed } from "../common_parameters.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { randomPermutation } from "../draws.ts";
import { pixelValues } from "../layout.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "../operator.ts";

const PARAMETERS = {
  ratio: ratio() as Parameter<number>,
  seed: seed("which coefficients are measured") as Parameter<number>,
  permutation: numbers(
    "positions of coefficients (natural order), of which the first are measured; else they are drawn",
  ) as Parameter<ArrayLike<number> | undefined>,
};

/**
 * Measures the floor(ratio H W) Walsh-Hadamard coefficients of every channel that a permutation puts first, the same
 * for all channels: A x = m * W x with the orthonormal transform W (pixels in row-major order, coefficients in natural
 * order) and a mask m. Measurements have the shape of the image and are 0 where nothing is measured. All singular
 * values are 1, so A^+ = A^T.
 * @throws {TypeError} if the shape is not that of an image
 * @throws {RangeError} if H W is no power of two, or the permutation does not fit
 */
function build(imageShape: Shape, { ratio, permutation, seed }: ValuesOf<typeof PARAMETERS>): LinearOperator {
  const [height, width, channels] = checkImageShape("cs_hadamard", imageShape);
  const pixels = height * width;
  if (pixels < 2 || !Number.isInteger(Math.log2(pixels))) {
    throw new RangeError(
      `Cannot build operator "cs_hadamard": the image has ${height} x ${width} pixels, ` +
        `sides whose product is a power of two are needed; crop or resize it`,
    );
  }
  const order = permutation ?? randomPermutation(pixels, seed);
  const count = Math.max(1, Math.floor(ratio * pixels));
  const mask = new Float32Array(pixels);
  for (let i = 0; i < count; i++) {
    const place = order[i];
    if (place === undefined || !Number.isSafeInteger(place) || place < 0 || place >= pixels || mask[place] === 1) {
      throw new RangeError(
        `Cannot build operator "cs_hadamard": the permutation holds ${place} at ${i}, ` +
          `every position from 0 to ${pixels - 1} is needed once; leave it out`,
      );
    }
    mask[place] = 1;
  }
  const shape = [height, width, channels];
  const kept = pixelValues(shape, (row, column) => mask[row * width + column]!);
  const back: LinearOperator["adjoint"] = (y) => hadamard(mul(y, constant(kept)));
  return linearOperator({
    name: "cs_hadamard",
    imageShape: shape,
    measurementShape: shape,
    forward: (x) => mul(hadamard(x), constant(kept)),
    pseudoInverse: back,
    adjoint: back,
    spectral: () => ({
      singularValues: kept,
      toSpectrum: hadamard,
      fromSpectrum: hadamard,
      toMeasurement: (c) => mul(c, constant(kept)),
      fromMeasurement: (y) => mul(y, constant(kept)),
    }),
  });
}

/** Walsh-Hadamard coefficients. */
export const csHadamard: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "cs_hadamard",
  about: "a share of the Walsh-Hadamard coefficients of every channel",
  parameters: PARAMETERS,
  build,
  examples: [
    { imageShape: [16, 32, 3], options: {} },
    { imageShape: [8, 4, 1], options: { ratio: 0.6, seed: 4 } },
  ],
  tasks: [{
    name: "cs",
    about: "compressed sensing: from a share of the Walsh-Hadamard coefficients (sides: powers of two)",
    kind: "inpainting",
    form: "values",
  }],
  defaultsFor: drawn,
});
