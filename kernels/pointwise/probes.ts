/** Kernels that keep one unit of the adapter busy: their rates are the ceilings that a profile compares others with. */
import {
  defineOp,
  type Dispatch,
  elementCount,
  type Op,
  type Shape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { f32, floatBits, movedBytes, requireF32, requireValues } from "../operands.ts";
import { flatGrid, kernel } from "../text/wgsl.ts";
import { weightedSum } from "./elementwise.ts";
import { type None, pointwise, type PointwiseKernel, shapes } from "./pointwise.ts";

/** Independent chains of an invocation, enough to hide the latency of a multiply-add. */
const CHAINS = 16;

/** Multiply-adds of a chain that stand in the text of one round, so that the loop weighs little. */
const UNROLLED = 4;

/** Chains contract towards 1: the result stays near 1 however long they are. */
const FACTOR = 0.75;
const SUMMAND = 0.25;

/** Definition of `multiplyAdds`. */
export const multiplyAddsOp: Op<{ readonly rounds: number }> = pointwise<{ readonly rounds: number }>({
  name: "multiplyAdds",
  inputs: ["x"],
  shape([x], { rounds }): Shape {
    const isCount = Number.isInteger(rounds) && rounds >= 1 && rounds < 2 ** 32;
    requireValues("multiplyAdds", { rounds }, isCount, "an integer from 1 to 4294967295 is needed");
    return x!.shape;
  },
  // One invocation per element, 16 chains in registers, 64 multiply-adds a round; one load, one store, no shared bytes.
  kernel({ attrs: { rounds } }): PointwiseKernel {
    const chains = Array.from({ length: CHAINS }, (_, chain) => `a${chain}`);
    const step = chains.map((a) => `${a} = fma(${a}, factor, summand);`).join(" ");
    return {
      label: "probe.multiply_adds",
      params: { rounds, factor: floatBits(FACTOR), summand: floatBits(SUMMAND) },
      body: `let factor = bitcast<f32>(params.factor);
let summand = bitcast<f32>(params.summand);
${chains.map((a, chain) => `var ${a} = x[i] + ${chain}.0f;`).join("\n")}
for (var round = 0u; round < params.rounds; round++) {
${Array.from({ length: UNROLLED }, () => step).join("\n")}
}
y[i] = (${chains.join(" + ")}) / ${CHAINS}.0f;`,
    };
  },
  software({ rounds }, value): number {
    const decay = FACTOR ** (UNROLLED * rounds);
    let sum = 0;
    for (let chain = 0; chain < CHAINS; chain++) sum += 1 + (value + chain - 1) * decay;
    return sum / CHAINS;
  },
  gradient: ({ attrs: { rounds } }, [dy]) => [weightedSum([[FACTOR ** (UNROLLED * rounds), dy!]])],
  cost: (call) => ({
    flops: 2 * CHAINS * UNROLLED * call.attrs.rounds * elementCount(call.outputs[0]!.shape),
    bytes: movedBytes(call),
  }),
  examples: [
    { inputs: [[67]], attrs: { rounds: 1 } },
    { inputs: [[2, 5, 7]], attrs: { rounds: 3 } },
  ],
});

/**
 * Many multiply-adds in registers, to measure their rate: the mean of 16 chains a <- 0.75 a + 0.25 of 4 rounds steps.
 * @param x any shape, f32
 * @param rounds 1 or more; 128 rounds operations an element
 * @returns the same shape
 * @throws {RangeError} if rounds is no positive integer
 */
export function multiplyAdds(x: Tensor, rounds: number): Tensor {
  return multiplyAddsOp([x], { rounds })[0]!;
}

/** Values that an invocation copies. */
const COPIES = 16;

/** Definition of `copy`. */
export const copyOp: Op<None> = defineOp<None>({
  name: "copy",
  infer(inputs): readonly TensorType[] {
    requireF32("copy", inputs, ["x"]);
    return [f32(inputs[0]!.shape)];
  },
  reference: (_call, [x]) => [x!.slice()],
  // A workgroup of 64 copies 1,024 values side by side, an invocation 16 of them, 64 apart; no shared bytes.
  lower({ inputs, outputs }, target): readonly Dispatch[] {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const count = elementCount(x.shape);
    // A software adapter gathers the lanes of a vector one by one; a GPU moves 16 bytes an invocation.
    const type = !target.software && count % 4 === 0 ? "vec4f" : "f32";
    const values = type === "f32" ? count : count / 4;
    const copies = Array.from(
      { length: COPIES },
      (_, k) => `if (i + ${64 * k}u < params.count) { y[i + ${64 * k}u] = x[i + ${64 * k}u]; }`,
    );
    return [
      kernel({
        label: "probe.copy",
        read: { x: { tensor: x, type } },
        write: { y: { tensor: y, type } },
        params: { count: values },
        takesParts: true,
        workgroupSize: 64,
        workgroups: flatGrid(Math.ceil(values / (64 * COPIES)), target),
        body: `let i = (group.y * groups.x + group.x) * ${64 * COPIES}u + lane;
${copies.join("\n")}`,
      }),
    ];
  },
  vjp: (_call, [dy]) => [dy],
  cost: (call) => ({ flops: 0, bytes: movedBytes(call) }),
  examples: shapes([[67]], [[3, 40, 50]]),
});

/**
 * The same elements in new memory, to measure how fast memory is read and written.
 * @param x any shape, f32
 * @returns the same shape
 */
export function copy(x: Tensor): Tensor {
  return copyOp([x], {})[0]!;
}
