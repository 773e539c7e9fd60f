/** Element by element: sum, difference and product with a repeated right side, SiLU, and weighted sums. */
import {
  type Coefficient,
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  isScalar,
  type Op,
  type OpDef,
  sameShape,
  type Tensor,
  type TensorType,
  valueOf,
} from "../../engine/mod.ts";
import { floatBits, movedBytes, requireF32 } from "../operands.ts";
import { repeatsOver, sumRepeats } from "../layout/repeats.ts";
import { elementwise } from "../text/wgsl.ts";
import { siluGradient } from "./slopes.ts";

/** Attributes of operations that need none. */
type None = Record<string, never>;

function inferBinary(name: string, inputs: readonly TensorType[]): readonly TensorType[] {
  requireF32(name, inputs, ["a", "b"]);
  const [a, b] = [inputs[0]!, inputs[1]!];
  if (!repeatsOver(a.shape, b.shape)) {
    throw new TypeError(
      `Cannot build ${name}: a has shape ${formatShape(a.shape)}, b has ${formatShape(b.shape)}, ` +
        `which is not the trailing part of a; reshape b`,
    );
  }
  return [{ shape: a.shape, dtype: "f32" }];
}

/** The cotangent of the repeated operand: its repetitions summed. */
function gathered(dy: Tensor, { shape }: Tensor): Tensor {
  return sameShape(dy.shape, shape) ? dy : sumRepeats(dy, shape);
}

/** Turns of an invocation where kernels run on a CPU: 262,144 sums took 2.0 ms one by one, and 0.7 ms in turns of 8. */
const SOFTWARE_TURNS = 8;

function defineBinary(
  name: string,
  symbol: string,
  combine: (a: number, b: number) => number,
  vjp: NonNullable<OpDef<None>["vjp"]>,
): Op<None> {
  return defineOp<None>({
    name,
    infer: (inputs) => inferBinary(name, inputs),
    reference(_call, [a, b]): readonly Float32Array[] {
      const period = b!.length;
      return [a!.map((value, i) => combine(value, b![i % period]!))];
    },
    lower({ inputs, outputs }, target): readonly Dispatch[] {
      const [a, b, y] = [inputs[0]!, inputs[1]!, outputs[0]!];
      const period = elementCount(b.shape);
      // The remainder costs as much as several loads, so equal shapes have a kernel without it.
      const same = period === elementCount(a.shape);
      return [
        elementwise(`${name}.${same ? "same" : "repeat"}`, target, {
          read: { a, b },
          write: { y },
          ...(same ? { turns: target.software ? SOFTWARE_TURNS : 1 } : { params: { period } }),
          body: `y[i] = a[i] ${symbol} b[${same ? "i" : "i % params.period"}];`,
        }),
      ];
    },
    vjp,
    cost: (call) => ({ flops: elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
    examples: [
      { inputs: [[2, 5, 7, 3], [2, 5, 7, 3]], attrs: {} },
      { inputs: [[2, 5, 7, 3], [1, 5, 7, 3]], attrs: {} },
      { inputs: [[3, 7, 5], [5]], attrs: {} },
      { inputs: [[67], [1]], attrs: {} },
    ],
  });
}

/** Definition of `add`. */
export const addOp: Op<None> = defineBinary("add", "+", (a, b) => a + b, ({ inputs }, [dy], wanted) => [
  dy,
  wanted[1] ? gathered(dy!, inputs[1]!) : undefined,
]);
/** Definition of `sub`. */
export const subOp: Op<None> = defineBinary("sub", "-", (a, b) => a - b, ({ inputs }, [dy], wanted) => [
  dy,
  wanted[1] ? weightedSum([[-1, gathered(dy!, inputs[1]!)]]) : undefined,
]);
/** Definition of `mul`. */
export const mulOp: Op<None> = defineBinary("mul", "*", (a, b) => a * b, ({ inputs: [a, b] }, [dy], wanted) => [
  wanted[0] ? mul(dy!, b!) : undefined,
  wanted[1] ? gathered(mul(dy!, a!), b!) : undefined,
]);

/**
 * The sum a + b, where b repeats over the leading dimensions of a.
 * @param a any shape, f32
 * @param b the shape of a, or its trailing part; leading extents of 1 are ignored
 * @returns the shape of a
 * @throws {TypeError} if b is not the trailing part of a
 */
export function add(a: Tensor, b: Tensor): Tensor {
  return addOp([a, b], {})[0]!;
}

/**
 * The difference a - b, where b repeats over the leading dimensions of a.
 * @param a any shape, f32
 * @param b the shape of a, or its trailing part; leading extents of 1 are ignored
 * @returns the shape of a
 * @throws {TypeError} if b is not the trailing part of a
 */
export function sub(a: Tensor, b: Tensor): Tensor {
  return subOp([a, b], {})[0]!;
}

/**
 * The product a b element by element, where b repeats over the leading dimensions of a.
 * @param a any shape, f32
 * @param b the shape of a, or its trailing part; leading extents of 1 are ignored
 * @returns the shape of a
 * @throws {TypeError} if b is not the trailing part of a
 */
export function mul(a: Tensor, b: Tensor): Tensor {
  return mulOp([a, b], {})[0]!;
}

/** WGSL function `silu(v: f32) -> f32`: v / (1 + exp(-v)), from a power that cannot overflow; NaN stays NaN. */
export const SILU_WGSL = `fn silu(v: f32) -> f32 {
  let e = exp(-abs(v));
  return v * (select(e, 1.0, v >= 0.0) / (1.0 + e));
}`;

/** SiLU in f64: v / (1 + exp(-v)). */
export function siluOf(value: number): number {
  return value / (1 + Math.exp(-value));
}

/** Definition of `silu`. */
export const siluOp: Op<None> = defineOp<None>({
  name: "silu",
  infer(inputs): readonly TensorType[] {
    requireF32("silu", inputs, ["x"]);
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference: (_call, [x]) => [x!.map(siluOf)],
  vjp: ({ inputs }, [dy]) => [siluGradient(inputs[0]!, dy!)],
  lower: ({ inputs, outputs }, target) => [
    elementwise("silu", target, {
      read: { x: inputs[0]! },
      write: { y: outputs[0]! },
      declarations: SILU_WGSL,
      body: "y[i] = silu(x[i]);",
    }),
  ],
  cost: (call) => ({ flops: 4 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [{ inputs: [[2, 5, 7, 3]], attrs: {} }, { inputs: [[131]], attrs: {} }],
});

/**
 * The sigmoid linear unit x / (1 + exp(-x)).
 * @param x any shape, f32
 * @returns the same shape
 */
export function silu(x: Tensor): Tensor {
  return siluOp([x], {})[0]!;
}

/** Terms of one weighted sum at most: each is a storage buffer, and a kernel has 8. */
const MOST_TERMS = 6;

/** Definition of `weightedSum`: one coefficient for each input. */
export const weightedSumOp: Op<{ readonly coefficients: readonly Coefficient[] }> = defineOp<
  { readonly coefficients: readonly Coefficient[] }
>({
  name: "weightedSum",
  infer(inputs, { coefficients }): readonly TensorType[] {
    if (inputs.length < 1 || inputs.length > MOST_TERMS || inputs.length !== coefficients.length) {
      throw new TypeError(
        `Cannot build weightedSum: ${inputs.length} tensors and ${coefficients.length} coefficients were given, ` +
          `1 to ${MOST_TERMS} pairs are needed`,
      );
    }
    requireF32("weightedSum", inputs, inputs.map((_, index) => `term ${index}`));
    const { shape } = inputs[0]!;
    inputs.forEach((input, index) => {
      if (!sameShape(input.shape, shape)) {
        throw new TypeError(
          `Cannot build weightedSum: term ${index} has shape ${formatShape(input.shape)}, ` +
            `term 0 has ${formatShape(shape)}; all terms need one shape`,
        );
      }
    });
    coefficients.forEach((value, index) => {
      if (!isScalar(value) && !Number.isFinite(value)) {
        throw new RangeError(`Cannot build weightedSum: coefficient ${index} is ${value}, a finite number is needed`);
      }
    });
    return [{ shape, dtype: "f32" }];
  },
  reference({ attrs }, inputs, scalars): readonly Float32Array[] {
    const weights = attrs.coefficients.map((value) => valueOf(value, scalars));
    return [
      inputs[0]!.map((_, i) => weights.reduce((sum, weight, term) => sum + weight * inputs[term]![i]!, 0)),
    ];
  },
  lower({ inputs, outputs, attrs }, target): readonly Dispatch[] {
    const names = inputs.map((_, term) => `x${term}`);
    // Numbers and scalar entries are parameters, so that sums of as many terms share a pipeline.
    const params = attrs.coefficients.map((value, term) =>
      [`c${term}`, isScalar(value) ? target.scalarIndex(value) : floatBits(value)] as const
    );
    const factors = attrs.coefficients.map((value, term) =>
      isScalar(value) ? `bitcast<f32>(scalars[params.c${term}].x)` : `bitcast<f32>(params.c${term})`
    );
    return [
      elementwise("weightedSum", target, {
        read: Object.fromEntries(inputs.map((tensor, term) => [names[term]!, tensor])),
        write: { y: outputs[0]! },
        params: Object.fromEntries(params),
        body: `y[i] = ${factors.map((factor, term) => `${factor} * ${names[term]}[i]`).join(" + ")};`,
      }),
    ];
  },
  vjp: ({ attrs }, [dy], wanted) =>
    attrs.coefficients.map((value, term) => value === 1 ? dy : wanted[term] ? weightedSum([[value, dy!]]) : undefined),
  cost: (call) => ({
    flops: (2 * call.inputs.length - 1) * elementCount(call.outputs[0]!.shape),
    bytes: movedBytes(call),
  }),
  examples: [
    { inputs: [[1, 5, 7, 3]], attrs: { coefficients: [-1.5] } },
    { inputs: [[2, 3, 7], [2, 3, 7]], attrs: { coefficients: [{ scalar: "a" }, 0.25] }, scalars: { a: -0.7 } },
    {
      inputs: [[67], [67], [67], [67], [67], [67]],
      attrs: { coefficients: [{ scalar: "a" }, { scalar: "b" }, 3, { scalar: "a" }, 1e-3, -2] },
      scalars: { a: 1.25, b: -0.125 },
    },
  ],
});

/**
 * The weighted sum c_0 x_0 + c_1 x_1 + ..., the form of every sampler update.
 * @param terms 1 to 6 pairs of a coefficient (number, or scalar of the run) and a tensor; all of one shape, f32
 * @returns the same shape
 * @throws {TypeError} if there are no or too many terms, or their shapes differ
 * @throws {RangeError} if a number is not finite
 */
export function weightedSum(terms: readonly (readonly [Coefficient, Tensor])[]): Tensor {
  return weightedSumOp(terms.map(([, tensor]) => tensor), { coefficients: terms.map(([value]) => value) })[0]!;
}
