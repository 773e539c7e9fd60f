/** Repetition over leading dimensions, and its adjoint: the sum of the repetitions. */
import {
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  type Op,
  sameShape,
  type Shape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { arePositive, f32, movedBytes, requireF32, requireFit } from "../operands.ts";
import { pointwise } from "../pointwise/pointwise.ts";
import { rowKernel } from "../text/reduction.ts";
import { elementwise } from "../text/wgsl.ts";

/** Invocations of the workgroup that sums one element where there are many repetitions of few. */
const SIZE = 256;

/** Whether `part`, without its leading extents of 1, is the trailing part of `whole`. */
export function repeatsOver(whole: Shape, part: Shape): boolean {
  const first = part.findIndex((extent) => extent !== 1);
  const core = first < 0 ? [] : part.slice(first);
  return sameShape(whole.slice(Math.max(0, whole.length - core.length)), core);
}

/** A shape that the result takes. */
export interface ShapeAttrs {
  /** Extents of the result, outermost first. */
  readonly shape: Shape;
}

function requireRepeats(name: string, x: TensorType, shape: Shape, [whole, part]: readonly [Shape, Shape]): void {
  const needed = `the result shall have ${formatShape(shape)}; ${formatShape(part)} is not the trailing part of ` +
    formatShape(whole);
  requireFit(name, { x }, arePositive(shape) && repeatsOver(whole, part), needed);
}

/** Definition of `sumRepeats`. */
export const sumRepeatsOp: Op<ShapeAttrs> = defineOp<ShapeAttrs>({
  name: "sumRepeats",
  infer(inputs, { shape }): readonly TensorType[] {
    requireF32("sumRepeats", inputs, ["x"]);
    requireRepeats("sumRepeats", inputs[0]!, shape, [inputs[0]!.shape, shape]);
    return [f32(shape)];
  },
  reference({ attrs: { shape } }, [x]): readonly Float32Array[] {
    const period = elementCount(shape);
    return [
      Float32Array.from({ length: period }, (_, i) => {
        let sum = 0;
        for (let at = i; at < x!.length; at += period) sum += x![at]!;
        return sum;
      }),
    ];
  },
  // Mapping: an invocation sums the repetitions of one element; where there are many of few, a workgroup of 256 does,
  // its sums added in a fixed tree.
  lower({ inputs, outputs }, target): readonly Dispatch[] {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const period = elementCount(y.shape);
    const repeats = elementCount(x.shape) / period;
    if (period >= 1024 || repeats < SIZE) {
      return [
        elementwise("sumRepeats.each", target, {
          read: { x },
          write: { y },
          params: { repeats },
          body: `var sum = 0.0;
for (var r = 0u; r < params.repeats; r++) { sum += x[r * params.count + i]; }
y[i] = sum;`,
        }),
      ];
    }
    return [
      rowKernel("sumRepeats.tree", target, {
        read: { x },
        write: { y },
        rows: period,
        width: repeats,
        size: SIZE,
        body: ({ reduced }) =>
          `${reduced("sum", "x[c * params.rows + row]")}
if (lane == 0u && row < params.rows) { y[row] = sum; }`,
      }),
    ];
  },
  vjp: ({ inputs }, [dy]) => [repeatOver(dy!, inputs[0]!.shape)],
  cost: (call) => ({ flops: elementCount(call.inputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[3, 5, 7]], attrs: { shape: [1, 5, 7] } },
    { inputs: [[337, 3]], attrs: { shape: [3] } },
    { inputs: [[67]], attrs: { shape: [1] } },
  ],
});

/**
 * The sum over the leading dimensions: the adjoint of a repetition.
 * @param x any shape, f32
 * @param shape the trailing part of x; leading extents of 1 are ignored
 * @returns that shape
 * @throws {TypeError} if it is not the trailing part of x
 */
export function sumRepeats(x: Tensor, shape: Shape): Tensor {
  return sumRepeatsOp([x], { shape })[0]!;
}

/** Definition of `repeatOver`. */
export const repeatOverOp: Op<ShapeAttrs> = pointwise<ShapeAttrs>({
  name: "repeatOver",
  inputs: ["x"],
  shape([x], { shape }): Shape {
    requireRepeats("repeatOver", x!, shape, [shape, x!.shape]);
    return shape;
  },
  kernel: ({ inputs: [x] }) => ({
    params: { period: elementCount(x!.shape) },
    body: "y[i] = x[i % params.period];",
  }),
  software: {
    reference: ({ attrs: { shape } }, [x]) => [
      Float32Array.from({ length: elementCount(shape) }, (_, i) => x![i % x!.length]!),
    ],
  },
  gradient: ({ inputs }, [dy]) => [sumRepeats(dy!, inputs[0]!.shape)],
  flops: 0,
  examples: [
    { inputs: [[1, 5, 7]], attrs: { shape: [3, 5, 7] } },
    { inputs: [[3]], attrs: { shape: [67, 3] } },
  ],
});

/**
 * The repetition over leading dimensions.
 * @param x any shape, f32; leading extents of 1 are ignored
 * @param shape a shape whose trailing part is that of x
 * @returns that shape
 * @throws {TypeError} if x is not its trailing part
 */
export function repeatOver(x: Tensor, shape: Shape): Tensor {
  return repeatOverOp([x], { shape })[0]!;
}
