/** How a product is cut into workgroups: the tile, and the parts of k where tiles alone are too few. */
import type { Target } from "../engine/mod.ts";
import { type Arithmetic, type Cut, invocations, type Tile, tileBytes } from "./tile_product.ts";

/** Blocks of 8x8 for each of 256 invocations: the fewest loads per product, for large images. */
export const LARGE_TILE: Tile = { rows: 128, columns: 128, depth: 16, rowsEach: 8, columnsEach: 8, unrolled: true };

/** The same blocks for each of 64 invocations. */
export const MEDIUM_TILE: Tile = { rows: 64, columns: 64, depth: 16, rowsEach: 8, columnsEach: 8, unrolled: true };

/** Few rows or columns, and adapters that are slow to compile. */
export const SMALL_TILE: Tile = { rows: 32, columns: 32, depth: 16, rowsEach: 4, columnsEach: 4, unrolled: false };

/** Convolutions to the channels of a picture. */
export const NARROW_TILE: Tile = { rows: 64, columns: 16, depth: 32, rowsEach: 4, columnsEach: 4, unrolled: false };

/** Workgroups that a GPU should have at least: two on each of the 132 cores of the largest. */
const ENOUGH_WORKGROUPS = 256;

/** Steps of k that a part should have at least. */
const LEAST_PART = 256;

const MOST_PARTS = 16;

/** Sizes of a product that its cut depends on. */
export interface CutSizes {
  readonly batch: number;
  /** Rows of one image: a batch is cut as its images are, so that it gives the same bits. */
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/**
 * The cut of a product, or undefined if the device has too little workgroup memory. No GPU was at hand to measure on: the
 * numbers follow published kernels and the sizes of large GPUs.
 */
export function chooseCut(sizes: CutSizes, arithmetic: Arithmetic, target: Target): Cut | undefined {
  const fits = (tile: Tile): boolean =>
    tileBytes(atDepth(tile, arithmetic), arithmetic) <= target.maxWorkgroupBytes &&
    invocations(tile) <= target.maxWorkgroupInvocations;
  const tile = [preferredTile(sizes, target), SMALL_TILE].find(fits);
  if (!tile) return undefined;
  const count = workgroups(sizes, tile);
  const parts = Math.floor(Math.min(MOST_PARTS, ENOUGH_WORKGROUPS / count, sizes.inner / LEAST_PART));
  return { tile: atDepth(tile, arithmetic), parts: Math.max(1, parts) };
}

function preferredTile(sizes: CutSizes, { software }: Target): Tile {
  if (sizes.columns <= NARROW_TILE.columns) return NARROW_TILE;
  if (software || Math.min(sizes.rows, sizes.columns) < MEDIUM_TILE.rows) return SMALL_TILE;
  return workgroups(sizes, LARGE_TILE) >= ENOUGH_WORKGROUPS ? LARGE_TILE : MEDIUM_TILE;
}

function workgroups({ batch, rows, columns }: CutSizes, tile: Tile): number {
  return batch * Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns);
}

/** Halves take half the memory: 32 of them are summed before the sum is widened. */
function atDepth(tile: Tile, arithmetic: Arithmetic): Tile {
  return arithmetic === "f16" ? { ...tile, depth: 32 } : tile;
}
