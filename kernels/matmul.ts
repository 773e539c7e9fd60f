/** Matrix products and linear layers with fused bias and residual. */
import {
  type Call,
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  sameShape,
  type Tensor,
  type TensorType,
} from "../engine/mod.ts";
import { movedBytes, requireF32 } from "./operands.ts";
import { matmulChosen } from "./matmul_choice.ts";

/** What may be added to a product, and what the operation records: which of the two is there. */
interface MatmulAttrs {
  readonly bias: boolean;
  readonly residual: boolean;
}

/** Optional summands of `matmul`. */
export interface MatmulOptions {
  /** [N], added to every row. */
  readonly bias?: Tensor;
  /** Same shape as the result. */
  readonly residual?: Tensor;
}

/** Splits the inputs of a call that may carry a bias and a residual after its two operands. */
export function optionalInputs<T>(
  inputs: readonly T[],
  { bias, residual }: MatmulAttrs,
): { readonly bias: T | undefined; readonly residual: T | undefined } {
  return { bias: bias ? inputs[2] : undefined, residual: residual ? inputs[bias ? 3 : 2] : undefined };
}

/** The inputs of such a call, in order. */
export function withOptional(operands: readonly Tensor[], { bias, residual }: MatmulOptions): readonly Tensor[] {
  return [...operands, ...(bias ? [bias] : []), ...(residual ? [residual] : [])];
}

/** Names of the inputs of such a call, for messages. */
export function inputNames(operands: readonly string[], { bias, residual }: MatmulAttrs): readonly string[] {
  return [...operands, ...(bias ? ["bias"] : []), ...(residual ? ["residual"] : [])];
}

/**
 * Checks bias and residual against the result.
 * @throws {TypeError} if a shape differs
 */
export function checkOptional(op: string, inputs: readonly TensorType[], attrs: MatmulAttrs, out: TensorType): void {
  const { bias, residual } = optionalInputs(inputs, attrs);
  const columns = out.shape.slice(-1);
  if (bias && !sameShape(bias.shape, columns)) {
    throw new TypeError(
      `Cannot build ${op}: bias has shape ${formatShape(bias.shape)}, ${formatShape(columns)} is needed`,
    );
  }
  if (residual && !sameShape(residual.shape, out.shape)) {
    throw new TypeError(
      `Cannot build ${op}: residual has shape ${formatShape(residual.shape)}, the result has ${formatShape(out.shape)}`,
    );
  }
}

/**
 * Adds a row times a matrix, in f64: sums[n] += sum_k x[from + k] weight[(row + k) * columns + n] for k < count.
 * @param sums accumulators, one per column
 */
export function addRowTimesMatrix(
  sums: Float64Array,
  x: Float32Array,
  from: number,
  count: number,
  weight: Float32Array,
  row: number,
): void {
  const columns = sums.length;
  let k = 0;
  // Four rows a turn: one load and store of each sum for four products.
  for (; k + 3 < count; k += 4) {
    const x0 = x[from + k]!, x1 = x[from + k + 1]!, x2 = x[from + k + 2]!, x3 = x[from + k + 3]!;
    let w0 = (row + k) * columns, w1 = w0 + columns, w2 = w1 + columns, w3 = w2 + columns;
    for (let n = 0; n < columns; n++) {
      sums[n]! += x0 * weight[w0++]! + x1 * weight[w1++]! + x2 * weight[w2++]! + x3 * weight[w3++]!;
    }
  }
  for (; k < count; k++) {
    const value = x[from + k]!;
    let w = (row + k) * columns;
    for (let n = 0; n < columns; n++) sums[n]! += value * weight[w++]!;
  }
}

interface ProductSizes {
  readonly batch: number;
  readonly images: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

function productSizes(a: TensorType, b: TensorType): ProductSizes {
  const [inner = 1, columns = 1] = b.shape.slice(-2);
  const batch = elementCount(b.shape.slice(0, -2));
  const rows = elementCount(a.shape) / (batch * inner);
  return { batch, images: rows / (a.shape.at(-2) ?? 1), rows, inner, columns };
}

function operands(call: Call<MatmulAttrs>): { readonly a: Tensor; readonly b: Tensor; readonly out: Tensor } {
  const [a, b] = call.inputs as readonly [Tensor, Tensor];
  const [out] = call.outputs as readonly [Tensor];
  return { a, b, out };
}

/** The matrix product as an operation; see `matmul`. */
export const matmulOp = defineOp<MatmulAttrs>({
  name: "matmul",
  infer(inputs, attrs): readonly TensorType[] {
    requireF32("matmul", inputs, inputNames(["a", "b"], attrs));
    const [a, b] = inputs as readonly [TensorType, TensorType];
    if (a.shape.length < 1 || b.shape.length < 2) {
      throw new TypeError(
        `Cannot build matmul: a has shape ${formatShape(a.shape)} and b ${formatShape(b.shape)}, ` +
          "[..., M, K] and [K, N] or [..., K, N] are needed",
      );
    }
    const [inner = 0, columns = 0] = b.shape.slice(-2);
    const leading = b.shape.slice(0, -2);
    if (leading.length > 0 && (a.shape.length !== b.shape.length || !sameShape(a.shape.slice(0, -2), leading))) {
      throw new TypeError(
        `Cannot build matmul: a has shape ${formatShape(a.shape)} and b ${formatShape(b.shape)}, ` +
          "the extents before the last two must be equal",
      );
    }
    if (a.shape.at(-1) !== inner) {
      throw new TypeError(
        `Cannot build matmul: a has ${a.shape.at(-1)} columns, b ${formatShape(b.shape)} expects ${inner}`,
      );
    }
    const out: TensorType = { shape: [...a.shape.slice(0, -1), columns], dtype: "f32" };
    checkOptional("matmul", inputs, attrs, out);
    return [out];
  },
  reference(call, inputs): readonly Float32Array[] {
    const { a, b } = operands(call);
    const { batch, rows, inner, columns } = productSizes(a, b);
    const [left = new Float32Array(), right = new Float32Array()] = inputs;
    const { bias, residual } = optionalInputs(inputs, call.attrs);
    const out = new Float32Array(batch * rows * columns);
    const sums = new Float64Array(columns);
    for (let row = 0; row < batch * rows; row++) {
      sums.fill(0);
      addRowTimesMatrix(sums, left, row * inner, inner, right, Math.floor(row / rows) * inner);
      storeRow(out, row * columns, sums, bias, residual);
    }
    return [out];
  },
  lower(call, target): readonly Dispatch[] {
    const { a, b, out } = operands(call);
    return matmulChosen({ a, b, out, ...productSizes(a, b), ...optionalInputs(call.inputs, call.attrs) }, target);
  },
  cost(call): { readonly flops: number; readonly bytes: number } {
    const { a, b } = operands(call);
    const { batch, rows, inner, columns } = productSizes(a, b);
    return { flops: 2 * batch * rows * inner * columns, bytes: movedBytes(call) };
  },
  examples: [
    { inputs: [[5, 33], [33, 6]], attrs: { bias: false, residual: false } },
    { inputs: [[1, 64], [64, 48], [48]], attrs: { bias: true, residual: false } },
    { inputs: [[2, 3], [3, 1], [1], [2, 1]], attrs: { bias: true, residual: true } },
    { inputs: [[7], [7, 9]], attrs: { bias: false, residual: false } },
    { inputs: [[2, 19, 24], [24, 33], [2, 19, 33]], attrs: { bias: false, residual: true } },
    { inputs: [[2, 3, 17, 12], [2, 3, 12, 20], [20]], attrs: { bias: true, residual: false } },
    { inputs: [[3, 5, 9], [3, 9, 7]], attrs: { bias: false, residual: false } },
    { inputs: [[2, 19, 24], [24, 32], [32], [2, 19, 32]], attrs: { bias: true, residual: true } },
    { inputs: [[4, 1, 9], [4, 9, 8], [8], [4, 1, 8]], attrs: { bias: true, residual: true } },
  ],
});

/** Writes sums + bias + residual, rounded to f32 once, from element `at` of `out` on. */
export function storeRow(
  out: Float32Array,
  at: number,
  sums: Float64Array,
  bias: Float32Array | undefined,
  residual: Float32Array | undefined,
): void {
  for (let n = 0; n < sums.length; n++) out[at + n] = sums[n]! + (bias?.[n] ?? 0) + (residual?.[at + n] ?? 0);
}

/**
 * Matrix product a b (+ bias) (+ residual).
 * @param a [..., M, K]
 * @param b [K, N], or [..., K, N] with the leading extents of `a`
 * @param options bias [N]; residual [..., M, N]
 * @returns [..., M, N]
 * @throws {TypeError} if the shapes do not fit
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const attrs = { bias: options.bias !== undefined, residual: options.residual !== undefined };
  const [out] = matmulOp(withOptional([a, b], options), attrs);
  return out!;
}

/**
 * Linear layer x W + bias over the last axis.
 * @param x [..., K]
 * @param weight [K, N]
 * @param bias [N]
 * @returns [..., N]
 * @throws {TypeError} if the shapes do not fit
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return matmul(x, weight, bias ? { bias } : {});
}
