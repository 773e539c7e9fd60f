/**
 * WGSL of matrix products for GPUs: workgroups stage tiles of both matrices in workgroup memory, invocations keep a
 * block of sums in registers. The left matrix is whatever a loader makes of memory: rows of a matrix, or the pixels
 * under the taps of a convolution. Where the tiles are too few to fill a GPU, several workgroups share a tile: each
 * sums a part of k, and a second kernel adds the parts in order. All sizes are parameters; the text depends on the tile,
 * the arithmetic and whether channels come in fours.
 */
import { type Dispatch, elementCount, type Target, type Tensor, type TensorType } from "../../engine/mod.ts";
import { elementwise, flatGrid, kernel, type KernelSource, type Port, range } from "../text/wgsl.ts";
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

/**
 * A product of a left matrix [batch, rows, inner] and a right one that workgroups stage tile by tile, but for how they
 * load and multiply them.
 */
export interface StagedProduct extends Epilogue {
  /** Stable name of the kernel. */
  readonly label: string;
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

/** A product whose invocations multiply blocks in registers. */
interface TileProduct extends StagedProduct {
  readonly left: LeftMatrix;
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
  const { tile, parts, bandRows } = cut;
  return stagedProduct(product, { parts, tileRows: tile.rows, bandRows }, target, (part, band) => {
    const weights = rightMatrix(part.right, part.columns % 4 === 0, part.inner % tile.depth === 0);
    const body = (tile: Tile): string => tileBody(part.left, weights, tile, arithmetic);
    return stagedKernel(part, band, { ...tile, parts }, {
      left: part.left,
      weights,
      workgroupSize: invocations(tile),
      declarations: `${weights.declarations}
${tileArrays(tile, arithmetic)}`,
      body: body(tile),
      ...(tile.unrolled ? { shortBody: body({ ...tile, unrolled: false }) } : {}),
    }, target);
  });
}

/** Rows of a product that one dispatch computes. */
interface RowBand {
  /** The first of them, a multiple of the rows of a tile. */
  readonly first: number;
  /** How many there are. */
  readonly count: number;
}

/**
 * The dispatches that compute a product: one for each band of rows, which computes every element as one for all of them
 * would, and where k is in parts, one that adds these.
 * @param cut parts of k, rows of a tile, and rows of a band where these are given; see `Cut`
 * @param tiles the dispatch for a band of a product, be it this one or its parts, to which nothing is added
 */
export function stagedProduct<P extends StagedProduct>(
  product: P,
  { parts, tileRows, bandRows }: {
    readonly parts: number;
    readonly tileRows: number;
    readonly bandRows?: number | undefined;
  },
  target: Target,
  tiles: (product: P, band: RowBand) => Dispatch,
): readonly Dispatch[] {
  const { batch, rows, inner, columns } = product;
  const most = Math.floor(DISPATCH_MULTIPLY_ADDS / (batch * inner * columns * tileRows)) * tileRows;
  const each = bandRows ?? Math.max(tileRows, most);
  const bands = range(Math.ceil(rows / each)).map((band): RowBand => ({
    first: band * each,
    count: Math.min(each, rows - band * each),
  }));
  if (parts === 1) return bands.map((band) => tiles(product, band));
  const sums = target.scratch([parts, batch, rows, columns]);
  const partial = { ...product, out: sums, bias: undefined, residual: undefined, shift: undefined };
  return [...bands.map((band) => tiles(partial, band)), sumOfParts(product, sums, target)];
}

/** What kernels of staged products differ in. */
interface StagedSource extends Pick<KernelSource, "workgroupSize" | "subgroupSize" | "body" | "shortBody"> {
  readonly left: Pick<KernelSource, "read"> & Required<Pick<KernelSource, "params" | "declarations">>;
  /** How the right matrix is bound, and the suffix of the kernel's name that tells of it. */
  readonly weights: { readonly port: Port; readonly suffix: string };
  /** What stands after the declarations of the left matrix and of the epilogue. */
  readonly declarations: string;
}

/**
 * The kernel that computes a band of rows of a product, a workgroup for each tile and part of k.
 * @param cut extents of a tile, steps of k that are staged at a time, and parts of k
 */
export function stagedKernel(
  product: StagedProduct,
  band: RowBand,
  { parts, ...tile }: Pick<Tile, "rows" | "columns" | "depth"> & Pick<Cut, "parts">,
  { left, weights, declarations, ...frame }: StagedSource,
  target: Target,
): Dispatch {
  const { right, out, batch, rows, inner, columns } = product;
  const wide = columns % 4 === 0;
  const type = wide ? "vec4f" : "f32";
  const rowBlocks = Math.ceil(band.count / tile.rows);
  const columnBlocks = Math.ceil(columns / tile.columns);
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
      partLength: Math.ceil(inner / tile.depth / parts) * tile.depth,
      firstRow: product.firstRow,
      rowPitch: product.rowPitch,
      ...left.params,
      ...epilogueParams(product, columns),
    },
    workgroups: flatGrid(rowBlocks * columnBlocks * parts * batch, target),
    work: batch * band.count * inner * columns,
    declarations: `${left.declarations}
${vectorEpilogue(wide, product)}
${declarations}`,
    ...frame,
  });
}

/** A cut whose parts of k together are no more than the device binds, for `elements` results. */
export function boundedParts<C extends { readonly parts: number }>(
  cut: C | undefined,
  elements: number,
  target: Target,
): C | undefined {
  if (!cut) return undefined;
  const most = Math.floor(Math.min(target.maxBindingBytes, target.maxBufferBytes) / (4 * elements));
  return { ...cut, parts: Math.max(1, Math.min(cut.parts, most)) };
}

/** Adds the parts of a product in order, then bias and residual. */
function sumOfParts(product: StagedProduct, sums: Tensor, target: Target): Dispatch {
  const { label, out } = product;
  const wide = product.columns % 4 === 0;
  const type = wide ? "vec4f" : "f32";
  const group = wide ? 4 : 1;
  return elementwise(`${label}.sum`, target, {
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
