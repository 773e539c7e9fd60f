/** Kernels that keep one unit of the adapter busy: their rates are the ceilings that a profile compares others with. */
import { defineOp, type Dispatch, elementCount, type Op, type Tensor, type TensorType } from "../../engine/mod.ts";
import { floatBits, movedBytes, requireF32 } from "../operands.ts";
import { elementwise, flatGrid, kernel } from "../text/wgsl.ts";
import { weightedSum } from "./elementwise.ts";

/** Independent chains of an invocation, enough to hide the latency of a multiply-add. */
const CHAINS = 16;

/** Multiply-adds of a chain that stand in the text of one round, so that the loop weighs little. */
const UNROLLED = 4;

/** Chains contract towards 1: the result stays near 1 however long they are. */
const FACTOR = 0.75;
const SUMMAND = 0.25;

/** Definition of `multiplyAdds`. */
export const multiplyAddsOp: Op<{ readonly rounds: number }> = defineOp<{ readonly rounds: number }>({
  name: "multiplyAdds",
  infer(inputs, { rounds }): readonly TensorType[] {
    requireF32("multiplyAdds", inputs, ["x"]);
    if (!Number.isInteger(rounds) || rounds < 1 || rounds >= 2 ** 32) {
      throw new RangeError(`Cannot build multiplyAdds: rounds is ${rounds}, an integer from 1 to 4294967295 is needed`);
    }
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference({ attrs: { rounds } }, [x]): readonly Float32Array[] {
    const decay = FACTOR ** (UNROLLED * rounds);
    return [x!.map((value) => {
      let sum = 0;
      for (let chain = 0; chain < CHAINS; chain++) sum += 1 + (value + chain - 1) * decay;
      return sum / CHAINS;
    })];
  },
  // One invocation per element, 16 chains in registers, 64 multiply-adds a round; one load, one store, no shared bytes.
  lower({ inputs, outputs, attrs: { rounds } }, target): readonly Dispatch[] {
    const chains = Array.from({ length: CHAINS }, (_, chain) => `a${chain}`);
    const step = chains.map((a) => `${a} = fma(${a}, factor, summand);`).join(" ");
    return [
      elementwise("probe.multiply_adds", target, {
        read: { x: inputs[0]! },
        write: { y: outputs[0]! },
        params: { rounds, factor: floatBits(FACTOR), summand: floatBits(SUMMAND) },
        body: `let factor = bitcast<f32>(params.factor);
let summand = bitcast<f32>(params.summand);
${chains.map((a, chain) => `var ${a} = x[i] + ${chain}.0f;`).join("\n")}
for (var round = 0u; round < params.rounds; round++) {
${Array.from({ length: UNROLLED }, () => step).join("\n")}
}
y[i] = (${chains.join(" + ")}) / ${CHAINS}.0f;`,
      }),
    ];
  },
  vjp: ({ attrs: { rounds } }, [dy]) => [weightedSum([[FACTOR ** (UNROLLED * rounds), dy!]])],
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
export const copyOp: Op<Record<string, never>> = defineOp<Record<string, never>>({
  name: "copy",
  infer(inputs): readonly TensorType[] {
    requireF32("copy", inputs, ["x"]);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
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
        workgroupSize: 64,
        workgroups: flatGrid(Math.ceil(values / (64 * COPIES)), target),
        body: `let i = (group.y * groups.x + group.x) * ${64 * COPIES}u + lane;
${copies.join("\n")}`,
      }),
    ];
  },
  vjp: (_call, [dy]) => [dy],
  cost: (call) => ({ flops: 0, bytes: movedBytes(call) }),
  examples: [
    { inputs: [[67]], attrs: {} },
    { inputs: [[3, 40, 50]], attrs: {} },
  ],
});

/**
 * The same elements in new memory, to measure how fast memory is read and written.
 * @param x any shape, f32
 * @returns the same shape
 */
export function copy(x: Tensor): Tensor {
  return copyOp([x], {})[0]!;
}
