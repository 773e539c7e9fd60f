/** The form of operations whose elements are computed independently of each other. */
import {
  type Call,
  defineOp,
  type Dispatch,
  elementCount,
  type Example,
  type Op,
  type OpDef,
  type Shape,
  type Target,
  type TensorType,
} from "../../engine/mod.ts";
import { byName, f32, movedBytes, requireF32, requireOneShape } from "../operands.ts";
import { elementwise, type ElementwiseSource } from "../text/wgsl.ts";

/** Attributes of operations that need none. */
export type None = Record<string, never>;

/** A kernel as `elementwise` takes it: operands and results are bound under their names. */
export interface PointwiseKernel extends Partial<ElementwiseSource> {
  /** Stable name; that of the operation by default. */
  readonly label?: string;
  /** WGSL statements that compute element `i`. */
  readonly body: string;
}

/** An operation whose elements are computed independently of each other; see `pointwise`. */
export interface Pointwise<A> {
  /** Name of the operation, in profiles too. */
  readonly name: string;
  /** Names of the operands, in WGSL too; all are f32. */
  readonly inputs: readonly string[];
  /** Names of the results in WGSL, all f32 and of one shape; `y` by default. */
  readonly outputs?: readonly string[];
  /** Shape of the results; by default that of all operands. Throws TypeError and RangeError as `OpDef.infer`. */
  readonly shape?: (inputs: readonly TensorType[], attrs: A) => Shape;
  /** WGSL that computes element `i`, or how the kernel differs from that. */
  readonly kernel: string | ((call: Call<A>, target: Target) => PointwiseKernel);
  /** The same in f64: an element of the result from those of the operands, which repeat, or all of it. */
  readonly software: ((attrs: A, ...operands: number[]) => number) | { readonly reference: OpDef<A>["reference"] };
  /** Its gradient; without one it has none. */
  readonly gradient?: NonNullable<OpDef<A>["vjp"]>;
  /** Floating-point operations of an element of the result, 1 by default. */
  readonly flops?: number;
  /** The cost where it is another one than that of reading all operands. */
  readonly cost?: OpDef<A>["cost"];
  /** Inputs for the laws that all operations are tested by. */
  readonly examples: readonly Example<A>[];
}

/** All elements of a result. One and two operands are apart: lists of arguments are several times slower. */
function everyElement<A>(
  software: (attrs: A, ...operands: number[]) => number,
  attrs: A,
  [first, ...rest]: readonly Float32Array[],
): Float32Array {
  const a = first!;
  const [b] = rest;
  if (!b) return a.map((value) => software(attrs, value));
  if (rest.length === 1) return a.map((value, i) => software(attrs, value, b[i % b.length]!));
  return a.map((value, i) => software(attrs, value, ...rest.map((operand) => operand[i % operand.length]!)));
}

/**
 * Defines an operation whose elements are computed independently of each other: from names, a shape rule, the WGSL of an
 * element, and its value on the host.
 */
export function pointwise<A = None>(source: Pointwise<A>): Op<A> {
  const { name, inputs: names, outputs = ["y"], shape, kernel, software, gradient, flops = 1, examples } = source;
  return defineOp<A>({
    name,
    infer(inputs, attrs): readonly TensorType[] {
      requireF32(name, inputs, names);
      if (!shape) requireOneShape(name, byName(names, inputs));
      const result = shape ? shape(inputs, attrs) : inputs[0]!.shape;
      return outputs.map(() => f32(result));
    },
    reference: "reference" in software
      ? software.reference
      : ({ attrs }, operands) => [everyElement(software, attrs, operands)],
    lower(call, target): readonly Dispatch[] {
      const { label = name, ...own } = typeof kernel === "string" ? { body: kernel } : kernel(call, target);
      const arrays = { read: byName(names, call.inputs), write: byName(outputs, call.outputs) };
      return [elementwise(label, target, { ...arrays, ...own })];
    },
    ...(gradient ? { vjp: gradient } : {}),
    cost: source.cost ??
      ((call) => ({ flops: flops * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) })),
    examples,
  });
}

/** Examples without attributes, by the shapes of their inputs. */
export function shapes(...inputs: readonly (readonly Shape[])[]): readonly Example<None>[] {
  return inputs.map((shapes) => ({ inputs: shapes, attrs: {} }));
}
