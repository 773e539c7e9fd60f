/** Softmax over the last dimension. */
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
import { movedBytes, requireF32 } from "../operands.ts";
import { flatGrid, kernel } from "../text/wgsl.ts";

/** Invocations of the workgroup that shares one row. */
const SIZE = 64;

/** Combines the 64 values of `shared_values` in a fixed tree; the result stands in its first entry. */
function tree(combine: (a: string, b: string) => string): string {
  return `workgroupBarrier();
for (var half = ${SIZE / 2}u; half > 0u; half = half >> 1u) {
  if (lane < half) { shared_values[lane] = ${combine("shared_values[lane]", "shared_values[lane + half]")}; }
  workgroupBarrier();
}`;
}

/** Definition of `softmax`. */
export const softmaxOp: Op<Record<string, never>> = defineOp<Record<string, never>>({
  name: "softmax",
  infer(inputs): readonly TensorType[] {
    requireF32("softmax", inputs, ["x"]);
    const { shape } = inputs[0]!;
    if (shape.length === 0) throw new TypeError("Cannot build softmax: x has shape [], [..., C] is needed");
    return [{ shape, dtype: "f32" }];
  },
  reference({ inputs }, [x]): readonly Float32Array[] {
    const { shape } = inputs[0]!;
    const width = shape[shape.length - 1]!;
    const y = new Float32Array(x!.length);
    for (let at = 0; at < y.length; at += width) {
      const row = x!.subarray(at, at + width);
      const greatest = row.reduce((a, b) => Math.max(a, b), -Infinity);
      const powers = Float64Array.from(row, (value) => Math.exp(value - greatest));
      const sum = powers.reduce((a, b) => a + b, 0);
      y.set(powers.map((power) => power / sum), at);
    }
    return [y];
  },
  // Mapping: a workgroup of 64 computes one row; an invocation every 64th element. 256 bytes of shared memory.
  lower({ inputs, outputs }, target): readonly Dispatch[] {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const width = x.shape[x.shape.length - 1]!;
    const rows = elementCount(x.shape) / width;
    return [
      kernel({
        label: "softmax",
        read: { x },
        write: { y },
        params: { rows, width },
        workgroupSize: SIZE,
        workgroups: flatGrid(rows, target),
        declarations: `var<workgroup> shared_values: array<f32, ${SIZE}>;`,
        body: `let row = group.y * groups.x + group.x;
if (row >= params.rows) { return; }
let base = row * params.width;
var greatest = -3.0e38;
for (var c = lane; c < params.width; c += ${SIZE}u) { greatest = max(greatest, x[base + c]); }
shared_values[lane] = greatest;
${tree((a, b) => `max(${a}, ${b})`)}
let top = shared_values[0];
workgroupBarrier();
var sum = 0.0;
for (var c = lane; c < params.width; c += ${SIZE}u) { sum += exp(x[base + c] - top); }
shared_values[lane] = sum;
${tree((a, b) => `${a} + ${b}`)}
let share = 1.0 / shared_values[0];
for (var c = lane; c < params.width; c += ${SIZE}u) { y[base + c] = exp(x[base + c] - top) * share; }`,
      }),
    ];
  },
  vjp: ({ outputs: [y] }, [dy]) => [softmaxGradient(y!, dy!)],
  cost: (call) => ({ flops: 5 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[2, 5, 7]], attrs: {} },
    { inputs: [[3, 131]], attrs: {} },
  ],
});

/**
 * Softmax over the last dimension: y[..., c] = exp(x[..., c] - max) / sum over k of exp(x[..., k] - max).
 * @param x [..., C], f32
 * @returns the same shape
 * @throws {TypeError} if x is a single number
 */
export function softmax(x: Tensor): Tensor {
  return softmaxOp([x], {})[0]!;
}

/** Definition of `softmaxGradient`. */
export const softmaxGradientOp: Op<Record<string, never>> = defineOp<Record<string, never>>({
  name: "softmaxGradient",
  infer(inputs): readonly TensorType[] {
    requireF32("softmaxGradient", inputs, ["y", "dy"]);
    const [y, dy] = [inputs[0]!, inputs[1]!];
    if (y.shape.length === 0 || !sameShape(y.shape, dy.shape)) {
      throw new TypeError(
        `Cannot build softmaxGradient: y has shape ${formatShape(y.shape)}, dy has ${formatShape(dy.shape)}, ` +
          `one shape [..., C] is needed`,
      );
    }
    return [{ shape: y.shape, dtype: "f32" }];
  },
  reference({ inputs }, [y, dy]): readonly Float32Array[] {
    const width = inputs[0]!.shape.at(-1)!;
    const dx = new Float32Array(y!.length);
    for (let at = 0; at < dx.length; at += width) {
      let sum = 0;
      for (let c = at; c < at + width; c++) sum += y![c]! * dy![c]!;
      for (let c = at; c < at + width; c++) dx[c] = y![c]! * (dy![c]! - sum);
    }
    return [dx];
  },
  // Mapping: a workgroup of 64 computes one row; an invocation every 64th element. 256 bytes of shared memory.
  lower({ inputs, outputs }, target): readonly Dispatch[] {
    const [y, dy, dx] = [inputs[0]!, inputs[1]!, outputs[0]!];
    const width = y.shape.at(-1)!;
    const rows = elementCount(y.shape) / width;
    return [
      kernel({
        label: "softmaxGradient",
        read: { y, dy },
        write: { dx },
        params: { rows, width },
        workgroupSize: SIZE,
        workgroups: flatGrid(rows, target),
        declarations: `var<workgroup> shared_values: array<f32, ${SIZE}>;`,
        body: `let row = group.y * groups.x + group.x;
if (row >= params.rows) { return; }
let base = row * params.width;
var sum = 0.0;
for (var c = lane; c < params.width; c += ${SIZE}u) { sum += y[base + c] * dy[base + c]; }
shared_values[lane] = sum;
${tree((a, b) => `${a} + ${b}`)}
let mean = shared_values[0];
for (var c = lane; c < params.width; c += ${SIZE}u) { dx[base + c] = y[base + c] * (dy[base + c] - mean); }`,
      }),
    ];
  },
  cost: (call) => ({ flops: 4 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[2, 5, 7], [2, 5, 7]], attrs: {} },
    { inputs: [[3, 131], [3, 131]], attrs: {} },
  ],
});

/**
 * The cotangent of softmax: dx[..., c] = y[..., c] (dy[..., c] - sum over k of y[..., k] dy[..., k]).
 * @param y the result of softmax [..., C], f32
 * @param dy its cotangent, the same shape
 * @returns the same shape
 * @throws {TypeError} if the shapes differ
 */
export function softmaxGradient(y: Tensor, dy: Tensor): Tensor {
  return softmaxGradientOp([y, dy], {})[0]!;
}
