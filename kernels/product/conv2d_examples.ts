/** Small odd cases of convolutions for the law tests. */
import type { Example, Shape } from "../../engine/mod.ts";
import { halfExample } from "../operands.ts";
import type { Conv2dAttrs } from "./conv2d_attrs.ts";
import { resampledShape } from "./conv2d_input.ts";

const SAME_3X3 = { top: 1, left: 1, bottom: 1, right: 1 };
const NO_PADDING = { top: 0, left: 0, bottom: 0, right: 0 };

/** A 3x3 convolution that keeps the size, with nothing fused into it. */
export const PLAIN: Conv2dAttrs = {
  stride: 1,
  padding: SAME_3X3,
  parts: 1,
  factors: false,
  silu: false,
  resample: "none",
  bias: false,
  shift: "absent",
  residual: "absent",
  statistics: false,
};

/** What a case asks for beyond a convolution of stride 1 with padding that keeps the size. */
type Wishes = Partial<Omit<Conv2dAttrs, "parts">>;

/** A case by the shapes of its parts and its weight; the shapes of all that it adds follow. */
function example(
  parts: readonly Shape[],
  weight: Shape,
  wishes: Wishes,
  precision: "f32" | "f16" = "f32",
): Example<Conv2dAttrs> {
  const attrs: Conv2dAttrs = { ...PLAIN, parts: parts.length, ...wishes };
  const { stride, padding, resample, residual } = attrs;
  const [images = 1, height = 1, width = 1] = resampledShape(parts[0]!, resample);
  const outHeight = Math.floor((height + padding.top + padding.bottom - weight[0]!) / stride) + 1;
  const outWidth = Math.floor((width + padding.left + padding.right - weight[1]!) / stride) + 1;
  const columns = weight[3]!;
  const scale = { none: 1, up: 0.5, down: 2, absent: 0 }[residual];
  const halved = resample === "down" && residual === "down";
  const sides = halved ? parts[0]!.slice(1, 3) : [outHeight * scale, outWidth * scale];
  return {
    inputs: [
      ...parts,
      precision === "f16" ? halfExample(weight) : weight,
      ...(attrs.factors ? [[3, images, weight[2]!]] : []),
      ...(attrs.bias ? [[columns]] : []),
      ...(attrs.shift === "absent" ? [] : [[images, attrs.shift + columns + 2]]),
      ...(residual === "absent" ? [] : [[images, ...sides, columns]]),
    ],
    attrs,
  };
}

/** Plain convolutions, then those with everything that can be fused into one. */
export const EXAMPLES: readonly Example<Conv2dAttrs>[] = [
  example([[1, 5, 7, 3]], [3, 3, 3, 33], { bias: true }),
  example([[2, 6, 18, 33]], [3, 3, 33, 6], { bias: true, residual: "none" }),
  example([[1, 17, 33, 8]], [3, 3, 8, 16], { residual: "none" }),
  example([[1, 4, 4, 12]], [3, 3, 12, 20], { bias: true, residual: "none" }),
  example([[2, 9, 12, 16]], [3, 3, 16, 3], { stride: 2, bias: true }),
  example([[1, 8, 20, 5]], [3, 3, 5, 9], { stride: 2, padding: { top: 0, left: 0, bottom: 1, right: 1 }, bias: true }),
  example([[1, 1, 1, 33]], [3, 3, 33, 6], { bias: true, residual: "none" }),
  example([[1, 6, 11, 16]], [3, 3, 16, 1], { bias: true }),
  example([[2, 7, 5, 6]], [1, 1, 6, 33], { padding: NO_PADDING, bias: true, residual: "none" }),
  example([[1, 6, 7, 16]], [1, 1, 16, 8], { stride: 2, padding: NO_PADDING }),
  example([[1, 9, 8, 4]], [5, 2, 4, 7], { stride: 3, padding: { top: 3, left: 0, bottom: 2, right: 4 }, bias: true }),
  example([[1, 3, 2, 2]], [1, 1, 2, 4], { bias: true }),
  example([[2, 6, 10, 12]], [3, 3, 12, 20], { factors: true, silu: true, bias: true, statistics: true }),
  example([[2, 7, 9, 12], [2, 7, 9, 8]], [3, 3, 20, 33], {
    factors: true,
    silu: true,
    bias: true,
    shift: 5,
    residual: "none",
    statistics: true,
  }),
  example([[1, 3, 5, 9], [1, 3, 5, 7]], [3, 3, 16, 8], { factors: true, resample: "up", bias: true, residual: "up" }),
  example([[2, 4, 6, 16]], [3, 3, 16, 16], {
    factors: true,
    silu: true,
    resample: "up",
    residual: "up",
    statistics: true,
  }),
  example([[2, 10, 12, 8]], [3, 3, 8, 16], {
    factors: true,
    silu: true,
    resample: "down",
    bias: true,
    residual: "down",
    statistics: true,
  }),
  example([[2, 11, 7, 8]], [3, 3, 8, 16], { factors: true, silu: true, resample: "down", residual: "down" }),
  example([[1, 9, 12, 16], [1, 9, 12, 16]], [3, 3, 32, 32], { resample: "down", statistics: true }),
  example([[1, 8, 4, 8], [1, 8, 4, 8]], [3, 3, 16, 4], { silu: true, resample: "down", stride: 2, residual: "none" }),
  example([[2, 3, 5, 8], [2, 3, 5, 12]], [1, 1, 20, 34], { padding: NO_PADDING, bias: true, statistics: true }),
  example([[1, 3, 5, 6], [1, 3, 5, 3]], [1, 1, 9, 8], { padding: NO_PADDING, silu: true, shift: 0 }),
  example([[2, 4, 6, 16]], [1, 1, 16, 40], { padding: NO_PADDING, factors: true, shift: 4, residual: "down" }),
  example([[2, 6, 10, 5]], [3, 3, 5, 20], { bias: true }, "f16"),
  example([[1, 5, 9, 16]], [3, 3, 16, 7], { stride: 2, residual: "none" }, "f16"),
  example([[1, 4, 7, 12], [1, 4, 7, 8]], [3, 3, 20, 32], { factors: true, silu: true, bias: true }, "f16"),
  example([[2, 3, 5, 8], [2, 3, 5, 11]], [1, 1, 19, 34], { padding: NO_PADDING, bias: true }, "f16"),
  example([[1, 5, 6, 3]], [2, 5, 3, 4], { padding: NO_PADDING }, "f16"),
];
