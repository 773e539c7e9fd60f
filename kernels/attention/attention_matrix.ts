/**
 * Attention from subgroup matrices: tensor cores, where a device has them. Queries, keys, values and the powers of the
 * logits are halves, all sums are in single precision.
 */
import type { Dispatch, SubgroupMatrix, Target, Tensor } from "../../engine/mod.ts";
import { matrixSteps, matrixTypes } from "../product/matrix/matrix_product.ts";
import { MATRIX_ALGORITHM } from "../product/matrix/subgroup_matrix.ts";
import { halves } from "../product/tile_text.ts";
import { lines, range } from "../text/wgsl.ts";
import { headKernel, LOWEST, softmaxStep } from "./attention_kernels.ts";
import { type AttentionAttrs, type AttentionLayout, layoutOf } from "./attention_layout.ts";

/** What the preference `attention` may ask for. */
export const ATTENTION_ALGORITHMS = [MATRIX_ALGORITHM] as const;

const INVOCATIONS = 128;

/** Queries of a workgroup: two invocations each take half of the logits of one. */
const QUERIES = 64;

/** Keys of a step, and channels of a chunk of the result. */
const KEYS = 32;

/** Halves left free after each staged row, so that rows which are read together lie in different banks. */
const PADDING = 8;

/** How the subgroups of a workgroup share a block of queries x keys, or of queries x a chunk of the channels. */
interface Grid {
  readonly matrix: SubgroupMatrix;
  /** Subgroups that stand side by side along the keys. */
  readonly across: number;
  /** Small products of a subgroup along the queries. */
  readonly blockRows: number;
  /** Small products of a subgroup along the keys. */
  readonly blockColumns: number;
}

function gridOf(matrix: SubgroupMatrix): Grid | undefined {
  const subgroups = INVOCATIONS / matrix.lanes;
  const down = Math.min(subgroups, QUERIES / matrix.rows);
  const across = subgroups / down;
  const blockColumns = KEYS / across / matrix.columns;
  return blockColumns < 1 ? undefined : { matrix, across, blockRows: QUERIES / down / matrix.rows, blockColumns };
}

/** Extents of what is staged, in groups of four elements. */
interface Extents {
  /** Chunks of channels of a head; what is beyond its width is zero. */
  readonly chunks: number;
  /** From one query or key to the next. */
  readonly headPitch: number;
  /** From one channel of the values, or one row of powers, to the next. */
  readonly keyPitch: number;
  /** From one row of logits to the next. */
  readonly logitPitch: number;
  /** Of the keys, or of the values in their place. */
  readonly keySize: number;
}

function extentsOf({ head }: AttentionLayout): Extents {
  const chunks = Math.ceil(head / KEYS);
  const headPitch = (chunks * KEYS + PADDING) / 4;
  const keyPitch = (KEYS + PADDING) / 4;
  const keySize = Math.max(KEYS * headPitch, chunks * KEYS * keyPitch);
  return { chunks, headPitch, keyPitch, logitPitch: (KEYS + 4) / 4, keySize };
}

/** Bytes of workgroup memory. */
function bytesOf({ headPitch, keyPitch, logitPitch, keySize }: Extents): number {
  return 8 * (QUERIES * (headPitch + keyPitch) + keySize) + 16 * QUERIES * logitPitch + 8 * INVOCATIONS;
}

/** Whether the preferences ask for these forms. */
function isAskedFor({ preferences = {} }: Target): boolean {
  const { attention: wish = "auto" } = preferences;
  if (wish === "auto" || wish === MATRIX_ALGORITHM) return wish !== "auto";
  throw new RangeError(
    `Cannot build attention: the preference is "${wish}", one of auto, ${MATRIX_ALGORITHM} is needed`,
  );
}

/**
 * Attention by two passes over the keys: the first finds the greatest logit of each query and the sum of the powers, the
 * second the weighted sum of v, which then never has to be rescaled; that would take it out of the matrices.
 * Mapping: a workgroup of 128 takes 64 queries of one head. In steps of 32 keys its subgroups multiply blocks of queries
 * and keys, later of powers and values, which are staged in workgroup memory.
 * @returns undefined where the preference `attention` does not ask for it, or the device has no subgroup matrices or too
 *   little workgroup memory
 * @throws {RangeError} if the preference is another than `auto` and `matrix-f16`
 */
export function matrixKernel(qkv: Tensor, y: Tensor, attrs: AttentionAttrs, target: Target): Dispatch | undefined {
  const layout = layoutOf(qkv.shape, attrs);
  const grid = isAskedFor(target) && target.subgroupMatrix ? gridOf(target.subgroupMatrix) : undefined;
  const extents = extentsOf(layout);
  const fits = bytesOf(extents) <= target.maxWorkgroupBytes && INVOCATIONS <= target.maxWorkgroupInvocations;
  if (!grid || !fits) return undefined;
  const { matrix } = grid;
  const { headPitch, keyPitch, logitPitch, keySize } = extents;
  const wide = layout.head % 4 === 0;
  const type = wide ? "vec4f" : "f32";
  return headKernel({ read: { x: { tensor: qkv, type } }, write: { y: { tensor: y, type } } }, layout, target, {
    label: `attention.${MATRIX_ALGORITHM}`,
    queries: QUERIES,
    invocations: INVOCATIONS,
    subgroupSize: matrix.asksForLanes ? matrix.lanes : undefined,
    declarations: `${matrixTypes({ matrix })}
var<workgroup> queries: array<vec4h, ${QUERIES * headPitch}>;
var<workgroup> keys: array<vec4h, ${keySize}>;
var<workgroup> powers: array<vec4h, ${QUERIES * keyPitch}>;
var<workgroup> logits: array<vec4f, ${QUERIES * logitPitch}>;
var<workgroup> found: array<vec2f, ${INVOCATIONS}>;
fn fourOf(base: u32, position: u32, channel: u32, pitch: u32) -> vec4f {
  let i = base + min(position, params.length - 1u) * pitch + channel;
  if (position >= params.length || channel >= params.width) { return vec4f(); }
  return ${wide ? "x[i / 4u]" : partialLoad()};
}`,
    body: body(grid, extents, wide, target),
  });
}

/** Four channels of which some may be beyond the width of the head. */
function partialLoad(): string {
  const last = "params.width - 1u - channel";
  const four = range(4).map((c) => `x[i + min(${c}u, ${last})]`).join(", ");
  return `select(vec4f(), vec4f(${four}), channel + vec4u(0u, 1u, 2u, 3u) < vec4u(params.width))`;
}

function body(grid: Grid, extents: Extents, wide: boolean, target: Target): string {
  const { matrix, across, blockRows, blockColumns } = grid;
  const { chunks, headPitch, keyPitch, logitPitch } = extents;
  const headQuads = chunks * KEYS / 4;
  const logits = logitsOf(grid, extents, target);
  const cells = cellsOf(grid);
  const columns = range(KEYS / 2 / 4);
  const stagedRows = (tile: string, rows: number, base: string, first: string): string =>
    `for (var e = lane; e < ${rows * headQuads}u; e += ${INVOCATIONS}u) {
let four = fourOf(${base}, ${first} + e / ${headQuads}u, e % ${headQuads}u * 4u, pitch);
${tile}[e / ${headQuads}u * ${headPitch}u + e % ${headQuads}u] = ${halves("four")};
}`;
  const logit = (u: number, c: number): string =>
    `select(${LOWEST}, four${u}.${"xyzw"[c]} * scale, start + ${4 * u + c}u + half * ${KEYS / 2}u < params.length)`;
  return `let row = lane / 2u;
let half = lane % 2u;
let blockRow = subgroupId / ${across}u * ${blockRows * matrix.rows}u;
let blockColumn = subgroupId % ${across}u * ${blockColumns * matrix.columns}u;
${stagedRows("queries", QUERIES, "q_base", "first")}
var top = ${LOWEST};
var sum = 0.0;
for (var start = 0u; start < params.length; start += ${KEYS}u) {
workgroupBarrier();
${stagedRows("keys", KEYS, "k_base", "start")}
workgroupBarrier();
${logits}
workgroupBarrier();
${
    lines(columns, (u) => [
      "{",
      `let four${u} = logits[row * ${logitPitch}u + half * ${columns.length}u + ${u}u];`,
      ...range(4).map((c) => `let s${c} = ${logit(u, c)};`),
      softmaxStep(4),
      "}",
    ])
  }
}
found[lane] = vec2f(top, sum);
workgroupBarrier();
let other = found[lane ^ 1u];
let greatest = max(top, other.x);
let share = 1.0 / (sum * exp(top - greatest) + other.y * exp(other.x - greatest));
${lines(chunks, (chunk) => cells.map(({ i, j }) => `var o${chunk}_${i}_${j} = Sums();`))}
for (var start = 0u; start < params.length; start += ${KEYS}u) {
workgroupBarrier();
${stagedRows("keys", KEYS, "k_base", "start")}
workgroupBarrier();
${logits}
workgroupBarrier();
${
    lines(columns, (u) => [
      `let four${u} = logits[row * ${logitPitch}u + half * ${columns.length}u + ${u}u];`,
      `powers[row * ${keyPitch}u + half * ${columns.length}u + ${u}u] = ` +
      `vec4h(exp(vec4f(${range(4).map((c) => logit(u, c)).join(", ")}) - greatest));`,
    ])
  }
for (var e = lane; e < ${headQuads * KEYS / 4}u; e += ${INVOCATIONS}u) {
let key = e % ${KEYS / 4}u;
let channel = e / ${KEYS / 4}u * 4u;
let four = transpose(mat4x4f(${
    range(4).map((k) => `fourOf(v_base, start + 4u * key + ${k}u, channel, pitch)`).join(", ")
  }));
${lines(4, (c) => `keys[(channel + ${c}u) * ${keyPitch}u + key] = ${halves(`four[${c}]`)};`)}
}
workgroupBarrier();
${matrixSteps(KEYS / matrix.inner, target, (s) => resultStep(grid, extents, s))}
}
${
    lines(chunks, (chunk) => [
      "workgroupBarrier();",
      ...storedSums(grid, extents, `o${chunk}_`),
      "workgroupBarrier();",
      ...columns.map((u) => storedFour(extents, chunk, u, wide)),
    ])
  }`;
}

/** The small products of a subgroup. */
function cellsOf({ blockRows, blockColumns }: Grid): readonly { readonly i: number; readonly j: number }[] {
  return range(blockRows).flatMap((i) => range(blockColumns).map((j) => ({ i, j })));
}

/** WGSL that leaves the products of the staged queries and keys in `logits`. */
function logitsOf(grid: Grid, extents: Extents, target: Target): string {
  const { matrix, blockRows, blockColumns } = grid;
  const { chunks, headPitch } = extents;
  const at = (block: string, size: number, s: string): string =>
    `(${block} + ${size}u) * ${headPitch}u + ${s} * ${matrix.inner / 4}u, ${headPitch}u`;
  return `{
${lines(cellsOf(grid), ({ i, j }) => `var s${i}_${j} = Sums();`)}
${
    matrixSteps(chunks * KEYS / matrix.inner, target, (s) => [
      ...range(blockRows).map((i) =>
        `let x${i} = subgroupMatrixLoad<Left, row_major>(&queries, ${at("blockRow", i * matrix.rows, s)});`
      ),
      ...range(blockColumns).map((j) =>
        `let w${j} = subgroupMatrixLoad<Right, col_major>(&keys, ${at("blockColumn", j * matrix.columns, s)});`
      ),
      ...cellsOf(grid).map(({ i, j }) => `s${i}_${j} = subgroupMatrixMultiplyAccumulate(x${i}, w${j}, s${i}_${j});`),
    ])
  }
${storedSums(grid, extents, "s").join("\n")}
}`;
}

/** WGSL that adds the products of one step of powers and values to all chunks of the result. */
function resultStep(grid: Grid, { chunks, keyPitch }: Extents, s: string): readonly string[] {
  const { matrix, blockRows, blockColumns } = grid;
  const place = `${keyPitch}u + ${s} * ${matrix.inner / 4}u, ${keyPitch}u`;
  return [
    ...range(blockRows).map((i) =>
      `let x${i} = subgroupMatrixLoad<Left, row_major>(&powers, (blockRow + ${i * matrix.rows}u) * ${place});`
    ),
    ...range(chunks).flatMap((chunk) => [
      ...range(blockColumns).map((j) =>
        `let w${chunk}_${j} = subgroupMatrixLoad<Right, col_major>(&keys, ` +
        `(blockColumn + ${chunk * KEYS + j * matrix.columns}u) * ${place});`
      ),
      ...cellsOf(grid).map(({ i, j }) =>
        `o${chunk}_${i}_${j} = subgroupMatrixMultiplyAccumulate(x${i}, w${chunk}_${j}, o${chunk}_${i}_${j});`
      ),
    ]),
  ];
}

/** Lines that store the sums of a block of `KEYS` columns, whose names begin with `prefix`, in `logits`. */
function storedSums(grid: Grid, { logitPitch }: Extents, prefix: string): readonly string[] {
  const { matrix } = grid;
  return cellsOf(grid).map(({ i, j }) =>
    `subgroupMatrixStore<row_major>(&logits, (blockRow + ${i * matrix.rows}u) * ${logitPitch}u + ` +
    `(blockColumn + ${j * matrix.columns}u) / 4u, ${prefix}${i}_${j}, ${logitPitch}u);`
  );
}

/** WGSL that stores four channels of the result of a query. */
function storedFour({ logitPitch }: Extents, chunk: number, u: number, wide: boolean): string {
  const quads = KEYS / 2 / 4;
  const channel = `let channel = ${chunk * KEYS + 4 * u}u + half * ${KEYS / 2}u;`;
  const four = `logits[row * ${logitPitch}u + half * ${quads}u + ${u}u] * share`;
  const place = "y_base + (first + row) * params.channels + channel";
  const stores = wide
    ? `if (channel < params.width) { y[(${place}) / 4u] = four; }`
    : lines(4, (c) => `if (channel + ${c}u < params.width) { y[${place} + ${c}u] = four[${c}]; }`);
  return `if (first + row < params.length) {\n${channel}\nlet four = ${four};\n${stores}\n}`;
}
