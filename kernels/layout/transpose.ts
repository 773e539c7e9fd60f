/** Matrices with rows and columns exchanged. */
import {
  defineOp,
  type Dispatch,
  type Op,
  type Target,
  type Tensor,
  type TensorType,
  wordCount,
} from "../../engine/mod.ts";
import { halfExample, movedBytes, requireFit, requireWeight } from "../operands.ts";
import type { None } from "../pointwise/pointwise.ts";
import { elementwise } from "../text/wgsl.ts";

/** Definition of `transpose`. */
export const transposeOp: Op<None> = defineOp<None>({
  name: "transpose",
  infer(inputs): readonly TensorType[] {
    requireWeight("transpose", inputs, ["x"], "x");
    const { shape, dtype } = inputs[0]!;
    requireFit("transpose", { x: inputs[0] }, shape.length >= 2, "[..., R, C] is needed");
    return [{ shape: [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!], dtype }];
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
  // Mapping: an invocation moves one element, or one word of two; matrices of operators and weights are transposed once,
  // when a stage is built.
  lower: ({ inputs, outputs }, target) => [
    (inputs[0]!.dtype === "f16" ? transposeHalf : transposeWords)(inputs[0]!, outputs[0]!, target),
  ],
  vjp: (_call, [dy]) => [transpose(dy!)],
  cost: (call) => ({ flops: 0, bytes: movedBytes(call) }),
  examples: [
    { inputs: [[5, 11]], attrs: {} },
    { inputs: [[3, 1, 7]], attrs: {} },
    { inputs: [[2, 2, 6, 4]], attrs: {} },
    { inputs: [halfExample([6, 10])], attrs: {} },
    { inputs: [halfExample([2, 5, 7])], attrs: {} },
  ],
});

function transposeWords(x: Tensor, y: Tensor, target: Target): Dispatch {
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  return elementwise("transpose", target, {
    read: { x },
    write: { y },
    params: { rows, columns },
    body: `let line = i / params.rows;
let r = i - line * params.rows;
let matrix = line / params.columns;
let c = line - matrix * params.columns;
y[i] = x[(matrix * params.rows + r) * params.columns + c];`,
  });
}

/** Words hold two rows of a column: those of y take theirs from two columns of x, which are halves of two words. */
function transposeHalf(x: Tensor, y: Tensor, target: Target): Dispatch {
  const [rows, columns] = x.shape.slice(-2) as [number, number];
  return elementwise("transpose.f16", target, {
    read: { x: { tensor: x, type: "u32" } },
    write: { y: { tensor: y, type: "u32" } },
    count: wordCount(y),
    params: { rows, columns, pairs: Math.ceil(columns / 2), wordRows: Math.ceil(rows / 2) },
    body: `let line = i / params.rows;
let r = i - line * params.rows;
let matrix = line / params.pairs;
let c = 2u * (line - matrix * params.pairs);
let at = (matrix * params.wordRows + r / 2u) * params.columns + c;
let shift = 16u * (r % 2u);
let first = (x[at] >> shift) & 0xffffu;
let second = (x[min(at + 1u, arrayLength(&x) - 1u)] >> shift) & 0xffffu;
y[i] = first | select(0u, second << 16u, c + 1u < params.columns);`,
  });
}

/**
 * Matrices with rows and columns exchanged: y[..., c, r] = x[..., r, c].
 * @param x [..., R, C], f32 or f16
 * @returns [..., C, R], the element type of x
 * @throws {TypeError} if x has fewer than two dimensions
 */
export function transpose(x: Tensor): Tensor {
  return transposeOp([x], {})[0]!;
}
