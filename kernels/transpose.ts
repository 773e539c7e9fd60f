/** Matrices with rows and columns exchanged. */
import { defineOp, type Dispatch, formatShape, type Op, type Tensor, type TensorType } from "../engine/mod.ts";
import { movedBytes, requireF32 } from "./operands.ts";
import { elementwise } from "./wgsl.ts";

/** Definition of `transpose`. */
export const transposeOp: Op<Record<string, never>> = defineOp<Record<string, never>>({
  name: "transpose",
  infer(inputs): readonly TensorType[] {
    requireF32("transpose", inputs, ["x"]);
    const { shape } = inputs[0]!;
    if (shape.length < 2) {
      throw new TypeError(`Cannot build transpose: x has shape ${formatShape(shape)}, [..., R, C] is needed`);
    }
    return [{ shape: [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!], dtype: "f32" }];
  },
  reference({ inputs }, [x]): readonly Float32Array[] {
    const [rows, columns] = inputs[0]!.shape.slice(-2) as [number, number];
    const size = rows * columns;
    return [
      Float32Array.from(x!, (_, i) => {
        const [matrix, at] = [Math.floor(i / size), i % size];
        return x![matrix * size + (at % rows) * columns + Math.floor(at / rows)]!;
      }),
    ];
  },
  // Mapping: an invocation moves one element; matrices of operators are transposed once, when a stage is built.
  lower({ inputs, outputs }, target): readonly Dispatch[] {
    const x = inputs[0]!;
    const [rows, columns] = x.shape.slice(-2) as [number, number];
    return [
      elementwise("transpose", target, {
        read: { x },
        write: { y: outputs[0]! },
        params: { rows, columns },
        body: `let line = i / params.rows;
let r = i - line * params.rows;
let matrix = line / params.columns;
let c = line - matrix * params.columns;
y[i] = x[(matrix * params.rows + r) * params.columns + c];`,
      }),
    ];
  },
  vjp: (_call, [dy]) => [transpose(dy!)],
  cost: (call) => ({ flops: 0, bytes: movedBytes(call) }),
  examples: [{ inputs: [[5, 11]], attrs: {} }, { inputs: [[3, 1, 7]], attrs: {} }, {
    inputs: [[2, 2, 6, 4]],
    attrs: {},
  }],
});

/**
 * Matrices with rows and columns exchanged: y[..., c, r] = x[..., r, c].
 * @param x [..., R, C], f32
 * @returns [..., C, R]
 * @throws {TypeError} if x has fewer than two dimensions
 */
export function transpose(x: Tensor): Tensor {
  return transposeOp([x], {})[0]!;
}
