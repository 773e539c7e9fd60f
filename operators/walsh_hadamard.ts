/** Compressed sensing: a share of the Walsh-Hadamard coefficients of every channel. */
import { constant, elementCount, hostTensor, type Shape } from "../engine/mod.ts";
import { hadamard, mul } from "../kernels/mod.ts";
import { draws } from "./draws.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "./operator.ts";

/** Parameters of `walshHadamard`. */
export interface WalshHadamardOptions {
  /** Share of the coefficients that is measured, greater than 0, at most 1; default 0.25. */
  readonly ratio?: number;
  /** Positions of coefficients (natural order), of which the first are measured; default: drawn from the seed. */
  readonly permutation?: ArrayLike<number>;
  /** Decides which coefficients are measured; default 0. */
  readonly seed?: number;
}

/** The numbers 0, ..., count - 1 in random order. */
export function randomPermutation(count: number, seed: number): Uint32Array {
  const { integer } = draws(seed);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = 0; i < count - 1; i++) {
    const j = i + integer(count - i);
    const value = order[j]!;
    order[j] = order[i]!;
    order[i] = value;
  }
  return order;
}

/**
 * Measures the floor(ratio H W) Walsh-Hadamard coefficients of every channel that a permutation puts first, the same
 * for all channels: A x = m * W x with the orthonormal transform W (pixels in row-major order, coefficients in natural
 * order) and a mask m. Measurements have the shape of the image and are 0 where nothing is measured. All singular
 * values are 1, so A^+ = A^T.
 * @param imageShape [H, W, C], H W a power of two
 * @throws {TypeError} if the shape is not that of an image
 * @throws {RangeError} if H W is no power of two, or a parameter is out of range
 */
export function walshHadamard(
  imageShape: Shape,
  { ratio = 0.25, permutation, seed = 0 }: WalshHadamardOptions = {},
): LinearOperator {
  const [height, width, channels] = checkImageShape("cs_hadamard", imageShape);
  const pixels = height * width;
  if (pixels < 2 || !Number.isInteger(Math.log2(pixels))) {
    throw new RangeError(
      `Cannot build operator "cs_hadamard": the image has ${height} x ${width} pixels, ` +
        `sides whose product is a power of two are needed; crop or resize it`,
    );
  }
  if (!(ratio > 0 && ratio <= 1)) {
    throw new RangeError(
      `Cannot build operator "cs_hadamard": the ratio is ${ratio}, a number greater than 0 and at most 1 is needed; ` +
        `use 0.25`,
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
  const kept = hostTensor(
    Float32Array.from({ length: elementCount(shape) }, (_, i) => mask[Math.floor(i / channels)]!),
    shape,
  );
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
