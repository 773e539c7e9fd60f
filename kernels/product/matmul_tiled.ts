/**
 * WGSL of the matrix product out = a b (+ bias) (+ residual), register-blocked in two forms: `broadcast` spreads rows
 * of a over the lanes of a subgroup by shuffles, `vector` gives every invocation four columns. All sizes are
 * parameters, so that one compiled pipeline serves every size.
 */
import type { Dispatch, Target, Tensor } from "../../engine/mod.ts";
import { usedInPasses } from "../text/passes.ts";
import { flatGrid, kernel, type KernelSource, lines, range } from "../text/wgsl.ts";
import { type Epilogue, epilogueFunctions, epilogueParams, epiloguePorts } from "./epilogue.ts";
import {
  blockStep,
  bufferLoads,
  halfLoads,
  prefersBroadcast,
  rowInputs,
  texelLoads,
  VECTOR_WORKGROUP,
  vectorEpilogue,
  vectorLoads,
  type VectorWeights,
  vectorWeights,
} from "./register_block.ts";
import { texelRows, texelsOf } from "./weight_texels.ts";

/** A batch of matrix products by its sizes and tensors. */
export interface Product extends Epilogue {
  /** [batch, rows, inner] */
  readonly a: Tensor;
  /** [inner, columns] for all of the batch, or [batch, inner, columns]; further rows may come before and after. */
  readonly b: Tensor;
  /** Whether all of the batch takes one matrix. */
  readonly sharesB: boolean;
  /** Row of b that the first column of a multiplies, a multiple of 4. */
  readonly firstRow: number;
  /** [3, batch, inner]: every element of a becomes (a - o) f + g while it is loaded; see `groupNormFactors`. */
  readonly factors: Tensor | undefined;
  /** [batch, rows, columns] */
  readonly out: Tensor;
  /** Products. */
  readonly batch: number;
  /** Rows of a and of the result. */
  readonly rows: number;
  /** Columns of a, rows of b. */
  readonly inner: number;
  /** Columns of b and of the result. */
  readonly columns: number;
  /** Images whose rows lie one after another in `rows`; 1 by default. */
  readonly images?: number;
}

/**
 * Rows per block in the `broadcast` form, least first: a product of few rows takes the smallest block that holds them.
 * With weights in a texture a block of 8 rows is 4 column groups wide, elsewhere one of 16 rows a single one: measured
 * best of 16x1, 16x2, 8x2, 8x4 and 4x4 in either case (47 and 29 GFLOP/s for 1024 cubed; 16x2 has 46 and 36).
 */
const TEXEL_ROWS = [1, 2, 4, 8];
const BUFFER_ROWS = [1, 2, 4, 8, 16];

/** Column groups of S columns (S = subgroup size) per block where weights are in a texture, most first. */
const TEXEL_GROUPS = [4, 2, 1];

/** Rows per invocation in the `vector` form. */
const VECTOR_ROWS = [1, 2, 4, 8];

/** Rows that a pass of the loop over the results of a block stores: see `usedInPasses`. */
export const PASS_ROWS = 2;

/** The dispatch that computes a batch of products. */
export function matmulTiled(product: Product, target: Target): Dispatch {
  return prefersBroadcast(target) ? broadcastProduct(product, target) : vectorProduct(product, target);
}

/**
 * A workgroup is one subgroup and computes a block of rows x column groups of S (S = subgroup size): lane = column, one
 * accumulator per row and group. S values of a row are loaded with one load, lane = k, and handed out by shuffles.
 */
function broadcastProduct(product: Product, target: Target): Dispatch {
  const { a, b, out, batch, rows, inner, columns, factors } = product;
  const lanes = target.subgroupSize;
  const texels = product.firstRow % 4 === 0 && rows > 1
    ? texelsOf(b, `matmul ${rows / (product.images ?? 1)}x${inner}x${columns}`, target)
    : undefined;
  const height = blockRows(rows, texels ? TEXEL_ROWS : BUFFER_ROWS);
  const groupCount = texels ? TEXEL_GROUPS.find((count) => count === 1 || columns > (count - 1) * lanes)! : 1;
  const block = range(height);
  const groups = range(groupCount);
  const rowsEach = Math.min(height, PASS_ROWS);
  const rowBlocks = Math.ceil(rows / height);
  const columnBlocks = Math.ceil(columns / (lanes * groupCount));
  const half = b.dtype === "f16";
  const weights = texels
    ? texelLoads("b", "t", "line", lanes)
    : half
    ? halfLoads("b", "h", (q) => `weight + min(${q / 2}u * params.columns, last)`, lanes)
    : bufferLoads("b", "w", (q) => `weight + min(${q}u * params.columns, last)`, lanes);
  const wordRows = half ? Math.ceil(inner / 2) : inner;
  const matrixPitch = texels ? texelRows(inner, lanes) : wordRows * columns;
  return kernel({
    label: `matmul.broadcast${factors ? ".norm" : ""}${half ? ".f16" : ""}`,
    read: {
      a,
      b: texels ? { tensor: texels, type: "texture" } : b,
      ...(factors ? { factors } : {}),
      ...epiloguePorts(product, a, "f32"),
    },
    write: { out },
    params: {
      batch,
      rows,
      inner,
      columns,
      rowBlocks,
      columnBlocks,
      matrixPitch: product.sharesB ? 0 : matrixPitch,
      firstRow: texels ? product.firstRow / 4 : product.firstRow / (half ? 2 : 1) * columns,
      passes: height / rowsEach,
      ...epilogueParams(product, product.columns),
    },
    takesParts: true,
    workgroupSize: lanes,
    workgroups: flatGrid(rowBlocks * columnBlocks * batch, target),
    work: batch * rows * inner * columns,
    declarations: epilogueFunctions("f32", product),
    body: `var rest = group.y * groups.x + group.x;
let row = (rest % params.rowBlocks) * ${height}u;
rest /= params.rowBlocks;
let column = (rest % params.columnBlocks) * ${lanes * groupCount}u + lane;
let item = rest / params.columnBlocks;
if (item >= params.batch) { return; }
${lines(block, (p) => `let a${p} = (item * params.rows + min(row + ${p}u, params.rows - 1u)) * params.inner;`)}
${
      lines(groups, (v) => [
        `let start${v} = start(min(column + ${v * lanes}u, params.columns - 1u));`,
        ...block.map((p) => `var c${p}_${v} = start${v};`),
      ])
    }
${
      texels
        ? "var line = item * params.matrixPitch + params.firstRow;"
        : "var weight = item * params.matrixPitch + params.firstRow + column;"
    }
let inner = params.inner;
for (var k = 0u; k < inner; k += ${lanes}u) {
let at = k + lane;
${
      factors
        ? `let factorAt = item * params.inner + min(at, params.inner - 1u);
let origin = factors[factorAt];
let factor = factors[params.batch * params.inner + factorAt];
let summand = factors[2u * params.batch * params.inner + factorAt];`
        : ""
    }
${
      lines(block, (p) => {
        const element = `a[a${p} + at]`;
        const value = factors ? `fma(${element} - origin, factor, summand)` : element;
        return `let x${p} = select(0.0, ${value}, at < inner);`;
      })
    }
${texels ? "" : `let last = (params.inner - 1u - k)${half ? " / 2u" : ""} * params.columns;`}
${blockStep(lanes, rowInputs(height), [weights], { groups: groupCount })}
${texels ? `line += ${lanes / 4}u;` : `weight += ${half ? lanes / 2 : lanes}u * params.columns;`}
}
let rows = params.rows;
let columns = params.columns;
${lines(groups, (v) => `let column${v} = column + ${v * lanes}u;`)}
${
      usedInPasses({
        names: block.flatMap((p) => groups.map((v) => `c${p}_${v}`)),
        each: rowsEach * groupCount,
        count: "params.passes",
        body: (turn) =>
          lines(rowsEach, (p) => [
            `let row${p} = row + ${turn} * ${rowsEach}u + ${p}u;`,
            ...groups.map((v) =>
              `if (row${p} < rows && column${v} < columns) {
let e = (item * rows + row${p}) * columns + column${v};
out[e] = finish(c${p}_${v}, e);
}`
            ),
          ]),
      })
    }`,
  });
}

/** An invocation computes up to 8 rows x 4 columns, columns fastest, in steps of four k; no workgroup memory. */
function vectorProduct(product: Product, target: Target): Dispatch {
  const { rows, factors } = product;
  const height = blockRows(rows, VECTOR_ROWS);
  const block = range(height);
  const { weights, blocks, declarations, ...common } = vectorBlocks(product, { rows: height, columns: 4 });
  return kernel({
    label: `matmul.vector${factors ? ".norm" : ""}${weights.suffix}`,
    ...common,
    workgroupSize: VECTOR_WORKGROUP,
    workgroups: flatGrid(Math.ceil(blocks / VECTOR_WORKGROUP), target),
    declarations: `${declarations}
${factors ? FACTORS_FOUR : ""}`,
    body: `var rest = (group.y * groups.x + group.x) * ${VECTOR_WORKGROUP}u + lane;
let column = (rest % params.columnBlocks) * 4u;
rest /= params.columnBlocks;
let row = (rest % params.rowBlocks) * ${height}u;
let item = rest / params.rowBlocks;
if (item >= params.batch) { return; }
${lines(block, (p) => `let a${p} = (item * params.rows + min(row + ${p}u, params.rows - 1u)) * params.inner;`)}
${lines(block, (p) => `var c${p} = startFour(column);`)}
var weight = item * params.matrixPitch + params.firstRow + column;
for (var k = 0u; k < params.inner; k += 4u) {
${
      factors
        ? `let origin = factorsFour(item, 0u, k);
let factor = factorsFour(item, 1u, k);
let summand = factorsFour(item, 2u, k);`
        : ""
    }
${
      lines(block, (p) => {
        const four = `inputFour(a${p}, k, params.inner)`;
        return `let x${p} = ${factors ? `fma(${four} - origin, factor, summand)` : four};`;
      })
    }
let last = (params.inner - 1u - k) / ${weights.rows}u * params.columns;
${
      blockStep(undefined, rowInputs(height), [
        weights.loads("w", (row) => `weight + min(${row}u * params.columns, last)`),
      ])
    }
weight += ${4 / weights.rows}u * params.columns;
}
${
      lines(block, (p) =>
        `if (row + ${p}u < params.rows) {
storeFour(c${p}, (item * params.rows + row + ${p}u) * params.columns, column);
}`)
    }`,
  });
}

/** What kernels in the `vector` form of a product have in common. */
interface VectorBlocks extends Pick<KernelSource, "read" | "write" | "work" | "takesParts"> {
  readonly params: Readonly<Record<string, number>>;
  /** How b is read. */
  readonly weights: VectorWeights;
  /** Blocks of all of the batch. */
  readonly blocks: number;
  readonly declarations: string;
}

/**
 * What a kernel binds and declares that computes blocks of rows and columns. Where `inner` or `columns` is not divisible by
 * 4, that array is read word by word.
 */
export function vectorBlocks(
  product: Product,
  block: { readonly rows: number; readonly columns: number },
): VectorBlocks {
  const { a, b, out, batch, rows, inner, columns, factors } = product;
  const wideInner = inner % 4 === 0;
  const wide = columns % 4 === 0;
  const type = wide ? "vec4f" : "f32";
  const weights = vectorWeights("b", b, wide);
  const rowBlocks = Math.ceil(rows / block.rows);
  const columnBlocks = Math.ceil(columns / block.columns);
  return {
    weights,
    blocks: rowBlocks * columnBlocks * batch,
    read: {
      a: { tensor: a, type: wideInner ? "vec4f" : "f32" },
      b: weights.port,
      ...(factors ? { factors } : {}),
      ...epiloguePorts(product, b, type),
    },
    write: { out: { tensor: out, type } },
    params: {
      batch,
      rows,
      inner,
      columns,
      rowBlocks,
      columnBlocks,
      matrixPitch: product.sharesB ? 0 : Math.ceil(inner / weights.rows) * columns,
      firstRow: product.firstRow / weights.rows * columns,
      ...epilogueParams(product, columns),
    },
    takesParts: true,
    work: batch * rows * inner * columns,
    declarations: `${vectorEpilogue(wide, product)}
${vectorLoads("a", wideInner)}
${weights.declarations}`,
  };
}

/** WGSL function `factorsFour(item, plane, k)`: four factors from k on; 0 beyond, so that what is padded stays 0. */
const FACTORS_FOUR = `fn factorsFour(item: u32, plane: u32, k: u32) -> vec4f {
  let base = (plane * params.batch + item) * params.inner;
  let last = params.inner - 1u;
  let four = vec4f(factors[base + k], factors[base + min(k + 1u, last)], factors[base + min(k + 2u, last)],
    factors[base + min(k + 3u, last)]);
  return select(vec4f(), four, vec4u(k, k + 1u, k + 2u, k + 3u) < vec4u(params.inner));
}`;

function blockRows(rows: number, sizes: readonly number[]): number {
  return sizes.find((size) => size >= rows) ?? sizes.at(-1) ?? 1;
}
