/**
 * WGSL of the matrix product out = a b (+ bias) (+ residual), register-blocked in two forms: `broadcast` spreads rows
 * of a over the lanes of a subgroup by shuffles, `vector` gives every invocation four columns. All sizes are
 * parameters, so that one compiled pipeline serves every size.
 */
import type { Dispatch, Target, Tensor } from "../engine/mod.ts";
import { flatGrid, kernel, type KernelSource } from "./wgsl.ts";

/** What is added to a product before it is stored. */
export interface Epilogue {
  /** [columns], added to every row. */
  readonly bias: Tensor | undefined;
  /** Same elements as the output, added element by element. */
  readonly residual: Tensor | undefined;
}

/** A batch of matrix products by its sizes and tensors. */
export interface Product extends Epilogue {
  /** [batch, rows, inner] */
  readonly a: Tensor;
  /** [inner, columns] where batch is 1, otherwise [batch, inner, columns] */
  readonly b: Tensor;
  /** [batch, rows, columns] */
  readonly out: Tensor;
  readonly batch: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  /** Images whose rows lie one after another in `rows`; 1 by default. */
  readonly images?: number;
}

/** Invocations of a workgroup in the `vector` form. */
export const VECTOR_WORKGROUP = 64;

/** Rows per block in the `broadcast` form, least first: a product of few rows takes the smallest block that holds them. */
const BROADCAST_ROWS = [1, 2, 4, 8, 16];

/** Rows per invocation in the `vector` form. */
const VECTOR_ROWS = [1, 2, 4, 8];

/**
 * Whether kernels should take the `broadcast` form. On the CPU a load costs as much as 15 multiply-adds and a shuffle
 * almost nothing; on a GPU the loads of the `vector` form come from the cache.
 */
export function prefersBroadcast(target: Target): boolean {
  return target.software && target.subgroupSize > 0;
}

/** The dispatch that computes a batch of products. */
export function matmulTiled(product: Product, target: Target): Dispatch {
  return prefersBroadcast(target) ? broadcastProduct(product, target) : vectorProduct(product, target);
}

/** The integers from 0 to `count` - 1. */
export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Bias and residual as kernel inputs; an absent one is bound to `standIn` and never read. */
export function epiloguePorts(
  { bias, residual }: Epilogue,
  standIn: Tensor,
  type: "f32" | "vec4f",
): KernelSource["read"] {
  return { bias: { tensor: bias ?? standIn, type }, residual: { tensor: residual ?? standIn, type } };
}

/** Which parts of the epilogue a kernel has to compute, as parameters. */
export function epilogueParams({ bias, residual }: Epilogue): Readonly<Record<string, number>> {
  return { hasBias: bias ? 1 : 0, hasResidual: residual ? 1 : 0 };
}

/**
 * WGSL functions of the epilogue over arrays of `type`: `start(column)` is the value that an accumulator begins with,
 * `finish(value, element)` what is stored.
 */
export function epilogueFunctions(type: "f32" | "vec4f"): string {
  return `fn start(column: u32) -> ${type} {
  if (params.hasBias != 0u) { return bias[column]; }
  return ${type}();
}
fn finish(value: ${type}, element: u32) -> ${type} {
  if (params.hasResidual != 0u) { return value + residual[element]; }
  return value;
}`;
}

/**
 * A workgroup is one subgroup and computes up to 16 rows x S columns (S = subgroup size): lane = column, one
 * accumulator per row. S values of a row are loaded with one load, lane = k, and handed out by shuffles.
 */
function broadcastProduct(product: Product, target: Target): Dispatch {
  const { a, b, out, batch, rows, inner, columns } = product;
  const lanes = target.subgroupSize;
  const height = blockRows(rows, BROADCAST_ROWS);
  const block = range(height);
  const rowBlocks = Math.ceil(rows / height);
  const columnBlocks = Math.ceil(columns / lanes);
  return kernel({
    label: "matmul.broadcast",
    read: { a, b, ...epiloguePorts(product, b, "f32") },
    write: { out },
    params: { batch, rows, inner, columns, rowBlocks, columnBlocks, ...epilogueParams(product) },
    workgroupSize: lanes,
    workgroups: flatGrid(rowBlocks * columnBlocks * batch, target),
    declarations: epilogueFunctions("f32"),
    body: `var rest = group.y * groups.x + group.x;
let row = (rest % params.rowBlocks) * ${height}u;
rest /= params.rowBlocks;
let column = (rest % params.columnBlocks) * ${lanes}u + lane;
let item = rest / params.columnBlocks;
if (item >= params.batch) { return; }
${block.map((p) => `let a${p} = (item * params.rows + min(row + ${p}u, params.rows - 1u)) * params.inner;`).join("\n")}
${block.map((p) => `var c${p} = start(column);`).join("\n")}
var weight = item * params.inner * params.columns + column;
for (var k = 0u; k < params.inner; k += ${lanes}u) {
let at = k + lane;
${block.map((p) => `let x${p} = select(0.0, a[a${p} + at], at < params.inner);`).join("\n")}
let last = (params.inner - 1u - k) * params.columns;
${
      range(lanes).map((q) =>
        [
          `let w${q} = b[weight + min(${q}u * params.columns, last)];`,
          ...block.map((p) => `c${p} = fma(subgroupShuffle(x${p}, ${q}u), w${q}, c${p});`),
        ].join("\n")
      ).join("\n")
    }
weight += ${lanes}u * params.columns;
}
if (column >= params.columns) { return; }
${
      block.map((p) =>
        `if (row + ${p}u < params.rows) {
let e = (item * params.rows + row + ${p}u) * params.columns + column;
out[e] = finish(c${p}, e);
}`
      ).join("\n")
    }`,
  });
}

/**
 * An invocation computes up to 8 rows x 4 columns, columns fastest, in steps of four k; no workgroup memory. Where
 * `inner` or `columns` is not divisible by 4, that array is read word by word.
 */
function vectorProduct(product: Product, target: Target): Dispatch {
  const { a, b, out, batch, rows, inner, columns } = product;
  const height = blockRows(rows, VECTOR_ROWS);
  const block = range(height);
  const wideInner = inner % 4 === 0;
  const wide = columns % 4 === 0;
  const type = wide ? "vec4f" : "f32";
  const rowBlocks = Math.ceil(rows / height);
  const columnBlocks = Math.ceil(columns / 4);
  return kernel({
    label: "matmul.vector",
    read: {
      a: { tensor: a, type: wideInner ? "vec4f" : "f32" },
      b: { tensor: b, type },
      ...epiloguePorts(product, b, type),
    },
    write: { out: { tensor: out, type } },
    params: { batch, rows, inner, columns, rowBlocks, columnBlocks, ...epilogueParams(product) },
    workgroupSize: VECTOR_WORKGROUP,
    workgroups: flatGrid(Math.ceil(rowBlocks * columnBlocks * batch / VECTOR_WORKGROUP), target),
    declarations: `${vectorEpilogue(wide)}
${vectorLoads("a", wideInner, "b", wide)}`,
    body: `var rest = (group.y * groups.x + group.x) * ${VECTOR_WORKGROUP}u + lane;
let column = (rest % params.columnBlocks) * 4u;
rest /= params.columnBlocks;
let row = (rest % params.rowBlocks) * ${height}u;
let item = rest / params.rowBlocks;
if (item >= params.batch) { return; }
${block.map((p) => `let a${p} = (item * params.rows + min(row + ${p}u, params.rows - 1u)) * params.inner;`).join("\n")}
${block.map((p) => `var c${p} = startFour(column);`).join("\n")}
var weight = item * params.inner * params.columns + column;
for (var k = 0u; k < params.inner; k += 4u) {
${block.map((p) => `let x${p} = inputFour(a${p}, k, params.inner);`).join("\n")}
let last = (params.inner - 1u - k) * params.columns;
${
      range(4).map((q) =>
        [
          `let w${q} = weightFour(weight + min(${q}u * params.columns, last));`,
          ...block.map((p) => `c${p} = fma(vec4f(x${p}.${"xyzw"[q]}), w${q}, c${p});`),
        ].join("\n")
      ).join("\n")
    }
weight += 4u * params.columns;
}
${
      block.map((p) =>
        `if (row + ${p}u < params.rows) {
storeFour(c${p}, (item * params.rows + row + ${p}u) * params.columns, column);
}`
      ).join("\n")
    }`,
  });
}

function blockRows(rows: number, sizes: readonly number[]): number {
  return sizes.find((size) => size >= rows) ?? sizes.at(-1) ?? 1;
}

/**
 * WGSL functions: `inputFour(base, k, limit)`, four words of the input from k on, 0 from `limit` on, and
 * `weightFour(i)`, four words of the weight. All positions count words; a `wide` array is one of vec4f.
 */
export function vectorLoads(input: string, wideInput: boolean, weight: string, wide: boolean): string {
  const four = (name: string): string => `vec4f(${range(4).map((j) => `${name}[i + ${j}u]`).join(", ")})`;
  const load = wideInput ? `return select(vec4f(), ${input}[(base + k) / 4u], k < limit);` : `let i = base + k;
  return select(vec4f(), ${four(input)}, vec4u(k, k + 1u, k + 2u, k + 3u) < vec4u(limit));`;
  return `fn inputFour(base: u32, k: u32, limit: u32) -> vec4f {
  ${load}
}
fn weightFour(i: u32) -> vec4f {
  return ${wide ? `${weight}[i / 4u]` : four(weight)};
}`;
}

/**
 * WGSL functions of the epilogue for four columns at once: `startFour(column)` and `storeFour(value, base, column)`
 * with `base` the position of column 0. All positions count words; columns from `params.columns` on are not stored.
 */
export function vectorEpilogue(wide: boolean): string {
  if (wide) {
    return `${epilogueFunctions("vec4f")}
fn startFour(column: u32) -> vec4f { return start(column / 4u); }
fn storeFour(value: vec4f, base: u32, column: u32) {
  let e = (base + column) / 4u;
  out[e] = finish(value, e);
}`;
  }
  return `${epilogueFunctions("f32")}
fn startFour(column: u32) -> vec4f {
  return vec4f(start(column), start(column + 1u), start(column + 2u), start(column + 3u));
}
fn storeFour(value: vec4f, base: u32, column: u32) {
  let e = base + column;
${
    range(4).map((j) =>
      `  if (column + ${j}u < params.columns) { out[e + ${j}u] = finish(value.${"xyzw"[j]}, e + ${j}u); }`
    ).join("\n")
  }
}`;
}
