/**
 * WGSL of matrix products from subgroup matrices: tensor cores, where a device has them. Workgroups stage tiles of both
 * factors in workgroup memory as halves, each of their subgroups multiplies its block of small matrices with sums in
 * single precision. What is loaded and what is added to a sum are those of the other products. All sizes are parameters;
 * the text depends on the tile, on the device and on whether channels come in fours.
 */
import type { Dispatch, Target } from "../../../engine/mod.ts";
import { lines, range } from "../../text/wgsl.ts";
import { vectorWeights } from "../register_block.ts";
import { stagedKernel, type StagedProduct, stagedProduct } from "../tile_product.ts";
import { halves, workgroupPlace } from "../tile_text.ts";
import { MATRIX_DEPTH, MATRIX_PITCH, type MatrixCut } from "./matrix_cut.ts";
import { type LeftLoads, weightPairs } from "./matrix_loads.ts";

/** A product whose subgroups multiply small matrices. */
interface MatrixProduct extends StagedProduct {
  /** How the left matrix is loaded. */
  readonly left: LeftLoads;
}

/** The dispatches that compute a product. */
export function matrixProduct(product: MatrixProduct, cut: MatrixCut, target: Target): readonly Dispatch[] {
  const { parts, tile, matrix, subgroups } = cut;
  return stagedProduct(product, { parts, tileRows: tile.rows }, target, (part, band) => {
    const weights = vectorWeights("weight", part.right, part.columns % 4 === 0);
    return stagedKernel(part, band, { ...tile, depth: MATRIX_DEPTH, parts }, {
      left: part.left,
      weights,
      workgroupSize: tile.invocations,
      subgroupSize: matrix.asksForLanes ? matrix.lanes : undefined,
      declarations: `${weightPairs(weights)}
${matrixTypes(cut)}
var<workgroup> leftTile: array<vec4h, ${tile.rows * MATRIX_PITCH / 4}>;
var<workgroup> rightTile: array<vec4h, ${tile.columns * MATRIX_PITCH / 4}>;
var<workgroup> blocks: array<vec4f, ${subgroups * matrix.rows * matrix.columns / 4}>;`,
      body: body(part.left, cut, target),
    }, target);
  });
}

/**
 * WGSL that repeats lines for s = 0, 1, ...: in full, or as a loop where kernels run on the CPU, whose compiler takes
 * seconds for every step.
 * @param line the lines of a step, whose number is a WGSL expression
 */
export function matrixSteps(
  count: number,
  { software }: Pick<Target, "software">,
  line: (s: string) => readonly string[],
): string {
  if (software) return `for (var s = 0u; s < ${count}u; s += 1u) {\n${line("s").join("\n")}\n}`;
  return lines(count, (s) => ["{", ...line(`${s}u`), "}"]);
}

/** WGSL names of the types of both factors and of the sums. */
export function matrixTypes({ matrix: { rows, columns, inner } }: Pick<MatrixCut, "matrix">): string {
  return `alias Left = subgroup_matrix_left<f16, ${inner}, ${rows}>;
alias Right = subgroup_matrix_right<f16, ${columns}, ${inner}>;
alias Sums = subgroup_matrix_result<f32, ${columns}, ${rows}>;`;
}

/**
 * A depth is loaded into registers while the one before is multiplied. The right tile is staged column by column, as the
 * left one row by row: an invocation that holds a part of a small matrix then finds it in one piece. Positions and pitches
 * of matrices in workgroup memory count in its elements, which are four halves or four sums.
 */
function body(left: LeftLoads, cut: MatrixCut, target: Target): string {
  const { tile, matrix, across, blockRows, blockColumns } = cut;
  const count = tile.invocations;
  const quads = MATRIX_DEPTH / 4;
  const leftUnits = range(tile.rows * quads / count);
  const rightUnits = range(tile.columns / 4 * quads / count);
  const pitch = MATRIX_PITCH / 4;
  const cells = range(blockRows).flatMap((i) => range(blockColumns).map((j) => ({ i, j })));
  const fourColumns = (u: number): string => `(staged + ${u * count / quads}u) * 4u`;
  const loads = (declare: "var " | ""): string =>
    lines([
      ...leftUnits.map((u) => `${declare}a${u} = ${left.load(u)};`),
      ...rightUnits.flatMap((u) =>
        ["", "+ 2u"].map((more, half) =>
          `${declare}b${u}_${half} = weightPair(base, k + quad${more}, firstColumn + ${fourColumns(u)}, end);`
        )
      ),
    ], (line) => line);
  const step = (s: string): readonly string[] => [
    ...range(blockRows).map((i) =>
      `let x${i} = subgroupMatrixLoad<Left, row_major>(&leftTile, ` +
      `left + ${i * matrix.rows * pitch}u + ${s} * ${matrix.inner / 4}u, ${pitch}u);`
    ),
    ...range(blockColumns).map((j) =>
      `let w${j} = subgroupMatrixLoad<Right, col_major>(&rightTile, ` +
      `right + ${j * matrix.columns * pitch}u + ${s} * ${matrix.inner / 4}u, ${pitch}u);`
    ),
    ...cells.map(({ i, j }) => `c${i}_${j} = subgroupMatrixMultiplyAccumulate(x${i}, w${j}, c${i}_${j});`),
  ];
  return `${workgroupPlace(tile)}
let left = subgroupId / ${across}u * ${blockRows * matrix.rows * pitch}u;
let right = subgroupId % ${across}u * ${blockColumns * matrix.columns * pitch}u;
let quad = (lane % ${quads}u) * 4u;
let staged = lane / ${quads}u;
let base = params.firstRow + item * params.rowPitch;
let end = min((part + 1u) * params.partLength, params.inner);
var k = part * params.partLength;
${
    lines(leftUnits, (u) => [
      `let row${u} = min(firstRow + staged + ${u * count / quads}u, params.rows - 1u);`,
      ...left.locate(u, `row${u}`),
    ])
  }
${left.begin.join("\n")}
${loads("var ")}
${lines(cells, ({ i, j }) => `var c${i}_${j} = Sums();`)}
while (k < end) {
workgroupBarrier();
${lines(leftUnits, (u) => `leftTile[(staged + ${u * count / quads}u) * ${pitch}u + quad / 4u] = ${halves(`a${u}`)};`)}
${
    lines(rightUnits, (u) => [
      `let four${u} = transpose(mat4x4f(b${u}_0.first, b${u}_0.second, b${u}_1.first, b${u}_1.second));`,
      ...range(4).map((c) =>
        `rightTile[(${fourColumns(u)} + ${c}u) * ${pitch}u + quad / 4u] = ${halves(`four${u}[${c}]`)};`
      ),
    ])
  }
workgroupBarrier();
k += ${MATRIX_DEPTH}u;
${left.advance.join("\n")}
${loads("")}
${matrixSteps(MATRIX_DEPTH / matrix.inner, target, step)}
}
let to = (part * params.batch + item) * params.rows;
${lines(cells, ({ i, j }) => storedBlock(cut, i, j))}`;
}

/** WGSL that stores one small product of every subgroup: through workgroup memory, since only there rows can be told apart. */
function storedBlock(
  { tile, matrix, across, subgroups, blockRows, blockColumns }: MatrixCut,
  i: number,
  j: number,
): string {
  const quads = matrix.rows * matrix.columns / 4;
  const rowQuads = matrix.columns / 4;
  return `workgroupBarrier();
subgroupMatrixStore<row_major>(&blocks, subgroupId * ${quads}u, c${i}_${j}, ${rowQuads}u);
workgroupBarrier();
for (var e = lane; e < ${subgroups * quads}u; e += ${tile.invocations}u) {
let owner = e / ${quads}u;
let row = firstRow + owner / ${across}u * ${blockRows * matrix.rows}u + e % ${quads}u / ${rowQuads}u + ${
    i * matrix.rows
  }u;
let column = firstColumn + owner % ${across}u * ${blockColumns * matrix.columns}u + e % ${rowQuads}u * 4u + ${
    j * matrix.columns
  }u;
if (row < params.rows && column < params.columns) {
storeFour(blocks[e] + startFour(column), (to + row) * params.columns, column);
}
}`;
}
