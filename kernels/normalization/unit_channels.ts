/** Channels of every pixel brought to length 1. */
import {
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  type Op,
  sameShape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { floatBits, movedBytes, requireF32 } from "../operands.ts";
import { flatGrid, kernel } from "../text/wgsl.ts";

/** Invocations of a workgroup, and of the lanes that share one pixel. */
const SIZE = 64;
const LANES = 16;
const PIXELS = SIZE / LANES;

/** Definition of `unitChannels`. */
export const unitChannelsOp: Op<{ readonly eps: number }> = defineOp<{ readonly eps: number }>({
  name: "unitChannels",
  infer(inputs, { eps }): readonly TensorType[] {
    requireF32("unitChannels", inputs, ["x"]);
    const { shape } = inputs[0]!;
    if (shape.length === 0) throw new TypeError("Cannot build unitChannels: x has shape [], [..., C] is needed");
    if (!(Number.isFinite(eps) && eps >= 0)) {
      throw new RangeError(`Cannot build unitChannels: eps is ${eps}, a finite number of at least 0 is needed`);
    }
    return [{ shape, dtype: "f32" }];
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
  // Mapping: 16 lanes share a pixel, a workgroup 4 pixels; sums of squares in a fixed tree. 256 bytes of shared memory.
  lower({ inputs, outputs, attrs: { eps } }, target): readonly Dispatch[] {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const width = x.shape.at(-1)!;
    const rows = elementCount(x.shape) / width;
    return [
      kernel({
        label: "unitChannels",
        read: { x },
        write: { y },
        params: { rows, width, eps: floatBits(eps) },
        workgroupSize: SIZE,
        workgroups: flatGrid(Math.ceil(rows / PIXELS), target),
        declarations: `var<workgroup> partial_sums: array<f32, ${SIZE}>;`,
        body: `let row = (group.y * groups.x + group.x) * ${PIXELS}u + lane / ${LANES}u;
let first = lane % ${LANES}u;
let base = row * params.width;
var squares = 0.0;
if (row < params.rows) {
  for (var c = first; c < params.width; c += ${LANES}u) { squares += x[base + c] * x[base + c]; }
}
partial_sums[lane] = squares;
workgroupBarrier();
for (var half = ${LANES / 2}u; half > 0u; half = half >> 1u) {
  if (first < half) { partial_sums[lane] += partial_sums[lane + half]; }
  workgroupBarrier();
}
if (row >= params.rows) { return; }
let length = sqrt(partial_sums[lane - first]) + bitcast<f32>(params.eps);
for (var c = first; c < params.width; c += ${LANES}u) { y[base + c] = x[base + c] / length; }`,
      }),
    ];
  },
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
export const unitChannelsGradientOp: Op<{ readonly eps: number }> = defineOp<{ readonly eps: number }>({
  name: "unitChannelsGradient",
  infer(inputs): readonly TensorType[] {
    requireF32("unitChannelsGradient", inputs, ["x", "dy"]);
    const [x, dy] = [inputs[0]!, inputs[1]!];
    if (!sameShape(x.shape, dy.shape)) {
      throw new TypeError(
        `Cannot build unitChannelsGradient: x has shape ${formatShape(x.shape)}, dy has ${formatShape(dy.shape)}, ` +
          `one shape [..., C] is needed`,
      );
    }
    return [{ shape: x.shape, dtype: "f32" }];
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
  // Mapping: 16 lanes share a pixel, a workgroup 4 pixels; both sums in a fixed tree. 512 bytes of shared memory.
  lower({ inputs, outputs, attrs: { eps } }, target): readonly Dispatch[] {
    const [x, dy, dx] = [inputs[0]!, inputs[1]!, outputs[0]!];
    const width = x.shape.at(-1)!;
    const rows = elementCount(x.shape) / width;
    return [
      kernel({
        label: "unitChannelsGradient",
        read: { x, dy },
        write: { dx },
        params: { rows, width, eps: floatBits(eps) },
        workgroupSize: SIZE,
        workgroups: flatGrid(Math.ceil(rows / PIXELS), target),
        declarations: `var<workgroup> partial_sums: array<vec2f, ${SIZE}>;`,
        body: `let row = (group.y * groups.x + group.x) * ${PIXELS}u + lane / ${LANES}u;
let first = lane % ${LANES}u;
let base = row * params.width;
var sums = vec2f(0.0);
if (row < params.rows) {
  for (var c = first; c < params.width; c += ${LANES}u) {
    sums += x[base + c] * vec2f(x[base + c], dy[base + c]);
  }
}
partial_sums[lane] = sums;
workgroupBarrier();
for (var half = ${LANES / 2}u; half > 0u; half = half >> 1u) {
  if (first < half) { partial_sums[lane] += partial_sums[lane + half]; }
  workgroupBarrier();
}
if (row >= params.rows) { return; }
let total = partial_sums[lane - first];
let root = sqrt(total.x);
let length = root + bitcast<f32>(params.eps);
var pull = 0.0;
if (root > 0.0) { pull = total.y / (root * length); }
for (var c = first; c < params.width; c += ${LANES}u) { dx[base + c] = (dy[base + c] - pull * x[base + c]) / length; }`,
      }),
    ];
  },
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
