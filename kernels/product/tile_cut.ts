/** How a product is cut into workgroups: the tile, and the parts of k where tiles alone are too few. */
import type { Target } from "../../engine/mod.ts";
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

/** Cuts that differ from the default in the tile, by its extent, or in the parts: one, or twice as many. */
export const CUT_VARIANTS = ["128", "64", "32", "whole", "split"] as const;

/** One of `CUT_VARIANTS`. */
export type CutVariant = typeof CUT_VARIANTS[number];

const TILE_OF: Readonly<Record<string, Tile>> = { "128": LARGE_TILE, "64": MEDIUM_TILE, "32": SMALL_TILE };

/**
 * The cut of a product, or undefined if the device has too little workgroup memory. No GPU was at hand to measure on: the
 * numbers follow published kernels and the sizes of large GPUs, and tuning tries the variants.
 * @param variant how to differ from the default; there is none where that comes to the same or leaves half of the tile
 *   empty, and on software adapters, which are slow to compile
 */
export function chooseCut(
  sizes: CutSizes,
  arithmetic: Arithmetic,
  target: Target,
  variant?: CutVariant,
): Cut | undefined {
  const fits = (tile: Tile): boolean =>
    tileBytes(atDepth(tile, arithmetic), arithmetic) <= target.maxWorkgroupBytes &&
    invocations(tile) <= target.maxWorkgroupInvocations;
  const tile = [preferredTile(sizes, target), SMALL_TILE].find(fits);
  if (!tile || (variant && target.software)) return undefined;
  const wanted = variant && TILE_OF[variant] || tile;
  const isHalfEmpty = wanted.rows >= 2 * sizes.rows || wanted.columns >= 2 * sizes.columns;
  if (!fits(wanted) || (wanted !== tile && isHalfEmpty)) return undefined;
  const count = workgroups(sizes, wanted);
  const enough = Math.floor(Math.min(MOST_PARTS, ENOUGH_WORKGROUPS / count, sizes.inner / LEAST_PART));
  const most = Math.max(1, Math.floor(sizes.inner / (2 * wanted.depth)));
  const standard = Math.max(1, enough);
  const parts = variant === "whole" ? 1 : variant === "split" ? Math.min(2 * standard, most) : standard;
  if (variant && wanted === tile && parts === standard) return undefined;
  return { tile: atDepth(wanted, arithmetic), parts };
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
