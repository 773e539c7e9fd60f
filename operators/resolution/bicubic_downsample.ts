import type { Shape } from "../../engine/mod.ts";
import type { Parameter, ValuesOf } from "../../parameters/mod.ts";
import { scale } from "../common_parameters.ts";
import { linearEntry, type OperatorEntry, type TaskDefinition } from "../entry.ts";
import { filterMatrix } from "../blur/filter_matrix.ts";
import { checkImageShape, type LinearOperator } from "../operator.ts";
import { separableOperator } from "../blur/separable_operator.ts";
import { factorIn } from "./factor.ts";

const PARAMETERS = {
  scale: scale() as Parameter<number>,
};

/** Keys' parameter of the cubic: a third-order interpolator. */
const CUBIC_A = -0.5;

/** Keys' cubic convolution kernel with a = -1/2, nonzero for |u| < 2. */
export function cubic(u: number): number {
  const d = Math.abs(u);
  if (d <= 1) return ((CUBIC_A + 2) * d - (CUBIC_A + 3)) * d * d + 1;
  if (d < 2) return ((d - 5) * d + 8) * d * CUBIC_A - 4 * CUBIC_A;
  return 0;
}

/**
 * The antialiased bicubic kernel for a reduction, with sum 1. A measured pixel lies midway between two pixels where s is
 * even: k_i = cubic((i - 2 s + 1/2) / s), i = 0 .. 4 s - 1. It lies on a pixel where s is odd:
 * k_i = cubic((i - 2 s + 1) / s), i = 0 .. 4 s - 2.
 * @param scale reduction s
 * @returns 4 s or 4 s - 1 taps
 */
export function bicubicKernel(scale: number): Float64Array {
  const length = 4 * scale - scale % 2;
  const taps = Float64Array.from({ length }, (_, i) => cubic((i - (length - 1) / 2) / scale));
  const sum = taps.reduce((a, b) => a + b, 0);
  return taps.map((tap) => tap / sum);
}

/**
 * Measures the picture reduced by antialiased bicubic resampling (a = -1/2), mirrored at the border with the edge pixel
 * repeated: A(X) = A1 X A1^T per channel, A^+(Y) = P Y P^T with P = A1^+. At even scales equal to the `SRConv` operator
 * published with DDNM and SSD.
 * @param imageShape [H, W, C], H and W divisible by the scale
 */
function build(imageShape: Shape, { scale }: ValuesOf<typeof PARAMETERS>): LinearOperator {
  const taps = bicubicKernel(scale);
  // Row r is centred on column (s - 1) / 2 + r s.
  const start = (scale - 1) / 2 - (taps.length - 1) / 2;
  const filter = { taps, start, stride: scale, boundary: "reflect" } as const;
  return separableOperator(
    "sr_bicubic",
    checkImageShape("sr_bicubic", imageShape, scale),
    (extent) => filterMatrix(extent, filter),
  );
}

/** Enlargement by a whole factor. */
function taskOf(scale: number): TaskDefinition<typeof PARAMETERS> {
  return {
    name: `sr${scale}-bicubic`,
    about: `enlarge x${scale} a picture that was reduced bicubically`,
    kind: "super_resolution",
    fixed: { scale },
    scale,
  };
}

/** Bicubic reduction. */
export const srBicubic: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "sr_bicubic",
  about: "the picture reduced by antialiased bicubic resampling",
  parameters: PARAMETERS,
  build,
  examples: [
    { imageShape: [16, 24, 3], options: { scale: 2 } },
    { imageShape: [32, 48, 3], options: { scale: 4 } },
    { imageShape: [48, 32, 3], options: { scale: 8 } },
    { imageShape: [32, 64, 1], options: { scale: 16 } },
    { imageShape: [15, 9, 1], options: { scale: 3 } },
  ],
  tasks: [2, 4, 8, 16].map(taskOf),
  taskOf: (name) => {
    const scale = factorIn(name, "sr", "-bicubic");
    return Number.isInteger(scale) ? taskOf(scale!) : undefined;
  },
});
