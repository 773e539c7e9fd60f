/** How a product is cut into workgroups: the tile, and the parts of k where tiles alone are too few. */
import type { Target } from "../../engine/mod.ts";
import type { Cut } from "./tile_product.ts";
import { type Arithmetic, invocations, type Tile, tileBytes } from "./tile_text.ts";

/** The tiles, by the name that a variant of an algorithm has. */
export const TILES = {
  /** Blocks of 8x8 for each of 256 invocations: the fewest loads per product, for large images. */
  "128": { rows: 128, columns: 128, depth: 16, rowsEach: 8, columnsEach: 8, unrolled: true, lanes: "rows" },
  /** The same with 32 consecutive invocations over 4 blocks down and 8 across: they read 12 different places, not 18. */
  "128-8x4": { rows: 128, columns: 128, depth: 16, rowsEach: 8, columnsEach: 8, unrolled: true, lanes: "blocks" },
  /** Blocks of 8x4 for each of 128 invocations: as many as registers hold on every GPU. */
  "64": { rows: 64, columns: 64, depth: 16, rowsEach: 8, columnsEach: 4, unrolled: true, lanes: "rows" },
  /** Few rows or columns, and adapters that are slow to compile. */
  "32": { rows: 32, columns: 32, depth: 16, rowsEach: 4, columnsEach: 4, unrolled: false, lanes: "rows" },
  /** Convolutions to the channels of a picture. */
  "16": { rows: 64, columns: 16, depth: 16, rowsEach: 4, columnsEach: 4, unrolled: false, lanes: "rows" },
} as const satisfies Readonly<Record<string, Tile>>;

/** Name of a tile. */
export type TileName = keyof typeof TILES;

/** Names of the tiles. */
export const TILE_NAMES = Object.keys(TILES) as readonly TileName[];

/** What products are cut by on one class of devices. */
interface Class {
  /** Multiply-adds in a time by tile, those of the fastest being 1. */
  readonly rates: Readonly<Record<TileName, number>>;
  /** Sums of an invocation up to which registers hold what is loaded ahead as well; see `Tile`. */
  readonly sumsAhead: number;
  /** Invocations that k is split for. */
  readonly wanted: number;
  /** Invocations below which a device of this class is not busy, be it small. */
  readonly busy: number;
  /** Parts at most, and steps of k that one should have at least. */
  readonly mostParts: number;
  readonly leastPart: number;
}

/** 512 invocations for each of the 132 cores of the largest GPU; a small one has 28. */
const GPU: Omit<Class, "rates"> = {
  sumsAhead: Infinity,
  wanted: 65_536,
  busy: 16_384,
  mostParts: 32,
  leastPart: 144,
};

/** Rates where tile 128 takes more registers than an invocation has. */
const FEW_REGISTERS: Class["rates"] = { "128": 0.6, "128-8x4": 0.59, "64": 1, "32": 0.6, "16": 0.45 };

/**
 * Where an invocation has 256 registers (NVIDIA, AMD) the 64 sums of a block of 8x8 are at home: compilers take 128 (ptxas
 * for Ada) and 120 (RADV for RDNA 3) for tile 128, 66 and 96 for tile 64, which by RADV's count are 4.6 and 4.9 cycles per
 * multiply-add. Apple has half as many, of which tile 128 takes all (Mesa for the M1: 247 of 256 halves, and 8 spills in a
 * convolution) and tile 64 159; whoever is not known may have as few. Intel has 128 with the narrowest subgroups, which hold
 * the sums of tile 64, or a depth that is loaded ahead, but not both: with both Mesa for Tiger Lake keeps up to 10 values in
 * memory. Rates are estimates from these counts and the loads per product, as no GPU was at hand; tuning tries the tiles.
 */
const CLASSES: Readonly<Record<"manyRegisters" | "fewRegisters" | "intel" | "software", Class>> = {
  manyRegisters: { ...GPU, rates: { "128": 1, "128-8x4": 0.99, "64": 0.9, "32": 0.5, "16": 0.4 } },
  fewRegisters: { ...GPU, rates: FEW_REGISTERS },
  intel: { ...GPU, rates: FEW_REGISTERS, sumsAhead: 16 },
  // The two whose texts are loops, as compilation takes longer than it saves.
  software: {
    rates: { "128": 0.1, "128-8x4": 0.1, "64": 0.1, "32": 1, "16": 0.6 },
    sumsAhead: Infinity,
    wanted: 16_384,
    busy: 0,
    mostParts: 16,
    leastPart: 256,
  },
};

/**
 * Multiply-adds that take as long as storing and loading a sum of one part, 8 bytes: GPUs make 10 to 40 in the time of a
 * byte.
 */
const PART_PRICE = 160;

/** How much longer than the default, by the rates, a tile may seem to take that is worth measuring. */
const WORTH_TRYING = 2;

/** Sizes of a product that its cut depends on. */
export interface CutSizes {
  readonly batch: number;
  /** Rows of one image: a batch is cut as its images are, so that it gives the same bits. */
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/** Cuts that differ from the default in the tile, by its name, or in the parts: one, or twice as many. */
export const CUT_VARIANTS = [...TILE_NAMES, "whole", "split"] as const;

/** One of `CUT_VARIANTS`. */
export type CutVariant = typeof CUT_VARIANTS[number];

/**
 * The cut of a product, or undefined if the device has too little workgroup memory: the tile with the least work, counted
 * in whole tiles, per rate of the device's class, and as many parts as make enough invocations.
 * @param variant how to differ from the default; there is none where that comes to the same, leaves half of the tile empty
 *   or seems to take twice as long, and on software adapters, which are slow to compile
 */
export function chooseCut(
  sizes: CutSizes,
  arithmetic: Arithmetic,
  target: Target,
  variant?: CutVariant,
): Cut | undefined {
  const device = classOf(target);
  const possible = TILE_NAMES.filter((name) => {
    const tile = tileOf(name, arithmetic, device);
    return tileBytes(tile, arithmetic) <= target.maxWorkgroupBytes &&
      invocations(tile) <= target.maxWorkgroupInvocations &&
      // Half-precision sums of a depth come on top of those in single precision.
      !(arithmetic === "f16" && tile.rowsEach * tile.columnsEach > 32);
  });
  const price = (name: TileName): number => priceOf(sizes, name, device);
  const best = possible.toSorted((a, b) => price(a) - price(b))[0];
  if (!best || (variant && target.software)) return undefined;
  const isTile = (name: string | undefined): name is TileName => TILE_NAMES.some((known) => known === name);
  const name = isTile(variant) ? variant : best;
  const tile = tileOf(name, arithmetic, device);
  const isHalfEmpty = tile.rows >= 2 * sizes.rows || tile.columns >= 2 * sizes.columns;
  const isWorthTrying = name === best || (!isHalfEmpty && price(name) <= WORTH_TRYING * price(best));
  if (!possible.includes(name) || !isWorthTrying) return undefined;
  const standard = partsOf(sizes, name, device);
  const most = Math.max(1, Math.floor(sizes.inner / (2 * tile.depth)));
  const parts = variant === "whole" ? 1 : variant === "split" ? Math.min(2 * standard, most) : standard;
  if (variant && name === best && parts === standard) return undefined;
  return { tile, parts };
}

function classOf({ software, vendor }: Target): Class {
  if (software) return CLASSES.software;
  if (vendor === "intel") return CLASSES.intel;
  return vendor === "nvidia" || vendor === "amd" ? CLASSES.manyRegisters : CLASSES.fewRegisters;
}

/** Time of a product in multiply-adds at the full rate of the fastest tile. */
function priceOf(sizes: CutSizes, name: TileName, device: Class): number {
  const { batch, rows, inner, columns } = sizes;
  const tile = TILES[name];
  const count = workgroups(sizes, tile);
  const parts = partsOf(sizes, name, device);
  const busy = Math.min(1, count * parts * invocations(tile) / device.busy);
  const sums = parts > 1 ? PART_PRICE * parts * batch * rows * columns : 0;
  return count * tile.rows * tile.columns * inner / (device.rates[name] * busy) + sums;
}

function partsOf(sizes: CutSizes, name: TileName, { wanted, mostParts, leastPart }: Class): number {
  const tile = TILES[name];
  const enough = wanted / (workgroups(sizes, tile) * invocations(tile));
  return Math.max(1, Math.floor(Math.min(mostParts, enough, sizes.inner / leastPart)));
}

function workgroups({ batch, rows, columns }: CutSizes, tile: Tile): number {
  return batch * Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns);
}

/** A tile as a class of devices takes it. Halves take half the memory: 32 of them are summed before the sum is widened. */
function tileOf(name: TileName, arithmetic: Arithmetic, { sumsAhead }: Class): Tile {
  const tile = TILES[name];
  return {
    ...tile,
    ...(arithmetic === "f16" ? { depth: 32 } : {}),
    ...(tile.rowsEach * tile.columnsEach > sumsAhead ? { late: true } : {}),
  };
}
