/**
 * WGSL of matrix products for GPUs: workgroups stage tiles of both matrices in workgroup memory, invocations keep a
 * block of sums in registers. The left matrix is whatever a loader makes of memory: rows of a matrix, or the pixels
 * under the taps of a convolution. Where the tiles are too few to fill a GPU, several workgroups share a tile: each
 * sums a part of k, and a second kernel adds the parts in order. All sizes are parameters; the text depends on the tile,
 * the arithmetic and whether channels come in fours.
 */
import { type Dispatch, elementCount, type Target, type Tensor, type TensorType } from "../../engine/mod.ts";
import { elementwise, flatGrid, kernel, range } from "../text/wgsl.ts";
import { type Epilogue, epilogueFunctions, epilogueParams, epiloguePorts } from "./epilogue.ts";
import { vectorEpilogue } from "./register_block.ts";
import {
  type Arithmetic,
  invocations,
  type LeftMatrix,
  rightMatrix,
  type Tile,
  tileArrays,
  tileBody,
} from "./tile_text.ts";

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
  const weights = rightMatrix(right, wide, inner % tile.depth === 0);
  const body = (tile: Tile): string => tileBody(left, weights, tile, arithmetic);
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
${weights.declarations}
${tileArrays(tile, arithmetic)}`,
    body: body(tile),
    ...(tile.unrolled ? { shortBody: body({ ...tile, unrolled: false }) } : {}),
  });
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
