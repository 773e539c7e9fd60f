/** What shape rules, costs and size parameters of many operations share. */
import {
  byteLength,
  type Call,
  elementCount,
  formatShape,
  type HostTensor,
  hostTensor,
  packHalf,
  type Shape,
  type TensorType,
} from "../engine/mod.ts";

/** Number of inputs, and the element type of each: f32, or f16 too where the operand is named in `halves`. */
function requireTypes(
  op: string,
  inputs: readonly TensorType[],
  names: readonly string[],
  { optional, halves }: { readonly optional: number; readonly halves: readonly string[] },
): void {
  const most = names.length;
  if (inputs.length > most || inputs.length < most - optional) {
    const needed = optional > 0 ? `${most - optional} to ${most}` : `${most}`;
    throw new TypeError(
      `Cannot build ${op}: ${inputs.length} inputs were given, ${needed} are needed (${names.join(", ")})`,
    );
  }
  inputs.forEach(({ dtype }, index) => {
    const name = names[index]!;
    const mayBeHalf = halves.includes(name);
    if (dtype === "f32" || (mayBeHalf && dtype === "f16")) return;
    throw new TypeError(
      `Cannot build ${op}: ${name} holds ${dtype} elements, ${mayBeHalf ? "f32 or f16" : "f32"} is needed`,
    );
  });
}

/**
 * Checks that an operation got the inputs it needs, all of them f32.
 * @param op name of the operation
 * @param inputs the types that were given
 * @param names names of the operands in order; there may be up to `optional` fewer inputs than names
 * @throws {TypeError} naming the operand that is missing or has another element type
 */
export function requireF32(op: string, inputs: readonly TensorType[], names: readonly string[], optional = 0): void {
  requireTypes(op, inputs, names, { optional, halves: [] });
}

/**
 * Checks that an operation got the inputs it needs: f32, and f32 or f16 for the weight.
 * @param op name of the operation
 * @param inputs the types that were given
 * @param names names of the operands in order
 * @param weight name of the operand that may be f16
 * @throws {TypeError} naming the operand that is missing or has another element type
 */
export function requireWeight(
  op: string,
  inputs: readonly TensorType[],
  names: readonly string[],
  weight: string,
): void {
  requireTypes(op, inputs, names, { optional: 0, halves: [weight] });
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

/**
 * Says that an operation has no gradient with respect to an operand, where one is wanted.
 * @param op name of the operation
 * @param operand its name in the operation
 * @param wanted whether it depends on what is differentiated
 * @throws {TypeError} if it does
 */
export function refuseWanted(op: string, operand: string, wanted: boolean | undefined): void {
  if (!wanted) return;
  throw new TypeError(
    `Cannot differentiate ${op} with respect to its ${operand}: it is taken for fixed; make it a constant of the trace`,
  );
}

/** Bytes that a call must move at least: every input read once and every output written once. */
export function movedBytes({ inputs, outputs }: Pick<Call, "inputs" | "outputs">): number {
  return [...inputs, ...outputs].reduce((sum, tensor) => sum + byteLength(tensor), 0);
}

/** The bits of `Math.fround(value)`, to hand a number to a kernel as a size parameter: `bitcast<f32>(params.name)`. */
export function floatBits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}

/**
 * An f16 weight for the examples of an operation: numbers in [-1, 1) that half precision holds exactly, no two
 * neighbours alike.
 * @param shape [..., K, N]
 */
export function halfExample(shape: Shape): HostTensor {
  const values = Float32Array.from({ length: elementCount(shape) }, (_, i) => ((i * 389) % 1021 - 510) / 512);
  return hostTensor(packHalf(values, shape), shape, "f16");
}
