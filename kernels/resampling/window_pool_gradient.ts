/** The cotangent of pooling over windows. */
import {
  type Call,
  defineOp,
  type Dispatch,
  elementCount,
  type Op,
  type Shape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { f32, type Image, movedBytes, requireF32, requireRank, requireShape } from "../operands.ts";
import { elementwise } from "../text/wgsl.ts";

/** Windows of size x size pixels every `stride` pixels, over an image with a border of `padding` pixels. */
export interface PoolWindow {
  /** Side of the window, a positive integer. */
  readonly size: number;
  /** Distance of neighbouring windows, a positive integer. */
  readonly stride: number;
  /** Width of the border, 0 to size / 2; 0 by default. */
  readonly padding?: number;
}

/**
 * What becomes of a window: its greatest value, the mean of its pixels inside the image, or the sum of those over the
 * number of pixels of the whole window, so that the border counts as zeros.
 */
export type Reduction = "max" | "mean" | "mean-with-border";

/** Window and reduction. */
export interface PoolAttrs extends Required<PoolWindow> {
  /** What becomes of a window. */
  readonly reduction: Reduction;
}

/** Attributes of `windowPoolGradient`: those of the pooling, and the shape of its input. */
export interface GradientAttrs extends PoolAttrs {
  /** Shape of the input of the pooling [N, H, W, C]. */
  readonly shape: Shape;
}

function gradientReference({ inputs, attrs }: Call<GradientAttrs>, [dy, x]: readonly Float32Array[]): Float32Array {
  const { size, stride, padding, reduction, shape } = attrs;
  const [, height, width, channels] = shape as Image;
  const [images, rows, columns] = inputs[0]!.shape as Image;
  const sums = new Float64Array(elementCount(shape));
  for (let window = 0; window < images * rows * columns; window++) {
    const line = Math.floor(window / columns);
    const image = Math.floor(line / rows);
    const [top, left] = [(line % rows) * stride - padding, (window % columns) * stride - padding];
    const [bottom, right] = [Math.min(height, top + size), Math.min(width, left + size)];
    const pixels: number[] = [];
    for (let h = Math.max(0, top); h < bottom; h++) {
      for (let w = Math.max(0, left); w < right; w++) pixels.push((image * height + h) * width + w);
    }
    for (let c = 0; c < channels; c++) {
      const given = dy![window * channels + c]!;
      if (reduction === "max") {
        const first = pixels.reduce((a, b) => x![b * channels + c]! > x![a * channels + c]! ? b : a);
        sums[first * channels + c]! += given;
      } else {
        const share = given / (reduction === "mean" ? pixels.length : size * size);
        for (const pixel of pixels) sums[pixel * channels + c]! += share;
      }
    }
  }
  return Float32Array.from(sums);
}

/** What a window gives to pixel (h, w), in WGSL; for the greatest value, whether the pixel is the first that has it. */
const GIVES = {
  "max": `var first = true;
    for (var a = top; a < bottom; a += 1u) {
      for (var b = left; b < right; b += 1u) {
        let other = x[((image * params.height + a) * params.width + b) * params.channels + c];
        let before = a < h || (a == h && b < w);
        if (other > own || (before && other == own)) { first = false; }
      }
    }
    if (first) { sum += given; }`,
  "mean": "sum += given / f32((bottom - top) * (right - left));",
  "mean-with-border": "sum += given / f32(params.size * params.size);",
} as const;

/** Definition of `windowPoolGradient`: the cotangent of the result and, for the greatest value, what was pooled. */
export const windowPoolGradientOp: Op<GradientAttrs> = defineOp<GradientAttrs>({
  name: "windowPoolGradient",
  infer(inputs, { reduction, shape }): readonly TensorType[] {
    requireF32("windowPoolGradient", inputs, reduction === "max" ? ["dy", "x"] : ["dy"]);
    requireRank("windowPoolGradient", "dy", inputs[0]!, 4, "[N, OH, OW, C]");
    requireShape("windowPoolGradient", "x", inputs[1], shape);
    return [f32(shape)];
  },
  reference: (call, inputs) => [gradientReference(call, inputs)],
  // Mapping: an invocation computes one channel of one pixel from all windows that hold it.
  lower({ inputs: [dy, x], outputs, attrs }, target): readonly Dispatch[] {
    const { size, stride, padding, reduction, shape } = attrs;
    const [, height, width, channels] = shape as Image;
    const [, rows, columns] = dy!.shape as Image;
    return [
      elementwise(`windowPoolGradient.${reduction}`, target, {
        read: { dy: dy!, ...(x ? { x } : {}) },
        write: { dx: outputs[0]! },
        params: { size, stride, padding, height, width, channels, rows, columns },
        body: `let pixel = i / params.channels;
let c = i - pixel * params.channels;
let line = pixel / params.width;
let image = line / params.height;
let h = line - image * params.height;
let w = pixel - line * params.width;
${x ? "let own = x[i];" : ""}
let y_end = min((h + params.padding) / params.stride + 1u, params.rows);
let x_end = min((w + params.padding) / params.stride + 1u, params.columns);
let y_start = (max(h + params.padding + 1u, params.size) - params.size + params.stride - 1u) / params.stride;
let x_start = (max(w + params.padding + 1u, params.size) - params.size + params.stride - 1u) / params.stride;
var sum = 0.0;
for (var row = y_start; row < y_end; row += 1u) {
  for (var column = x_start; column < x_end; column += 1u) {
    let top = max(row * params.stride, params.padding) - params.padding;
    let left = max(column * params.stride, params.padding) - params.padding;
    let bottom = min(row * params.stride + params.size - params.padding, params.height);
    let right = min(column * params.stride + params.size - params.padding, params.width);
    let given = dy[((image * params.rows + row) * params.columns + column) * params.channels + c];
    ${GIVES[reduction]}
  }
}
dx[i] = sum;`,
      }),
    ];
  },
  cost: (call) => ({
    flops: elementCount(call.inputs[0]!.shape) * call.attrs.size ** 2,
    bytes: movedBytes(call),
  }),
  examples: [
    {
      inputs: [[2, 3, 4, 5], [2, 7, 9, 5]],
      attrs: { size: 3, stride: 2, padding: 0, reduction: "max", shape: [2, 7, 9, 5] },
    },
    {
      inputs: [[1, 5, 4, 3], [1, 5, 4, 3]],
      attrs: { size: 3, stride: 1, padding: 1, reduction: "max", shape: [1, 5, 4, 3] },
    },
    { inputs: [[2, 6, 7, 3]], attrs: { size: 3, stride: 1, padding: 1, reduction: "mean", shape: [2, 6, 7, 3] } },
    { inputs: [[1, 3, 2, 2]], attrs: { size: 4, stride: 3, padding: 2, reduction: "mean", shape: [1, 8, 5, 2] } },
    {
      inputs: [[2, 5, 6, 7]],
      attrs: { size: 3, stride: 1, padding: 1, reduction: "mean-with-border", shape: [2, 5, 6, 7] },
    },
  ],
});

/**
 * The cotangent of pooling: that of every window goes to the first pixel with its greatest value, or in equal shares to
 * the pixels that its mean is of.
 * @param x what was pooled, [N, H, W, C], f32
 * @param dy cotangent of the result
 * @param attrs the window and the reduction
 * @returns [N, H, W, C]
 * @throws {TypeError} if the shapes do not fit
 */
export function windowPoolGradient(x: Tensor, dy: Tensor, attrs: PoolAttrs): Tensor {
  const inputs = attrs.reduction === "max" ? [dy, x] : [dy];
  return windowPoolGradientOp(inputs, { ...attrs, shape: x.shape })[0]!;
}
