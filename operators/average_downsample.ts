import type { Shape } from "../engine/mod.ts";
import { averagePool, upsampleNearest, weightedSum } from "../kernels/mod.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "./operator.ts";
import { blockMeanSpectrum } from "./separable_operator.ts";

/** Parameters of `averageDownsample`. */
export interface AverageDownsampleOptions {
  /** Side of the averaged blocks in pixels, an integer >= 1. */
  readonly scale: number;
}

/**
 * Measures the mean of every s x s block of every channel: y[i, j] = mean of x[s i .. s i + s - 1, s j .. s j + s - 1].
 * A^+ repeats each value over its block, and A^T = A^+ / s^2, because all singular values are 1 / s.
 * @param imageShape [H, W, C], H and W divisible by the scale
 * @throws {TypeError} if the shape is not that of an image
 * @throws {RangeError} if the scale is not a positive integer that divides H and W
 */
export function averageDownsample(imageShape: Shape, { scale }: AverageDownsampleOptions): LinearOperator {
  if (!Number.isSafeInteger(scale) || scale < 1) {
    throw new RangeError(
      `Cannot build operator "sr_average": the scale is ${scale}, a positive integer is needed; use 2, 4, 8 or 16`,
    );
  }
  const [height, width, channels] = checkImageShape("sr_average", imageShape, scale);
  return linearOperator({
    name: "sr_average",
    imageShape: [height, width, channels],
    measurementShape: [height / scale, width / scale, channels],
    forward: (x) => averagePool(x, scale),
    pseudoInverse: (y) => upsampleNearest(y, scale),
    adjoint: (y) => weightedSum([[1 / scale ** 2, upsampleNearest(y, scale)]]),
    spectral: () => blockMeanSpectrum([height, width, channels], scale),
  });
}
