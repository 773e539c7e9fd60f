/** Channels of every pixel brought to length 1. */
import { defineOp, type Dispatch, elementCount, type Op, type Tensor, type TensorType } from "../engine/mod.ts";
import { floatBits, movedBytes, requireF32 } from "./operands.ts";
import { flatGrid, kernel } from "./wgsl.ts";

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
