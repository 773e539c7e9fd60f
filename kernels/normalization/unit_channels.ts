/** Channels of every pixel brought to length 1. */
import { defineOp, type Dispatch, elementCount, type Op, type Tensor, type TensorType } from "../../engine/mod.ts";
import { f32, floatBits, movedBytes, requireF32, requireFit, requireOneShape, requireValues } from "../operands.ts";
import { rowKernel } from "../text/reduction.ts";
import { rowsOf } from "./softmax.ts";

/** Attributes of `unitChannels`. */
export interface UnitAttrs {
  /** Added to the length of a pixel. */
  readonly eps: number;
}

/** Invocations of a workgroup, and of those that share one pixel. */
const [SIZE, LANES] = [64, 16];

/** Definition of `unitChannels`. */
export const unitChannelsOp: Op<UnitAttrs> = defineOp<UnitAttrs>({
  name: "unitChannels",
  infer(inputs, { eps }): readonly TensorType[] {
    requireF32("unitChannels", inputs, ["x"]);
    const [x] = inputs as readonly [TensorType];
    requireFit("unitChannels", { x }, x.shape.length > 0, "[..., C] is needed");
    requireValues("unitChannels", { eps }, Number.isFinite(eps) && eps >= 0, "a finite number of at least 0 is needed");
    return [f32(x.shape)];
  },
  reference({ inputs, attrs: { eps } }, [x]): readonly Float32Array[] {
    const width = inputs[0]!.shape.at(-1)!;
    const y = new Float32Array(x!.length);
    for (let at = 0; at < y.length; at += width) {
      let squares = 0;
      for (let c = 0; c < width; c++) squares += x![at + c]! ** 2;
      const length = Math.sqrt(squares) + eps;
      for (let c = 0; c < width; c++) y[at + c] = x![at + c]! / length;
    }
    return [y];
  },
  lower: ({ inputs: [x], outputs: [y], attrs: { eps } }, target): readonly Dispatch[] => [
    rowKernel("unitChannels", target, {
      read: { x: x! },
      write: { y: y! },
      params: { eps: floatBits(eps) },
      ...rowsOf(x!),
      size: SIZE,
      lanes: LANES,
      body: ({ each, reduced }) =>
        `${reduced("squares", "x[base + c] * x[base + c]")}
let length = sqrt(squares) + bitcast<f32>(params.eps);
${each("y[base + c] = x[base + c] / length;")}`,
    }),
  ],
  vjp: ({ inputs: [x], attrs: { eps } }, [dy]) => [unitChannelsGradient(x!, dy!, eps)],
  cost: (call) => ({ flops: 3 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[2, 3, 5, 7]], attrs: { eps: 1e-10 } },
    { inputs: [[1, 3, 1, 131]], attrs: { eps: 0.25 } },
  ],
});

/**
 * Every pixel over the length of its channels: y[..., c] = x[..., c] / (sqrt(sum over k of x[..., k]^2) + eps).
 * @param x [..., C], f32
 * @param eps added to the length, at least 0, so that dark pixels stay finite
 * @returns the same shape
 * @throws {TypeError} if x is a single number
 * @throws {RangeError} if eps is negative or not finite
 */
export function unitChannels(x: Tensor, eps: number): Tensor {
  return unitChannelsOp([x], { eps })[0]!;
}

/** Definition of `unitChannelsGradient`. */
export const unitChannelsGradientOp: Op<UnitAttrs> = defineOp<UnitAttrs>({
  name: "unitChannelsGradient",
  infer(inputs): readonly TensorType[] {
    requireF32("unitChannelsGradient", inputs, ["x", "dy"]);
    const [x, dy] = inputs as readonly [TensorType, TensorType];
    requireOneShape("unitChannelsGradient", { x, dy });
    return [f32(x.shape)];
  },
  reference({ inputs, attrs: { eps } }, [x, dy]): readonly Float32Array[] {
    const width = inputs[0]!.shape.at(-1)!;
    const dx = new Float32Array(x!.length);
    for (let at = 0; at < dx.length; at += width) {
      let [squares, product] = [0, 0];
      for (let c = at; c < at + width; c++) {
        squares += x![c]! ** 2;
        product += x![c]! * dy![c]!;
      }
      const root = Math.sqrt(squares);
      const length = root + eps;
      const pull = root > 0 ? product / (root * length) : 0;
      for (let c = at; c < at + width; c++) dx[c] = (dy![c]! - pull * x![c]!) / length;
    }
    return [dx];
  },
  lower: ({ inputs: [x, dy], outputs: [dx], attrs: { eps } }, target): readonly Dispatch[] => [
    rowKernel("unitChannelsGradient", target, {
      read: { x: x!, dy: dy! },
      write: { dx: dx! },
      params: { eps: floatBits(eps) },
      ...rowsOf(x!),
      size: SIZE,
      lanes: LANES,
      type: "vec2f",
      body: ({ each, reduced }) =>
        `${reduced("total", "x[base + c] * vec2f(x[base + c], dy[base + c])")}
let root = sqrt(total.x);
let length = root + bitcast<f32>(params.eps);
var pull = 0.0;
if (root > 0.0) { pull = total.y / (root * length); }
${each("dx[base + c] = (dy[base + c] - pull * x[base + c]) / length;")}`,
    }),
  ],
  cost: (call) => ({ flops: 7 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[2, 3, 5, 7], [2, 3, 5, 7]], attrs: { eps: 1e-10 } },
    { inputs: [[1, 3, 1, 131], [1, 3, 1, 131]], attrs: { eps: 0.25 } },
  ],
});

/**
 * The cotangent of `unitChannels`: with length r of the channels, (dy - x <x, dy> / (r (r + eps))) / (r + eps).
 * @param x what was brought to length 1, [..., C], f32
 * @param dy cotangent of the result, the same shape
 * @param eps as in `unitChannels`
 * @returns the same shape
 * @throws {TypeError} if the shapes differ
 */
export function unitChannelsGradient(x: Tensor, dy: Tensor, eps: number): Tensor {
  return unitChannelsGradientOp([x, dy], { eps })[0]!;
}
