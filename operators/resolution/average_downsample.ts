import type { Shape } from "../../engine/mod.ts";
import { averagePool, upsampleNearest, weightedSum } from "../../kernels/mod.ts";
import type { Parameter, ValuesOf } from "../../parameters/mod.ts";
import { scale } from "../common_parameters.ts";
import { linearEntry, type OperatorEntry, type TaskDefinition } from "../entry.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "../operator.ts";
import { blockMeanSvd } from "../blur/separable_operator.ts";
import { factorIn } from "./factor.ts";

const PARAMETERS = { scale: scale() as Parameter<number> };

/**
 * Measures the mean of every s x s block of every channel: y[i, j] = mean of x[s i .. s i + s - 1, s j .. s j + s - 1].
 * A^+ repeats each value over its block, and A^T = A^+ / s^2, because all singular values are 1 / s.
 * @param imageShape [H, W, C], H and W divisible by the scale
 * @throws {TypeError} if the shape is not that of an image
 * @throws {RangeError} if the scale does not divide H and W
 */
export function averageDownsample(imageShape: Shape, { scale }: ValuesOf<typeof PARAMETERS>): LinearOperator {
  const [height, width, channels] = checkImageShape("sr_average", imageShape, scale);
  return linearOperator({
    name: "sr_average",
    imageShape: [height, width, channels],
    measurementShape: [height / scale, width / scale, channels],
    forward: (x) => averagePool(x, scale),
    pseudoInverse: (y) => upsampleNearest(y, scale),
    adjoint: (y) => weightedSum([[1 / scale ** 2, upsampleNearest(y, scale)]]),
    spectral: () => blockMeanSvd([height, width, channels], scale),
  });
}

/** Enlargement by a whole factor. */
function taskOf(scale: number): TaskDefinition<typeof PARAMETERS> {
  return {
    name: `sr${scale}`,
    about: `enlarge x${scale} a picture whose pixels are means of ${scale}x${scale} pixels`,
    kind: "super_resolution",
    fixed: { scale },
    scale,
    isLocal: true,
  };
}

/** Means of blocks. */
export const srAverage: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "sr_average",
  about: "the mean of every block of scale x scale pixels",
  parameters: PARAMETERS,
  build: averageDownsample,
  examples: [
    { imageShape: [16, 24, 3], options: { scale: 2 } },
    { imageShape: [32, 48, 3], options: { scale: 16 } },
    { imageShape: [15, 9, 1], options: { scale: 3 } },
  ],
  tasks: [2, 4, 8, 16].map(taskOf),
  taskOf: (name) => {
    const scale = factorIn(name, "sr");
    return Number.isInteger(scale) ? taskOf(scale!) : undefined;
  },
});
