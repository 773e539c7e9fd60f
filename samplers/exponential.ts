/** exp(x) of moderate numbers, from a softmax beside a large one. */
import { constant, elementCount, hostTensor, type Tensor } from "../engine/mod.ts";
import { concatChannels, reshape, sliceChannels, softmax } from "../kernels/mod.ts";

/** The last number of each row: so large that the exponentials of all others are lost beside its own. */
const LARGE = 24;

/** Factor between what `scaledExponential` gives and exp(x). */
export const EXPONENTIAL_SCALE = Math.exp(LARGE);

/**
 * exp(x)/EXPONENTIAL_SCALE: softmax(x_1, ..., x_n, 24) is exp(x_i)/(exp(24) + sum of exp(x_j)), and the sum is a 10^-6 of
 * exp(24) at most for rows of 3000 numbers up to 2, as logarithms of deviations are that learned variances make. A row
 * is one of an image, [W, C], as a softmax takes rows quickly.
 * @param x [..., W, C], f32
 * @returns the same shape
 */
export function scaledExponential(x: Tensor): Tensor {
  const width = elementCount(x.shape.slice(-2));
  const rows = elementCount(x.shape) / width;
  const large = constant(hostTensor(new Float32Array(rows).fill(LARGE), [rows, 1]));
  const shares = softmax(concatChannels(reshape(x, [rows, width]), large));
  return reshape(sliceChannels(shares, 0, width), x.shape);
}
