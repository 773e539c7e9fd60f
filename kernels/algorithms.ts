/** The algorithms that layers can be tuned to. */
import { CONVOLUTION_ALGORITHMS, CONVOLUTION_VARIANTS } from "./product/conv2d_choice.ts";
import { MATMUL_ALGORITHMS, MATMUL_VARIANTS } from "./product/matmul_choice.ts";
import { WEIGHT_FORMS } from "./product/weight_texels.ts";

/** What can be tuned: two operations, and where products on a software adapter have their weights. */
type TunableOperation = "conv2d" | "matmul" | "weights" | "winogradWeights";

/** Half-precision arithmetic changes results by more than rounding: it must be asked for, however fast it is. */
function keepsPrecision(algorithm: string): boolean {
  return !algorithm.endsWith("-f16");
}

/** By operation, the algorithms that compute the same up to rounding in single precision, so that the fastest may be taken. */
export const TUNABLE_ALGORITHMS: Readonly<Record<TunableOperation, readonly string[]>> = {
  conv2d: [...CONVOLUTION_ALGORITHMS.filter(keepsPrecision), ...CONVOLUTION_VARIANTS],
  matmul: [...MATMUL_ALGORITHMS.filter(keepsPrecision), ...MATMUL_VARIANTS],
  weights: WEIGHT_FORMS,
  winogradWeights: WEIGHT_FORMS,
};
