/** Matrix products and linear layers with fused bias and residual. */
import {
  type Call,
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  type Op,
  sameShape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { applyFactors, applyFactorsGradient } from "../normalization/apply_factors.ts";
import { f32, halfExample, movedBytes, requireFit, requireShape, requireWeight } from "../operands.ts";
import { sumRepeats } from "../layout/repeats.ts";
import { reshape } from "../layout/reshape.ts";
import { transpose } from "../layout/transpose.ts";
import { matmulChosen } from "./matmul_choice.ts";

/** What may be added to a product, as the operation records it: which of the two is there. */
export interface Summands {
  /** Whether a bias is added. */
  readonly bias: boolean;
  /** Whether a residual is added. */
  readonly residual: boolean;
}

/** What the operation records. */
export interface MatmulAttrs extends Summands {
  /** Whether `a` is normalised while it is loaded. */
  readonly factors: boolean;
}

/** Optional summands of `matmul`. */
export interface MatmulOptions {
  /** [N], added to every row. */
  readonly bias?: Tensor;
  /** Same shape as the result. */
  readonly residual?: Tensor;
  /** [3, images, K]: origin o and factors f, g of each image and k; see `groupNormFactors`. */
  readonly factors?: Tensor;
}

/** Splits the inputs of a call: its two operands, then what it may carry. */
function split<T>(
  inputs: readonly T[],
  { bias, residual, factors }: MatmulAttrs,
): { readonly bias: T | undefined; readonly residual: T | undefined; readonly factors: T | undefined } {
  const rest = inputs.slice(2);
  return {
    bias: bias ? rest.shift() : undefined,
    residual: residual ? rest.shift() : undefined,
    factors: factors ? rest.shift() : undefined,
  };
}

/**
 * Checks bias and residual against the result.
 * @throws {TypeError} if a shape differs
 */
export function checkSummands(
  op: string,
  { bias, residual }: { readonly bias: TensorType | undefined; readonly residual: TensorType | undefined },
  out: TensorType,
): void {
  requireShape(op, "bias", bias, out.shape.slice(-1));
  requireShape(op, "residual", residual, out.shape);
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
  readonly sharesB: boolean;
}

/** With factors, the rows of each image are a batch of their own: they are loaded with factors of their own. */
function productSizes(a: TensorType, b: TensorType, factors: TensorType | undefined): ProductSizes {
  const [inner = 1, columns = 1] = b.shape.slice(-2);
  if (factors) {
    const [, batch = 1] = factors.shape;
    return { batch, images: 1, rows: elementCount(a.shape) / (batch * inner), inner, columns, sharesB: true };
  }
  const batch = elementCount(b.shape.slice(0, -2));
  const rows = elementCount(a.shape) / (batch * inner);
  return { batch, images: rows / (a.shape.at(-2) ?? 1), rows, inner, columns, sharesB: false };
}

function operands(call: Call<MatmulAttrs>): { readonly a: Tensor; readonly b: Tensor; readonly out: Tensor } {
  const [a, b] = call.inputs as readonly [Tensor, Tensor];
  const [out] = call.outputs as readonly [Tensor];
  return { a, b, out };
}

/** The matrix product as an operation; see `matmul`. */
export const matmulOp: Op<MatmulAttrs> = defineOp<MatmulAttrs>({
  name: "matmul",
  infer(inputs, attrs): readonly TensorType[] {
    const names = (["bias", "residual", "factors"] as const).filter((name) => attrs[name]);
    requireWeight("matmul", inputs, ["a", "b", ...names], "b");
    const [a, b] = inputs as readonly [TensorType, TensorType];
    const areMatrices = a.shape.length >= 1 && b.shape.length >= 2;
    requireFit("matmul", { a, b }, areMatrices, "[..., M, K] and [K, N] or [..., K, N] are needed");
    const [inner = 0, columns = 0] = b.shape.slice(-2);
    const leading = b.shape.slice(0, -2);
    const areAlike = leading.length === 0 ||
      a.shape.length === b.shape.length && sameShape(a.shape.slice(0, -2), leading);
    requireFit("matmul", { a, b }, areAlike, "the extents before the last two must be equal");
    if (a.shape.at(-1) !== inner) {
      throw new TypeError(
        `Cannot build matmul: a has ${a.shape.at(-1)} columns, b ${formatShape(b.shape)} expects ${inner}`,
      );
    }
    const out = f32([...a.shape.slice(0, -1), columns]);
    const { factors, ...summands } = split(inputs, attrs);
    checkSummands("matmul", summands, out);
    const isNormal = !factors ||
      leading.length === 0 && a.shape.length >= 2 && sameShape(factors.shape, [3, a.shape[0]!, inner]);
    requireFit("matmul", { factors, a, b }, isNormal, "[3, N, K], [N, ..., K] and one matrix [K, C] are needed");
    return [out];
  },
  reference(call, inputs): readonly Float32Array[] {
    const { a, b } = operands(call);
    const { bias, residual, factors } = split(inputs, call.attrs);
    const { batch, rows, inner, columns, sharesB } = productSizes(a, b, split(call.inputs, call.attrs).factors);
    const [left = new Float32Array(), right = new Float32Array()] = inputs;
    const normalised = factors ? left.map((value, i) => normalisedValue(value, i, rows, inner, batch, factors)) : left;
    const out = new Float32Array(batch * rows * columns);
    const sums = new Float64Array(columns);
    for (let row = 0; row < batch * rows; row++) {
      sums.fill(0);
      addRowTimesMatrix(sums, normalised, row * inner, inner, right, sharesB ? 0 : Math.floor(row / rows) * inner);
      storeRow(out, row * columns, sums, bias, residual);
    }
    return [out];
  },
  lower(call, target): readonly Dispatch[] {
    const { a, b, out } = operands(call);
    const optional = split(call.inputs, call.attrs);
    const sizes = productSizes(a, b, optional.factors);
    return matmulChosen({ a, b, out, ...sizes, ...optional, firstRow: 0 }, target);
  },
  vjp(call, [dy], wanted): readonly (Tensor | undefined)[] {
    const { a, b } = operands(call);
    const { bias, residual, factors } = split(call.inputs, call.attrs);
    const asked = split(wanted, call.attrs);
    const [da, dFactors] = wanted[0] || asked.factors ? leftCotangents(dy!, a, b, factors) : [];
    const parts = [
      [bias, asked.bias ? sumRepeats(dy!, bias!.shape) : undefined],
      [residual, dy],
      [factors, dFactors],
    ] as const;
    return [
      da,
      wanted[1] ? rightCotangent(dy!, factors ? applyFactors(a, factors) : a, b) : undefined,
      ...parts.filter(([operand]) => operand !== undefined).map(([, cotangent]) => cotangent),
    ];
  },
  cost(call): { readonly flops: number; readonly bytes: number } {
    const { a, b } = operands(call);
    const { batch, rows, inner, columns } = productSizes(a, b, split(call.inputs, call.attrs).factors);
    return { flops: 2 * batch * rows * inner * columns, bytes: movedBytes(call) };
  },
  examples: [
    { inputs: [[5, 33], [33, 6]], attrs: { bias: false, residual: false, factors: false } },
    { inputs: [[1, 64], [64, 48], [48]], attrs: { bias: true, residual: false, factors: false } },
    { inputs: [[2, 3], [3, 1], [1], [2, 1]], attrs: { bias: true, residual: true, factors: false } },
    { inputs: [[7], [7, 9]], attrs: { bias: false, residual: false, factors: false } },
    { inputs: [[2, 19, 24], [24, 33], [2, 19, 33]], attrs: { bias: false, residual: true, factors: false } },
    { inputs: [[2, 3, 17, 12], [2, 3, 12, 20], [20]], attrs: { bias: true, residual: false, factors: false } },
    { inputs: [[3, 5, 9], [3, 9, 7]], attrs: { bias: false, residual: false, factors: false } },
    { inputs: [[2, 19, 24], [24, 32], [32], [2, 19, 32]], attrs: { bias: true, residual: true, factors: false } },
    { inputs: [[4, 1, 9], [4, 9, 8], [8], [4, 1, 8]], attrs: { bias: true, residual: true, factors: false } },
    {
      inputs: [[2, 19, 33], [33, 20], [20], [3, 2, 33]],
      attrs: { bias: true, residual: false, factors: true },
    },
    { inputs: [[2, 5, 24], [24, 100], [3, 2, 24]], attrs: { bias: false, residual: false, factors: true } },
    { inputs: [[5, 33], halfExample([33, 6])], attrs: { bias: false, residual: false, factors: false } },
    {
      inputs: [[2, 9, 24], halfExample([2, 24, 36]), [36]],
      attrs: { bias: true, residual: false, factors: false },
    },
  ],
});

/** The cotangents dy b^T of a, and of the factors that it is normalised with. */
function leftCotangents(
  dy: Tensor,
  a: Tensor,
  b: Tensor,
  factors: Tensor | undefined,
): readonly [Tensor, Tensor | undefined] {
  const cotangent = matmul(dy, transpose(b));
  return factors ? applyFactorsGradient(a, factors, cotangent) : [cotangent, undefined];
}

/** The cotangent a^T dy of b: of each matrix, or of the one that all rows of a share. */
function rightCotangent(dy: Tensor, a: Tensor, b: Tensor): Tensor {
  if (b.shape.length > 2) return matmul(transpose(a), dy);
  const [inner, columns] = b.shape as readonly [number, number];
  const rows = elementCount(dy.shape) / columns;
  return matmul(transpose(reshape(a, [rows, inner])), reshape(dy, [rows, columns]));
}

/** Element i of a normalised matrix [batch, rows, inner]. */
function normalisedValue(
  value: number,
  i: number,
  rows: number,
  inner: number,
  batch: number,
  factors: Float32Array,
): number {
  const at = Math.floor(i / (rows * inner)) * inner + i % inner;
  const plane = batch * inner;
  return (value - factors[at]!) * factors[plane + at]! + factors[2 * plane + at]!;
}

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
 * Matrix product a b (+ bias) (+ residual), where a becomes (a - o) f + g first if factors are given.
 * @param a [..., M, K]
 * @param b [K, N], or [..., K, N] with the leading extents of `a`
 * @param options bias [N]; residual [..., M, N]; factors [3, images, K], the first extent of `a` counting images
 * @returns [..., M, N]
 * @throws {TypeError} if the shapes do not fit
 */
export function matmul(a: Tensor, b: Tensor, { bias, residual, factors }: MatmulOptions = {}): Tensor {
  const optional = [bias, residual, factors].filter((tensor) => tensor !== undefined);
  const attrs = { bias: bias !== undefined, residual: residual !== undefined, factors: factors !== undefined };
  return matmulOp([a, b, ...optional], attrs)[0]!;
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
