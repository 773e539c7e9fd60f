/** Products of few rows on a GPU, such as the projections of a timestep embedding: the lanes of a workgroup share k. */
import type { Dispatch, Target } from "../../engine/mod.ts";
import { flatGrid, kernel, lines, range } from "../text/wgsl.ts";
import { type Product, vectorBlocks } from "./matmul_tiled.ts";
import { blockStep, rowInputs } from "./register_block.ts";

/** Rows of an image from which a product has enough invocations without sharing k. */
const FEW_ROWS = 16;

/** Steps of k from which sharing them is worth the sums over lanes: 64 turns of a loop for one invocation alone. */
const LEAST_INNER = 256;

/** Quadruples of columns of a workgroup, and lanes that share the k of each. */
const [ACROSS, LANES] = [16, 16];

/** Rows of a workgroup, least first. */
const ROWS = [1, 2, 4];

/**
 * Whether lanes share the k of a product. It depends on the rows of one image, and a row is summed in the same order
 * whatever stands beside it, so that a batch of fewer than 16 gives the bits of its images.
 */
export function sharesInner({ rows, images = 1, inner, factors }: Product, target: Target): boolean {
  return !target.software && !factors && rows / images < FEW_ROWS && inner >= LEAST_INNER;
}

/**
 * A product of few rows is bound by reading b once. The projections of a network of 552.8 M parameters are 217 MB in
 * each evaluation, 0.07 ms at 3.3 TB/s and 0.6 ms at 360 GB/s, but an invocation that walks through 1024 k alone waits
 * 256 times for its loads, which takes longer. Computing the projections of all steps in one product beforehand would
 * save the reading as well, at most 0.3 % of an evaluation of 200 ms, and would need all timesteps and classes of a
 * run before it begins, which samplers that choose steps or guidance on the way do not have.
 *
 * Mapping: a workgroup of 256 takes up to 4 rows of 64 columns, 16 lanes for each four columns, which take every 16th
 * four k; neighbouring invocations take neighbouring columns. Through workgroup memory, 4 KiB for each row, the sums
 * of the lanes reach one of them, which adds them in their order.
 */
export function matmulRow(product: Product, target: Target): Dispatch {
  const height = ROWS.find((size) => size >= product.rows) ?? ROWS.at(-1)!;
  const block = range(height);
  const { weights, blocks, declarations, ...common } = vectorBlocks(product, { rows: height, columns: 4 * ACROSS });
  const size = ACROSS * LANES;
  return kernel({
    label: `matmul.row${weights.suffix}`,
    ...common,
    workgroupSize: size,
    workgroups: flatGrid(blocks, target),
    declarations: `var<workgroup> shared_sums: array<vec4f, ${height * size}>;
${declarations}`,
    body: `var rest = group.y * groups.x + group.x;
let column = (rest % params.columnBlocks) * ${4 * ACROSS}u + lane % ${ACROSS}u * 4u;
rest /= params.columnBlocks;
let row = (rest % params.rowBlocks) * ${height}u;
let item = rest / params.rowBlocks;
if (item >= params.batch) { return; }
let first = lane / ${ACROSS}u * 4u;
let isColumn = column < params.columns;
${lines(block, (p) => `let a${p} = (item * params.rows + min(row + ${p}u, params.rows - 1u)) * params.inner;`)}
${lines(block, (p) => `var c${p} = vec4f();`)}
var weight = item * params.matrixPitch + params.firstRow + first / ${weights.rows}u * params.columns +
  select(0u, column, isColumn);
for (var k = first; k < params.inner; k += ${4 * LANES}u) {
${lines(block, (p) => `let x${p} = inputFour(a${p}, k, params.inner);`)}
let last = (params.inner - 1u - k) / ${weights.rows}u * params.columns;
${
      blockStep(undefined, rowInputs(height), [
        weights.loads("w", (row) => `weight + min(${row}u * params.columns, last)`),
      ])
    }
weight += ${4 * LANES / weights.rows}u * params.columns;
}
${lines(block, (p) => `shared_sums[${p * size}u + lane] = c${p};`)}
workgroupBarrier();
let p = lane / ${ACROSS}u;
if (p >= ${height}u || row + p >= params.rows || !isColumn) { return; }
var sum = vec4f();
for (var j = 0u; j < ${LANES}u; j += 1u) { sum += shared_sums[p * ${size}u + j * ${ACROSS}u + lane % ${ACROSS}u]; }
storeFour(sum + startFour(column), (item * params.rows + row + p) * params.columns, column);`,
  });
}
