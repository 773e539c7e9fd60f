/** High dynamic range: a picture whose brightness exceeds what the sensor can tell. */
import type { Shape } from "../engine/mod.ts";
import { clamp, weightedSum } from "../kernels/mod.ts";
import { checkImageShape, type NonlinearOperator, nonlinearOperator } from "./operator.ts";

/** Parameters of `highDynamicRange`. */
export interface HighDynamicRangeOptions {
  /** How far the exposure exceeds the range, greater than 0; default 2. */
  readonly gain?: number;
}

/**
 * Clips an overexposed picture: y = clamp(gain x, -1, 1) (Zhang et al., Improving Diffusion Inverse Problem Solving with
 * Decoupled Noise Annealing, 2024).
 * @param imageShape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image
 * @throws {RangeError} if the gain is not greater than 0
 */
export function highDynamicRange(imageShape: Shape, { gain = 2 }: HighDynamicRangeOptions = {}): NonlinearOperator {
  const shape = checkImageShape("hdr", imageShape);
  if (!(gain > 0 && Number.isFinite(gain))) {
    throw new RangeError(
      `Cannot build operator "hdr": the gain is ${gain}, a number greater than 0 is needed; use 2`,
    );
  }
  return nonlinearOperator({
    name: "hdr",
    imageShape: shape,
    measurementShape: shape,
    forward: (x) => clamp(weightedSum([[gain, x]]), -1, 1),
    estimate: (y) => weightedSum([[1 / gain, y]]),
  });
}
