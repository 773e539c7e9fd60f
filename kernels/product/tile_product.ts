/**
 * WGSL of matrix products for GPUs: workgroups stage tiles of both matrices in workgroup memory, invocations keep a
 * block of sums in registers. The left matrix is whatever a loader makes of memory: rows of a matrix, or the pixels
 * under the taps of a convolution. Where the tiles are too few to fill a GPU, several workgroups share a tile: each
 * sums a part of k, and a second kernel adds the parts in order. All sizes are parameters; the text depends on the tile,
 * the arithmetic and whether channels come in fours.
 */
import { type Dispatch, elementCount, type Target, type Tensor, type TensorType } from "../../engine/mod.ts";
import { elementwise, flatGrid, kernel, type KernelSource, lines, range } from "../text/wgsl.ts";
import { type Epilogue, epilogueFunctions, epilogueParams, epiloguePorts } from "./epilogue.ts";
import { vectorEpilogue, type VectorWeights, vectorWeights } from "./register_block.ts";

/** Extents of the block of a product that one workgroup computes, and of the share of one invocation. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
  /** Steps of k that are staged at a time, a multiple of 4. */
  readonly depth: number;
  /** Rows of an invocation. */
  readonly rowsEach: number;
  /** Columns of an invocation, a multiple of 4. */
  readonly columnsEach: number;
  /**
   * Whether all steps of a depth stand in the text, so that positions in workgroup memory are constants but for the
   * invocation's own; it takes a CPU four times as long to compile, and some GPU compilers tens of seconds: those get
   * the other text from the second on.
   */
  readonly unrolled: boolean;
}

/** In what the factors are staged and multiplied; sums of more than one depth are always f32. */
export type Arithmetic = "f32" | "f16";

/** The left matrix of a product as WGSL. */
export interface LeftMatrix {
  readonly read: KernelSource["read"];
  readonly params: Readonly<Record<string, number>>;
  readonly declarations: string;
  /** Lines that locate a row; `unit` tells apart the rows that one invocation stages. */
  readonly locate: (unit: number, row: string) => readonly string[];
  /** Lines that declare the position of `k`, the first step of a depth; an invocation loads from `k + quad` on. */
  readonly begin: readonly string[];
  /** Lines that move the position on after `k` has grown by a depth. */
  readonly advance: readonly string[];
  /** Expression of the four elements of a row from `k + quad` on, zero from `end` on. */
  readonly load: (unit: number) => string;
}

/** A product of a left matrix [batch, rows, inner] and a right one. */
export interface TileProduct extends Epilogue {
  /** Stable name of the kernel. */
  readonly label: string;
  readonly left: LeftMatrix;
  /** f32 or f16; of each item of the batch `inner` rows from `firstRow` + item * `rowPitch` on are multiplied. */
  readonly right: Tensor;
  readonly firstRow: number;
  readonly rowPitch: number;
  /** [batch, rows, columns] */
  readonly out: Tensor;
  readonly batch: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/** How a product is cut into workgroups. */
export interface Cut {
  readonly tile: Tile;
  /** Parts of k, each summed by workgroups of its own. */
  readonly parts: number;
  /** Rows of a dispatch, whole tiles; by default as many as are no more work than a dispatch should be. */
  readonly bandRows?: number;
}

/**
 * Multiply-adds of a dispatch at most, where a band of rows of one tile is no more. Drivers take a dispatch that lasts for
 * two seconds to hang; small GPUs make some 30 GFLOP/s of the largest convolutions.
 */
const DISPATCH_MULTIPLY_ADDS = 8e9;

/** Invocations of a workgroup. */
export function invocations({ rows, columns, rowsEach, columnsEach }: Tile): number {
  return rows / rowsEach * columns / columnsEach;
}

/** Bytes of workgroup memory. */
export function tileBytes(tile: Tile, arithmetic: Arithmetic): number {
  return (arithmetic === "f32" ? 4 : 2) * (tile.rows * 4 * pitch(tile) + tile.depth * tile.columns);
}

/**
 * Groups of four k from one staged row to the next. Where more than two rows are read at once, one group is left free,
 * so that they lie in different banks.
 */
function pitch({ depth, columns, columnsEach }: Tile): number {
  return depth / 4 + (columns / columnsEach < 16 ? 1 : 0);
}

/** Rows that a matrix of a weight takes in memory: f16 rows lie in pairs, the last one with zeros if need be. */
export function storedRows(rows: number, { dtype }: TensorType): number {
  return dtype === "f16" ? Math.ceil(rows / 2) * 2 : rows;
}

/** The dispatches that compute a product. */
export function tileProduct(
  product: TileProduct,
  cut: Cut,
  arithmetic: Arithmetic,
  target: Target,
): readonly Dispatch[] {
  const { parts } = cut;
  if (parts === 1) return bands(product, cut, arithmetic, target);
  const { batch, rows, columns, label, out } = product;
  const sums = target.scratch([parts, batch, rows, columns]);
  const partial = { ...product, out: sums, bias: undefined, residual: undefined, shift: undefined };
  return [...bands(partial, cut, arithmetic, target), sumOfParts(`${label}.sum`, product, sums, out, target)];
}

/** A dispatch for each band of rows: every element is computed as it would be in one for all of them. */
function bands(product: TileProduct, cut: Cut, arithmetic: Arithmetic, target: Target): readonly Dispatch[] {
  return bandsOf(product, cut.tile.rows, cut.bandRows).map((band) => tiles(product, band, cut, arithmetic, target));
}

/** Rows of a product that one dispatch computes. */
export interface RowBand {
  /** The first of them, a multiple of the rows of a tile. */
  readonly first: number;
  /** How many there are. */
  readonly count: number;
}

/**
 * The rows of a product in bands that are no more work than a dispatch should be.
 * @param tileRows rows of a tile: bands are whole tiles
 * @param bandRows rows of a band, where they are given
 */
export function bandsOf(
  { batch, rows, inner, columns }: Omit<TileProduct, "left">,
  tileRows: number,
  bandRows?: number,
): readonly RowBand[] {
  const most = Math.floor(DISPATCH_MULTIPLY_ADDS / (batch * inner * columns * tileRows)) * tileRows;
  const each = bandRows ?? Math.max(tileRows, most);
  return range(Math.ceil(rows / each)).map((band) => ({
    first: band * each,
    count: Math.min(each, rows - band * each),
  }));
}

function tiles(
  product: TileProduct,
  band: RowBand,
  { tile, parts }: Cut,
  arithmetic: Arithmetic,
  target: Target,
): Dispatch {
  const { left, right, out, batch, rows, inner, columns } = product;
  const wide = columns % 4 === 0;
  const type = wide ? "vec4f" : "f32";
  const weights = vectorWeights("weight", right, wide);
  const rowBlocks = Math.ceil(band.count / tile.rows);
  const columnBlocks = Math.ceil(columns / tile.columns);
  const partLength = Math.ceil(inner / tile.depth / parts) * tile.depth;
  return kernel({
    label: `${product.label}${weights.suffix}`,
    read: { ...left.read, weight: weights.port, ...epiloguePorts(product, right, type) },
    write: { out: { tensor: out, type } },
    params: {
      batch,
      rows,
      inner,
      columns,
      bandRow: band.first,
      rowBlocks,
      columnBlocks,
      parts,
      partLength,
      firstRow: product.firstRow,
      rowPitch: product.rowPitch,
      ...left.params,
      ...epilogueParams(product, product.columns),
    },
    workgroupSize: invocations(tile),
    workgroups: flatGrid(rowBlocks * columnBlocks * parts * batch, target),
    work: batch * band.count * inner * columns,
    declarations: `${left.declarations}
${vectorEpilogue(wide, product)}
${weightPair(weights)}
var<workgroup> leftTile: array<${vector(arithmetic)}, ${tile.rows * pitch(tile)}>;
var<workgroup> rightTile: array<${vector(arithmetic)}, ${tile.depth * tile.columns / 4}>;`,
    body: body(left, tile, arithmetic),
    ...(tile.unrolled ? { shortBody: body(left, { ...tile, unrolled: false }, arithmetic) } : {}),
  });
}

function vector(arithmetic: Arithmetic): string {
  return arithmetic === "f32" ? "vec4f" : "vec4h";
}

/** Largest finite number in half precision. */
const LARGEST_HALF = 65504;

/** WGSL of four factors as they are staged. In half precision what is beyond its numbers becomes the largest of them. */
function staged(value: string, arithmetic: Arithmetic): string {
  return arithmetic === "f32"
    ? `vec4f(${value})`
    : `vec4h(clamp(${value}, vec4f(-${LARGEST_HALF}.0), vec4f(${LARGEST_HALF}.0)))`;
}

/**
 * WGSL function `weightPair`: four columns of rows k, an even number, and k + 1 of the right matrix, zero from row `end`
 * on. Two rows at a time, as half-precision weights lie in pairs of rows.
 */
function weightPair({ declarations, rows }: VectorWeights): string {
  const loads = rows === 2
    ? `let rows = transpose(weightRows((base + k) / 2u * params.columns + column));
  let first = rows[0];
  let second = rows[1];`
    : `let i = (base + k) * params.columns + column;
  let first = weightFour(i);
  let second = weightFour(i + params.columns);`;
  return `${declarations}
struct WeightPair { first: vec4f, second: vec4f }
fn weightPair(base: u32, k: u32, column: u32, end: u32) -> WeightPair {
  ${loads}
  return WeightPair(select(vec4f(), first, k < end), select(vec4f(), second, k + 1u < end));
}`;
}

/**
 * A depth is loaded into registers while the one before is multiplied, so that loads have the time of a whole depth.
 * Rows of an invocation are as far apart as there are invocations along the rows, and so are its groups of columns:
 * what is read together then lies in different banks.
 */
function body(left: LeftMatrix, tile: Tile, arithmetic: Arithmetic): string {
  const count = invocations(tile);
  const across = tile.columns / tile.columnsEach;
  const down = tile.rows / tile.rowsEach;
  const quads = tile.depth / 4;
  const leftUnits = range(tile.rows * quads / count);
  const columnQuads = tile.columns / 4;
  const rightUnits = range(tile.depth / 2 * columnQuads / count);
  const blockRows = range(tile.rowsEach);
  const blockColumns = range(tile.columnsEach / 4);
  const cells = blockRows.flatMap((i) => blockColumns.map((j) => ({ i, j })));
  const half = arithmetic === "f16";
  const type = vector(arithmetic);
  const sum = half ? "h" : "c";
  const loads = (declare: "var " | ""): readonly string[] => [
    ...leftUnits.map((u) => `${declare}a${u} = ${left.load(u)};`),
    ...rightUnits.map((u) =>
      `${declare}b${u} = weightPair(base, k + pair + ${u * count / columnQuads * 2}u, column, end);`
    ),
  ];
  const multiply = (q: string): string =>
    [
      ...blockRows.map((i) => `let x${i} = leftTile[left + ${i * down * pitch(tile)}u + ${q}];`),
      ...range(4).flatMap((e) => [
        ...blockColumns.map((j) =>
          `let w${e}_${j} = rightTile[across + ${q} * ${4 * columnQuads}u + ${e * columnQuads + j * across}u];`
        ),
        ...cells.map(({ i, j }) => `${sum}${i}_${j} = fma(${type}(x${i}.${"xyzw"[e]}), w${e}_${j}, ${sum}${i}_${j});`),
      ]),
    ].join("\n");
  return `var rest = group.y * groups.x + group.x;
let firstColumn = (rest % params.columnBlocks) * ${tile.columns}u;
rest /= params.columnBlocks;
let firstRow = params.bandRow + (rest % params.rowBlocks) * ${tile.rows}u;
rest /= params.rowBlocks;
let part = rest % params.parts;
let item = rest / params.parts;
if (item >= params.batch) { return; }
let across = lane % ${across}u;
let down = lane / ${across}u;
let left = down * ${pitch(tile)}u;
let quad = (lane % ${quads}u) * 4u;
let staged = lane / ${quads}u;
let pair = (lane / ${columnQuads}u) * 2u;
let column = firstColumn + (lane % ${columnQuads}u) * 4u;
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
${loads("var ").join("\n")}
${lines(cells, ({ i, j }) => `var c${i}_${j} = vec4f();`)}
while (k < end) {
workgroupBarrier();
${
    lines(leftUnits, (u) =>
      `leftTile[(staged + ${u * count / quads}u) * ${pitch(tile)}u + quad / 4u] = ${staged(`a${u}`, arithmetic)};`)
  }
${
    lines(rightUnits, (u) =>
      ["first", "second"].map((row, r) =>
        `rightTile[(pair + ${u * count / columnQuads * 2 + r}u) * ${columnQuads}u + lane % ${columnQuads}u] = ` +
        `${staged(`b${u}.${row}`, arithmetic)};`
      ))
  }
workgroupBarrier();
k += ${tile.depth}u;
${left.advance.join("\n")}
${loads("").join("\n")}
${half ? lines(cells, ({ i, j }) => `var h${i}_${j} = vec4h();`) : ""}
${
    tile.unrolled
      ? lines(quads, (q) => `{\n${multiply(`${q}u`)}\n}`)
      : `for (var q = 0u; q < ${quads}u; q += 1u) {\n${multiply("q")}\n}`
  }
${half ? lines(cells, ({ i, j }) => `c${i}_${j} += vec4f(h${i}_${j});`) : ""}
}
let to = (part * params.batch + item) * params.rows + firstRow + down;
${
    lines(blockColumns, (j) => [
      `let column${j} = firstColumn + (across + ${j * across}u) * 4u;`,
      `if (column${j} < params.columns) {`,
      `let start${j} = startFour(column${j});`,
      ...blockRows.flatMap((i) => [
        `if (firstRow + down + ${i * down}u < params.rows) {`,
        `storeFour(c${i}_${j} + start${j}, (to + ${i * down}u) * params.columns, column${j});`,
        "}",
      ]),
      "}",
    ])
  }`;
}

/** Adds the parts of a product in order, then bias and residual. */
export function sumOfParts(
  label: string,
  product: Omit<TileProduct, "left">,
  sums: Tensor,
  out: Tensor,
  target: Target,
): Dispatch {
  const wide = product.columns % 4 === 0;
  const type = wide ? "vec4f" : "f32";
  const group = wide ? 4 : 1;
  return elementwise(label, target, {
    read: { sums: { tensor: sums, type }, ...epiloguePorts(product, sums, type) },
    write: { out: { tensor: out, type } },
    count: elementCount(out.shape) / group,
    params: {
      parts: elementCount(sums.shape) / elementCount(out.shape),
      columns: product.columns / group,
      ...epilogueParams(product, product.columns),
    },
    declarations: epilogueFunctions(type, product),
    body: `var sum = sums[i];
for (var part = 1u; part < params.parts; part += 1u) { sum += sums[part * params.count + i]; }
out[i] = finish(sum + start(i % params.columns), i);`,
  });
}
