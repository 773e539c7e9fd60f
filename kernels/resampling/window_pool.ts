/** Pooling over windows that may overlap and reach over the border: greatest value or mean. */
import { type Call, elementCount, type Op, type Shape, type Tensor, type TensorType } from "../../engine/mod.ts";
import { type Image, movedBytes, requireRank, requireSizes, requireValues } from "../operands.ts";
import { pointwise, type PointwiseKernel } from "../pointwise/pointwise.ts";
import { type PoolAttrs, type PoolWindow, windowPoolGradient } from "./window_pool_gradient.ts";

function pooledShape([x]: readonly TensorType[], { size, stride, padding }: PoolAttrs): Shape {
  requireRank("windowPool", "x", x!, 4, "[N, H, W, C]");
  requireSizes("windowPool", { size, stride });
  const isBorder = Number.isSafeInteger(padding) && padding >= 0 && 2 * padding <= size;
  requireValues("windowPool", { padding }, isBorder, `an integer from 0 to half the size ${size} is needed`);
  const [images, height, width, channels] = x!.shape as Image;
  const windows = (extent: number): number => Math.floor((extent + 2 * padding - size) / stride) + 1;
  const [rows, columns, least] = [windows(height), windows(width), size - 2 * padding];
  const needed = `at least ${least} x ${least} pixels are needed for windows of ${size} with padding ${padding}`;
  requireValues("windowPool", { "the height": height, "the width": width }, rows >= 1 && columns >= 1, needed);
  return [images, rows, columns, channels];
}

function poolReference({ inputs, outputs, attrs }: Call<PoolAttrs>, x: Float32Array): Float32Array {
  const { size, stride, padding, reduction } = attrs;
  const [, height, width, channels] = inputs[0]!.shape as Image;
  const [images, outHeight, outWidth] = outputs[0]!.shape as Image;
  const y = new Float32Array(elementCount(outputs[0]!.shape));
  const window = new Float64Array(channels);
  let at = 0;
  for (let row = 0; row < images * outHeight; row++) {
    const image = Math.floor(row / outHeight);
    const top = (row % outHeight) * stride - padding;
    for (let column = 0; column < outWidth; column++, at += channels) {
      const left = column * stride - padding;
      window.fill(reduction === "max" ? -Infinity : 0);
      let pixels = 0;
      for (let h = Math.max(0, top); h < Math.min(height, top + size); h++) {
        for (let w = Math.max(0, left); w < Math.min(width, left + size); w++, pixels++) {
          const from = ((image * height + h) * width + w) * channels;
          for (let c = 0; c < channels; c++) {
            const value = x[from + c]!;
            window[c] = reduction === "max" ? Math.max(window[c]!, value) : window[c]! + value;
          }
        }
      }
      const divisor = reduction === "max" ? 1 : reduction === "mean" ? pixels : size * size;
      for (let c = 0; c < channels; c++) y[at + c] = window[c]! / divisor;
    }
  }
  return y;
}

const START = { "max": "-3.4028234663852886e38", "mean": "0.0", "mean-with-border": "0.0" } as const;
const COMBINE = { "max": "max(result, v)", "mean": "result + v", "mean-with-border": "result + v" } as const;
const FINISH = {
  "max": "result",
  "mean": "result / f32((bottom - top) * (right - left))",
  "mean-with-border": "result / f32(params.size * params.size)",
} as const;

/** Definition of the pooling operations. */
export const windowPoolOp: Op<PoolAttrs> = pointwise<PoolAttrs>({
  name: "windowPool",
  inputs: ["x"],
  shape: pooledShape,
  // Mapping: an invocation computes one channel of one pixel of the result; neighbours read neighbouring channels.
  kernel({ inputs: [x], outputs: [y], attrs: { size, stride, padding, reduction } }): PointwiseKernel {
    const [, height, width, channels] = x!.shape as Image;
    const [, outHeight, outWidth] = y!.shape as Image;
    return {
      label: `windowPool.${reduction}`,
      params: { size, stride, padding, height, width, channels, out_height: outHeight, out_width: outWidth },
      body: `let pixel = i / params.channels;
let c = i - pixel * params.channels;
let row = pixel / params.out_width;
let image = row / params.out_height;
let y_first = (row - image * params.out_height) * params.stride;
let x_first = (pixel - row * params.out_width) * params.stride;
let top = max(y_first, params.padding) - params.padding;
let left = max(x_first, params.padding) - params.padding;
let bottom = min(y_first + params.size - params.padding, params.height);
let right = min(x_first + params.size - params.padding, params.width);
var result = ${START[reduction]};
for (var h = top; h < bottom; h += 1u) {
  var at = ((image * params.height + h) * params.width + left) * params.channels + c;
  for (var w = left; w < right; w += 1u) {
    let v = x[at];
    result = ${COMBINE[reduction]};
    at += params.channels;
  }
}
y[i] = ${FINISH[reduction]};`,
    };
  },
  software: { reference: (call, [x]) => [poolReference(call, x!)] },
  gradient: ({ inputs: [x], attrs }, [dy]) => [windowPoolGradient(x!, dy!, attrs)],
  cost: (call) => ({
    flops: elementCount(call.outputs[0]!.shape) * call.attrs.size ** 2,
    bytes: movedBytes(call),
  }),
  examples: [
    { inputs: [[2, 7, 9, 5]], attrs: { size: 3, stride: 2, padding: 0, reduction: "max" } },
    { inputs: [[1, 5, 4, 3]], attrs: { size: 3, stride: 1, padding: 1, reduction: "max" } },
    { inputs: [[2, 6, 7, 3]], attrs: { size: 3, stride: 1, padding: 1, reduction: "mean" } },
    { inputs: [[1, 8, 5, 2]], attrs: { size: 4, stride: 3, padding: 2, reduction: "mean" } },
    { inputs: [[2, 5, 6, 7]], attrs: { size: 3, stride: 1, padding: 1, reduction: "mean-with-border" } },
  ],
});

/**
 * The greatest value of every window; what the border adds does not count.
 * @param x [N, H, W, C], f32
 * @param window size, stride and border
 * @returns [N, OH, OW, C], OH = floor((H + 2 padding - size) / stride) + 1 and OW alike
 * @throws {TypeError} if x has another rank
 * @throws {RangeError} if the window is not one of positive integers, or larger than the image with its border
 */
export function maxPool(x: Tensor, { size, stride, padding = 0 }: PoolWindow): Tensor {
  return windowPoolOp([x], { size, stride, padding, reduction: "max" })[0]!;
}

/**
 * The mean of every window.
 * @param x [N, H, W, C], f32
 * @param window size, stride and border
 * @param countBorder whether the border counts as zeros (PyTorch's `count_include_pad`), or not at all
 * @returns [N, OH, OW, C], OH = floor((H + 2 padding - size) / stride) + 1 and OW alike
 * @throws {TypeError} if x has another rank
 * @throws {RangeError} as `maxPool`
 */
export function meanPool(x: Tensor, { size, stride, padding = 0 }: PoolWindow, countBorder: boolean): Tensor {
  return windowPoolOp([x], { size, stride, padding, reduction: countBorder ? "mean-with-border" : "mean" })[0]!;
}
