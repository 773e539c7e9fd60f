/** The algorithms that layers can be tuned to. */
import { CONVOLUTION_ALGORITHMS, CONVOLUTION_VARIANTS } from "./product/conv2d_choice.ts";
import { MATMUL_ALGORITHMS, MATMUL_VARIANTS } from "./product/matmul_choice.ts";
import { MATRIX_ALGORITHM } from "./product/matrix/subgroup_matrix.ts";
import { WEIGHT_FORMS } from "./product/weight_texels.ts";

/** What can be tuned: two operations, and where products on a software adapter have their weights. */
export type TunableOperation = "conv2d" | "matmul" | "weights" | "winogradWeights";

/** Half-precision arithmetic changes results by more than rounding: it must be asked for, however fast it is. */
function keepsPrecision(algorithm: string): boolean {
  return !algorithm.endsWith("-f16");
}

/**
 * By precision of the weights and by operation, the algorithms of which the fastest may be taken: those that compute the same
 * up to rounding in single precision, and where weights are in half precision also those that round the other factors
 * likewise and sum in single precision.
 */
export const TUNABLE_ALGORITHMS: Readonly<
  Record<"f32" | "f16", Readonly<Record<TunableOperation, readonly string[]>>>
> = {
  f32: tunable(keepsPrecision),
  f16: tunable((algorithm) => keepsPrecision(algorithm) || algorithm === MATRIX_ALGORITHM),
};

function tunable(may: (algorithm: string) => boolean): Readonly<Record<TunableOperation, readonly string[]>> {
  return {
    conv2d: [...CONVOLUTION_ALGORITHMS.filter(may), ...CONVOLUTION_VARIANTS],
    matmul: [...MATMUL_ALGORITHMS.filter(may), ...MATMUL_VARIANTS],
    weights: WEIGHT_FORMS,
    winogradWeights: WEIGHT_FORMS,
  };
}
