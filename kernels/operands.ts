/** What shape rules, costs and size parameters of many operations share. */
import {
  byteLength,
  type Call,
  elementCount,
  formatShape,
  type HostTensor,
  hostTensor,
  packHalf,
  sameShape,
  type Shape,
  type TensorType,
} from "../engine/mod.ts";

/** Shape of images: [N, H, W, C]. */
export type Image = readonly [images: number, height: number, width: number, channels: number];

/** The type of an f32 tensor. */
export function f32(shape: Shape): TensorType {
  return { shape, dtype: "f32" };
}

/** Values by their names, in order. */
export function byName<T>(names: readonly string[], values: readonly T[]): Record<string, T> {
  return Object.fromEntries(values.map((value, index) => [names[index]!, value]));
}

/**
 * Checks that an operation got the inputs it needs, all of them f32.
 * @param op name of the operation
 * @param inputs the types that were given
 * @param names names of the operands in order; there may be up to `optional` fewer inputs than names
 * @param half name of the operand that may be f16, if there is one
 * @throws {TypeError} naming the operand that is missing or has another element type
 */
export function requireF32(
  op: string,
  inputs: readonly TensorType[],
  names: readonly string[],
  optional = 0,
  half?: string,
): void {
  const most = names.length;
  if (inputs.length > most || inputs.length < most - optional) {
    const needed = optional > 0 ? `${most - optional} to ${most}` : `${most}`;
    throw new TypeError(
      `Cannot build ${op}: ${inputs.length} inputs were given, ${needed} are needed (${names.join(", ")})`,
    );
  }
  for (const [name, { dtype }] of Object.entries(byName(names, inputs))) {
    if (dtype === "f32" || (name === half && dtype === "f16")) continue;
    const needed = name === half ? "f32 or f16" : "f32";
    throw new TypeError(`Cannot build ${op}: ${name} holds ${dtype} elements, ${needed} is needed`);
  }
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
  requireF32(op, inputs, names, 0, weight);
}

/**
 * Checks the shapes of operands.
 * @param operands those that the condition is about, by their names
 * @param fits whether they fit
 * @param needed what is needed, to end the sentence
 * @throws {TypeError} naming the shapes if they do not fit
 */
export function requireFit(
  op: string,
  operands: Readonly<Record<string, TensorType | undefined>>,
  fits: boolean,
  needed: string,
): void {
  if (fits) return;
  const found = Object.entries(operands).filter(([, type]) => type !== undefined)
    .map(([name, type], index) => `${name} ${index === 0 ? "has shape " : ""}${formatShape(type!.shape)}`);
  throw new TypeError(`Cannot build ${op}: ${listed(found)}, ${needed}`);
}

/**
 * Checks that operands have one shape.
 * @throws {TypeError} naming the shapes if they differ
 */
export function requireOneShape(op: string, operands: Readonly<Record<string, TensorType>>): void {
  const shapes = Object.values(operands).map(({ shape }) => shape);
  requireFit(op, operands, shapes.every((shape) => sameShape(shape, shapes[0]!)), "one shape is needed");
}

/**
 * Checks the shape of an operand, if it is there.
 * @throws {TypeError} if the shape is another one
 */
export function requireShape(op: string, name: string, type: TensorType | undefined, shape: Shape): void {
  requireFit(op, { [name]: type }, !type || sameShape(type.shape, shape), `${formatShape(shape)} is needed`);
}

/**
 * Checks the rank of an operand.
 * @param layout its dimensions in words, such as `[N, H, W, C]`
 * @throws {TypeError} if the rank is another one
 */
export function requireRank(op: string, name: string, type: TensorType, rank: number, layout: string): void {
  requireFit(op, { [name]: type }, type.shape.length === rank, `${layout} is needed`);
}

/**
 * Checks attributes.
 * @param values those that the condition is about, by their names
 * @param holds whether they are allowed
 * @param needed what is needed, to end the sentence
 * @throws {RangeError} naming the values if they are not allowed
 */
export function requireValues(
  op: string,
  values: Readonly<Record<string, unknown>>,
  holds: boolean,
  needed: string,
): void {
  if (holds) return;
  const found = Object.entries(values).map(([name, value]) => `${name} is ${value}`);
  throw new RangeError(`Cannot build ${op}: ${listed(found)}, ${needed}`);
}

function listed(parts: readonly string[]): string {
  return [parts.slice(0, -1).join(", "), ...parts.slice(-1)].filter((part) => part !== "").join(" and ");
}

/**
 * Checks the sizes among the attributes.
 * @throws {RangeError} if one is no positive integer
 */
export function requireSizes(op: string, sizes: Readonly<Record<string, number>>): void {
  requireValues(op, sizes, arePositive(Object.values(sizes)), "positive integers are needed");
}

/** Whether numbers are integers of at least 1. */
export function arePositive(values: readonly number[]): boolean {
  return values.every((value) => Number.isSafeInteger(value) && value >= 1);
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
