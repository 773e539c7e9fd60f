/** Which algorithm computes a matrix product: the one that is asked for, or the best known for the adapter. */
import type { Dispatch, Target } from "../engine/mod.ts";
import { matmulShared, sharedCut } from "./matmul_shared.ts";
import { matmulTiled, type Product } from "./matmul_tiled.ts";
import { preferred } from "./preference.ts";
import type { Arithmetic } from "./tile_product.ts";

/**
 * Algorithms of a matrix product: blocks in registers alone, tiles in workgroup memory, and those in half-precision
 * arithmetic.
 */
export const MATMUL_ALGORITHMS = ["tiled", "shared", "shared-f16"] as const;

/** One of `MATMUL_ALGORITHMS`. */
export type MatmulAlgorithm = typeof MATMUL_ALGORITHMS[number];

/** Rows from which a tile has work for its invocations. */
const LEAST_ROWS = 16;

/** The arithmetic of an algorithm with tiles in workgroup memory. */
const ARITHMETIC: Readonly<Record<Exclude<MatmulAlgorithm, "tiled">, Arithmetic>> = {
  "shared": "f32",
  "shared-f16": "f16",
};

/**
 * What a preference for this product alone is called: `matmul MxKxN` with the rows of one image, followed by ` of COUNT`
 * for a batch of matrices b.
 */
export function matmulKey({ batch, rows, inner, columns, sharesB, images = 1 }: Product): string {
  return `matmul ${rows / images}x${inner}x${columns}${batch > 1 && !sharesB ? ` of ${batch}` : ""}`;
}

/** The algorithms that can compute a product within the limits of the device; the first always can. */
export function matmulCandidates(product: Product, target: Target): readonly MatmulAlgorithm[] {
  return MATMUL_ALGORITHMS.filter((algorithm) => {
    if (algorithm === "tiled") return true;
    if (algorithm === "shared-f16" && !target.f16) return false;
    return sharedCut(product, ARITHMETIC[algorithm], target) !== undefined;
  });
}

/**
 * The dispatches of a product. The preference `matmul` of the target, or the one for this product (`matmulKey`), asks
 * for an algorithm, which is then taken wherever it can compute the product; without one, or with `auto`, GPUs take tiles
 * in workgroup memory from 16 rows on. Half-precision arithmetic must be asked for.
 * @throws {RangeError} if the preference names no algorithm
 */
export function matmulChosen(product: Product, target: Target): readonly Dispatch[] {
  const wish = preferred("matmul", matmulKey(product), MATMUL_ALGORITHMS, target);
  const candidates = matmulCandidates(product, target);
  const best = wish ?? (target.software || product.rows / (product.images ?? 1) < LEAST_ROWS ? "tiled" : "shared");
  if (best === "tiled" || !candidates.includes(best)) return [matmulTiled(product, target)];
  const arithmetic = ARITHMETIC[best];
  return matmulShared(product, sharedCut(product, arithmetic, target)!, arithmetic, target);
}
