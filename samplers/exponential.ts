/** exp(x) of moderate numbers, from a softmax of two. */
import { constant, elementCount, hostTensor, type Tensor } from "../engine/mod.ts";
import { concatChannels, reshape, sliceChannels, softmax } from "../kernels/mod.ts";

/** The other number of each pair: large against x, so that exp(x) is lost beside it, and small enough for f32. */
const LARGE = 16;

/** Factor between what `scaledExponential` gives and exp(x). */
export const EXPONENTIAL_SCALE = Math.exp(LARGE);

/**
 * exp(x)/EXPONENTIAL_SCALE: the first of softmax(x, 16) = exp(x)/(exp(x) + exp(16)). Its relative error of exp(x - 16)
 * stays below 1e-6 for x up to 2, as for the logarithms of deviations that learned variances make.
 * @param x any shape, f32
 * @returns the same shape
 */
export function scaledExponential(x: Tensor): Tensor {
  const count = elementCount(x.shape);
  const large = constant(hostTensor(new Float32Array(count).fill(LARGE), [count, 1]));
  const pairs = softmax(concatChannels(reshape(x, [count, 1]), large));
  return reshape(sliceChannels(pairs, 0, 1), x.shape);
}
