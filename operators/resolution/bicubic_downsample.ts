import type { Shape } from "../../engine/mod.ts";
import { integer, type Parameter, required, type ValuesOf } from "../../parameters/mod.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { filterMatrix } from "../blur/filter_matrix.ts";
import { checkImageShape, type LinearOperator } from "../operator.ts";
import { separableOperator } from "../blur/separable_operator.ts";

const PARAMETERS = {
  /** An even integer: with 4 s taps, only then does a row lie midway between two taps. */
  scale: required<number>(
    integer(undefined, { min: 2, parity: "even", programsOnly: true }, "reduction along each side"),
  ) as Parameter<number>,
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
 * The antialiased bicubic kernel for a reduction: k_i = cubic((i - 2 s + 1/2) / s), i = 0 .. 4 s - 1, with sum 1.
 * @param scale reduction s
 * @returns 4 s taps
 */
export function bicubicKernel(scale: number): Float64Array {
  const taps = Float64Array.from({ length: 4 * scale }, (_, i) => cubic((i - 2 * scale + 0.5) / scale));
  const sum = taps.reduce((a, b) => a + b, 0);
  return taps.map((tap) => tap / sum);
}

/**
 * Measures the picture reduced by antialiased bicubic resampling (a = -1/2), mirrored at the border with the edge pixel
 * repeated: A(X) = A1 X A1^T per channel, A^+(Y) = P Y P^T with P = A1^+. Equal to the `SRConv` operator published with
 * DDNM and SSD.
 * @param imageShape [H, W, C], H and W divisible by the scale
 */
function build(imageShape: Shape, { scale }: ValuesOf<typeof PARAMETERS>): LinearOperator {
  const taps = bicubicKernel(scale);
  // Row r is centred on columns floor(s / 2) + r s - 1/2, so tap 0 lies 2 s columns before floor(s / 2) + r s.
  const filter = { taps, start: scale / 2 - 2 * scale, stride: scale, boundary: "reflect" } as const;
  return separableOperator(
    "sr_bicubic",
    checkImageShape("sr_bicubic", imageShape, scale),
    (extent) => filterMatrix(extent, filter),
  );
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
  ],
  tasks: [2, 4, 8, 16].map((scale) => ({
    name: `sr${scale}-bicubic`,
    about: `enlarge x${scale} a picture that was reduced bicubically`,
    kind: "super_resolution",
    fixed: { scale },
    scale,
  })),
});
