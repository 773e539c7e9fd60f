/** How a product of subgroup matrices is cut: the tile of a workgroup, the blocks of its subgroups, and parts of k. */
import type { SubgroupMatrix, Target } from "../../../engine/mod.ts";
import type { CutSizes } from "../tile_cut.ts";

/** What one workgroup computes, and how many invocations it has. */
export interface MatrixTile {
  /** Rows of the result, a multiple of those of all small products. */
  readonly rows: number;
  /** Columns of the result, likewise. */
  readonly columns: number;
  /** Invocations of the workgroup, a multiple of those of all subgroups. */
  readonly invocations: number;
}

/** Steps of k that are staged at a time: whole products of every device. */
export const MATRIX_DEPTH = 32;

/** Halves left free after each staged row or column: those that are read together lie in different banks. */
const PADDING = 8;

/**
 * Tiles, largest first. An invocation holds 64 and 32 sums of them, whatever the size of its subgroup: registers of AMD
 * and NVIDIA cards hold those and what is loaded ahead with 8 and more subgroups at a time.
 */
export const MATRIX_TILES: readonly MatrixTile[] = [
  { rows: 128, columns: 128, invocations: 256 },
  { rows: 64, columns: 64, invocations: 128 },
];

/** A tile on a device: subgroups stand in a grid, each computes a block of small products. */
export interface MatrixCut {
  /** What a workgroup computes. */
  readonly tile: MatrixTile;
  /** The small product that it is made of. */
  readonly matrix: SubgroupMatrix;
  /** Subgroups that stand side by side along the columns. */
  readonly across: number;
  /** Subgroups of a workgroup. */
  readonly subgroups: number;
  /** Small products of a subgroup along the rows. */
  readonly blockRows: number;
  /** Small products of a subgroup along the columns. */
  readonly blockColumns: number;
  /** Parts of k, each summed by workgroups of its own. */
  readonly parts: number;
}

/** Halves from one staged row of the left matrix, or column of the right one, to the next. */
export const MATRIX_PITCH = MATRIX_DEPTH + PADDING;

/** Bytes of workgroup memory: both factors as halves, and one small product of each subgroup on its way out. */
export function matrixBytes({ tile, matrix, subgroups }: MatrixCut): number {
  return 2 * (tile.rows + tile.columns) * MATRIX_PITCH + 4 * subgroups * matrix.rows * matrix.columns;
}

/** Invocations that a device should have to do: 512 on each of the 132 cores of the largest. */
const ENOUGH_INVOCATIONS = 65536;

/** Steps of k that a part should have at least. */
const LEAST_PART = 256;

const MOST_PARTS = 16;

/**
 * The cut of a product: the largest tile that still fills the device, else the smallest, with k in parts.
 * @returns undefined if the device computes no such products, the rows do not fill one, or no tile fits the device
 */
export function chooseMatrixCut(sizes: CutSizes, target: Target): MatrixCut | undefined {
  const { subgroupMatrix: matrix } = target;
  if (!matrix || sizes.rows < matrix.rows) return undefined;
  const cuts = MATRIX_TILES.map((tile) => cutOf(tile, matrix, sizes)).filter((cut) =>
    cut.blockRows >= 1 && cut.blockColumns >= 1 && matrixBytes(cut) <= target.maxWorkgroupBytes &&
    cut.tile.invocations <= target.maxWorkgroupInvocations
  );
  return cuts.find(({ tile }) => invocationsOf(tile, sizes) >= ENOUGH_INVOCATIONS) ?? cuts.at(-1);
}

/** A tile on a device, with as many parts of k as fill it. */
function cutOf(tile: MatrixTile, matrix: SubgroupMatrix, sizes: CutSizes): MatrixCut {
  const subgroups = tile.invocations / matrix.lanes;
  const across = 2 ** Math.floor(Math.log2(subgroups) / 2);
  const parts = Math.min(MOST_PARTS, ENOUGH_INVOCATIONS / invocationsOf(tile, sizes), sizes.inner / LEAST_PART);
  return {
    tile,
    matrix,
    across,
    subgroups,
    blockRows: tile.rows / (subgroups / across) / matrix.rows,
    blockColumns: tile.columns / across / matrix.columns,
    parts: Math.max(1, Math.floor(parts)),
  };
}

function invocationsOf(tile: MatrixTile, { batch, rows, columns }: CutSizes): number {
  return tile.invocations * batch * Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns);
}
