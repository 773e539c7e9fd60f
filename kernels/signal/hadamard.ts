/** The Walsh-Hadamard transform, the measurement of compressed sensing. */
import {
  type Call,
  defineOp,
  type Dispatch,
  elementCount,
  type Op,
  type Shape,
  type Target,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { f32, movedBytes, requireF32, requireFit, requireValues } from "../operands.ts";
import type { None } from "../pointwise/pointwise.ts";
import { elementwise, lines, literal } from "../text/wgsl.ts";

/** Values that one invocation combines in registers: four of the log2(P) steps for one load and one store a value. */
const LARGEST_RADIX = 16;

/** Images, positions and channels of [N, ..., C]. */
function layout(shape: Shape): { readonly images: number; readonly positions: number; readonly channels: number } {
  return {
    images: shape[0]!,
    positions: elementCount(shape.slice(1, -1)),
    channels: shape[shape.length - 1]!,
  };
}

/**
 * One pass over the data: sums and differences of `radix` values that lie `inner` apart, scaled by 1 / sqrt(radix).
 * Mapping: an invocation takes one set of values in registers, neighbouring invocations neighbouring sets; no shared
 * memory.
 */
function pass(x: Tensor, y: Tensor, radix: number, inner: number, target: Target): Dispatch {
  const steps: string[] = [];
  for (let half = 1; half < radix; half *= 2) {
    for (let k = 0; k < radix; k++) {
      if (k & half) continue;
      steps.push(`{ let a = v${k}; let b = v${k + half}; v${k} = a + b; v${k + half} = a - b; }`);
    }
  }
  return elementwise(`hadamard.radix${radix}`, target, {
    read: { x },
    write: { y },
    count: elementCount(x.shape) / radix,
    params: { inner },
    body: `let outer = i / params.inner;
let at = outer * params.inner * ${radix}u + (i - outer * params.inner);
${lines(radix, (k) => `var v${k} = x[at + ${k}u * params.inner];`)}
${steps.join("\n")}
${lines(radix, (k) => `y[at + ${k}u * params.inner] = v${k} * ${literal(1 / Math.sqrt(radix))};`)}`,
  });
}

/** The radices of the passes, their product being the number of positions. */
function radices(positions: number): readonly number[] {
  const passes: number[] = [];
  for (let rest = positions; rest > 1; rest /= passes[passes.length - 1]!) passes.push(Math.min(rest, LARGEST_RADIX));
  return passes;
}

/** Definition of `hadamard`. */
export const hadamardOp: Op<None> = defineOp<None>({
  name: "hadamard",
  infer(inputs): readonly TensorType[] {
    requireF32("hadamard", inputs, ["x"]);
    const { shape } = inputs[0]!;
    requireFit("hadamard", { x: inputs[0] }, shape.length >= 3, "[N, ..., C] is needed");
    const { positions } = layout(shape);
    const isPower = Number.isInteger(Math.log2(positions)) && positions >= 2;
    requireValues("hadamard", { "the number of positions": positions }, isPower, "a power of two from 2 on is needed");
    return [f32(shape)];
  },
  reference({ inputs }, [x]): readonly Float32Array[] {
    const { images, positions, channels } = layout(inputs[0]!.shape);
    const values = Float64Array.from(x!);
    for (let half = 1; half < positions; half *= 2) {
      for (let set = 0; set < images * positions; set += 2 * half) {
        for (let i = set * channels; i < (set + half) * channels; i++) {
          const [a, b] = [values[i]!, values[i + half * channels]!];
          values[i] = a + b;
          values[i + half * channels] = a - b;
        }
      }
    }
    const scale = 1 / Math.sqrt(positions);
    return [Float32Array.from(values, (value) => value * scale)];
  },
  lower({ inputs, outputs }: Call<None>, target): readonly Dispatch[] {
    const { positions, channels } = layout(inputs[0]!.shape);
    const passes = radices(positions);
    const dispatches: Dispatch[] = [];
    let [from, inner] = [inputs[0]!, channels];
    passes.forEach((radix, index) => {
      const to = index === passes.length - 1 ? outputs[0]! : target.scratch(inputs[0]!.shape);
      dispatches.push(pass(from, to, radix, inner, target));
      [from, inner] = [to, inner * radix];
    });
    return dispatches;
  },
  vjp: (_call, [dy]) => [hadamard(dy!)],
  cost: (call) => {
    const { positions } = layout(call.inputs[0]!.shape);
    return { flops: elementCount(call.inputs[0]!.shape) * Math.log2(positions), bytes: movedBytes(call) };
  },
  examples: [
    { inputs: [[2, 8, 4, 3]], attrs: {} },
    { inputs: [[1, 2, 1]], attrs: {} },
    { inputs: [[2, 16, 5]], attrs: {} },
    { inputs: [[1, 64, 32, 2]], attrs: {} },
  ],
});

/**
 * The orthonormal Walsh-Hadamard transform of every image and channel over its P positions in row-major order:
 * y[p] = P^(-1/2) sum over q of (-1)^(number of bits that p and q share) x[q], in natural (Hadamard) order. It is its
 * own inverse.
 * @param x [N, ..., C], f32; the product P of the inner extents is a power of two greater than 1
 * @returns the same shape
 * @throws {TypeError} if x has fewer than three dimensions
 * @throws {RangeError} if P is no power of two
 */
export function hadamard(x: Tensor): Tensor {
  return hadamardOp([x], {})[0]!;
}
