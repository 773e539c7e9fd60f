/** Softmax over the last dimension. */
import { defineOp, type Dispatch, elementCount, type Op, type Tensor, type TensorType } from "../engine/mod.ts";
import { movedBytes, requireF32 } from "./operands.ts";
import { flatGrid, kernel } from "./wgsl.ts";

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
