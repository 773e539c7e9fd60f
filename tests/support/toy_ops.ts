/** Three tiny operations for the tests of the engine, which names none itself. */
import {
  type Coefficient,
  defineOp,
  elementCount,
  type OpDef,
  sameShape,
  type Shape,
  type Tensor,
  valueOf,
} from "../../engine/mod.ts";
import { coefficient, elementwise } from "../../kernels/text/wgsl.ts";

const plusOp = defineOp<Record<string, never>>({
  name: "plus",
  infer: ([a, b]) => {
    if (!a || !b || !sameShape(a.shape, b.shape)) {
      throw new TypeError(`Cannot build plus: shapes [${a?.shape}] and [${b?.shape}] differ`);
    }
    return [a];
  },
  reference: (_, [a, b]) => [(a as Float32Array).map((v, i) => v + (b as Float32Array)[i]!)],
  lower: ({ inputs: [a, b], outputs: [y] }, target) => [
    elementwise("plus", target, { read: { a: a!, b: b! }, write: { y: y! }, body: "y[i] = a[i] + b[i];" }),
  ],
  cost: ({ outputs: [y] }) => ({ flops: elementCount(y!.shape), bytes: 12 * elementCount(y!.shape) }),
  examples: [],
});

/** a + b. */
export const plus = (a: Tensor, b: Tensor): Tensor => plusOp([a, b], {})[0]!;

const scaledOp = defineOp<{ factor: Coefficient }>({
  name: "scaled",
  infer: ([x]) => [x!],
  reference: ({ attrs }, [x], scalars) => [x!.map((v) => v * Math.fround(valueOf(attrs.factor, scalars)))],
  lower: ({ inputs: [x], outputs: [y], attrs }, target) => [
    elementwise("scaled", target, {
      read: { x: x! },
      write: { y: y! },
      body: `y[i] = ${coefficient(attrs.factor, target)} * x[i];`,
    }),
  ],
  cost: ({ outputs: [y] }) => ({ flops: elementCount(y!.shape), bytes: 8 * elementCount(y!.shape) }),
  examples: [],
});

/** factor x. */
export const scaled = (x: Tensor, factor: Coefficient): Tensor => scaledOp([x], { factor })[0]!;

const viewedOp = defineOp<{ shape: Shape }>({
  name: "viewed",
  infer: ([x], { shape }) => [{ shape, dtype: x!.dtype }],
  reference: (_, [x]) => [x!],
  lower: () => [],
  cost: () => ({ flops: 0, bytes: 0 }),
  examples: [],
  alias: true,
});

/** The same elements under another shape. */
export const viewed = (x: Tensor, shape: Shape): Tensor => viewedOp([x], { shape })[0]!;

/** An operation whose kernel does not compile, for the test of compiler errors. */
export const broken = defineOp<Record<string, never>>({
  ...(plusOp.definition as OpDef<Record<string, never>>),
  name: "broken",
  infer: ([x]) => [x!],
  lower: ({ inputs: [x], outputs: [y] }, target) => [
    elementwise("broken.kernel", target, { read: { x: x! }, write: { y: y! }, body: "y[i] = nonsense(x[i]);" }),
  ],
});

const costlyOp = defineOp<{ factor: Coefficient }>({
  ...scaledOp.definition,
  name: "costly",
  cost: () => ({ flops: 30e9, bytes: 8 }),
});

/** The same values, at a stated cost so high that a plan with two of them is first run in two submits. */
export const costly = (x: Tensor): Tensor => costlyOp([x], { factor: 1 })[0]!;

const preparedPlusOp = defineOp<Record<string, never>>({
  ...plusOp.definition,
  name: "preparedPlus",
  lower: ({ inputs: [x, weight], outputs: [y] }, target) => {
    const doubled = target.prepared(scaledOp.definition, [weight!], { factor: 2 });
    return [
      elementwise("preparedPlus", target, {
        read: { x: x!, weight: doubled ?? weight! },
        write: { y: y! },
        body: `y[i] = x[i] + ${doubled ? "0.5" : "1.0"} * weight[i];`,
      }),
    ];
  },
});

/** x + weight, by way of the doubled weight where that can be prepared. */
export const preparedPlus = (x: Tensor, weight: Tensor): Tensor => preparedPlusOp([x, weight], {})[0]!;

const timesHalfOp = defineOp<Record<string, never>>({
  name: "timesHalf",
  infer: ([x, weight]) => [{ shape: [weight!.shape[1]!], dtype: x!.dtype }],
  reference: ({ inputs: [x, weight] }, [row, matrix]) => {
    const columns = weight!.shape[1]!;
    const sums = new Float32Array(columns);
    for (let k = 0; k < x!.shape[0]!; k++) {
      for (let n = 0; n < columns; n++) sums[n]! += row![k]! * matrix![k * columns + n]!;
    }
    return [sums];
  },
  lower: ({ inputs: [x, weight], outputs: [y] }, target) => [
    elementwise("timesHalf", target, {
      read: { x: x!, weight: weight! },
      write: { y: y! },
      params: { rows: x!.shape[0]! },
      body: `var sum = 0.0;
for (var k = 0u; k < params.rows; k++) {
  let pair = unpack2x16float(weight[(k / 2u) * params.count + i]);
  sum += x[k] * select(pair.x, pair.y, k % 2u == 1u);
}
y[i] = sum;`,
    }),
  ],
  cost: () => ({ flops: 0, bytes: 4 }),
  examples: [],
});

/** The product of a row x [K] and an f16 matrix [K, N]. */
export const timesHalf = (x: Tensor, weight: Tensor): Tensor => timesHalfOp([x, weight], {})[0]!;

const fourTimesOp = defineOp<Record<string, never>>({
  ...(plusOp.definition as OpDef<Record<string, never>>),
  name: "fourTimes",
  infer: ([x]) => [{ shape: [4, ...x!.shape], dtype: "f32" }],
});

const modestOp = defineOp<Record<string, never>>({
  ...plusOp.definition,
  name: "modest",
  lower: ({ inputs: [x, weight], outputs: [y] }, target) => {
    const prepared = target.prepared(fourTimesOp.definition, [weight!], {}) ??
      target.prepared(scaledOp.definition, [weight!], { factor: 2 }) ?? weight!;
    return [elementwise("modest", target, { read: { x: x!, prepared }, write: { y: y! }, body: "y[i] = x[i];" })];
  },
});

/** An operation that asks for a constant of four times the weight's bytes, and otherwise of as many; to be planned. */
export const modest = (x: Tensor, weight: Tensor): Tensor => modestOp([x, weight], {})[0]!;
