/** What shape rules, costs and size parameters of many operations share. */
import { byteLength, type Call, formatShape, type TensorType } from "../engine/mod.ts";

/**
 * Checks that an operation got the inputs it needs, all of them f32.
 * @param op name of the operation
 * @param inputs the types that were given
 * @param names names of the operands in order; there may be up to `optional` fewer inputs than names
 * @throws {TypeError} naming the operand that is missing or has another element type
 */
export function requireF32(op: string, inputs: readonly TensorType[], names: readonly string[], optional = 0): void {
  const most = names.length;
  if (inputs.length > most || inputs.length < most - optional) {
    const needed = optional > 0 ? `${most - optional} to ${most}` : `${most}`;
    throw new TypeError(
      `Cannot build ${op}: ${inputs.length} inputs were given, ${needed} are needed (${names.join(", ")})`,
    );
  }
  inputs.forEach((input, index) => {
    if (input.dtype !== "f32") {
      throw new TypeError(`Cannot build ${op}: ${names[index]} holds ${input.dtype} elements, f32 is needed`);
    }
  });
}

/**
 * Checks the rank of an operand.
 * @param layout its dimensions in words, such as `[N, H, W, C]`
 * @throws {TypeError} if the rank is another one
 */
export function requireRank(op: string, name: string, type: TensorType, rank: number, layout: string): void {
  if (type.shape.length !== rank) {
    throw new TypeError(`Cannot build ${op}: ${name} has shape ${formatShape(type.shape)}, ${layout} is needed`);
  }
}

/** Bytes that a call must move at least: every input read once and every output written once. */
export function movedBytes({ inputs, outputs }: Pick<Call, "inputs" | "outputs">): number {
  return [...inputs, ...outputs].reduce((sum, tensor) => sum + byteLength(tensor), 0);
}

/** The bits of `Math.fround(value)`, to hand a number to a kernel as a size parameter: `bitcast<f32>(params.name)`. */
export function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}
