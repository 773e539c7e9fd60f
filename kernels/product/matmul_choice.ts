/** Which algorithm computes a matrix product: the one that is asked for, or the best known for the adapter. */
import type { Dispatch, Target } from "../../engine/mod.ts";
import { preferred } from "../preference.ts";
import { matmulRow, sharesInner } from "./matmul_row.ts";
import { matmulShared, sharedCut } from "./matmul_shared.ts";
import { matmulTiled, type Product } from "./matmul_tiled.ts";
import { matmulMatrix, matmulMatrixCut, MATRIX_ALGORITHM } from "./matrix/subgroup_matrix.ts";
import { CUT_VARIANTS, type CutVariant } from "./tile_cut.ts";
import type { Cut } from "./tile_product.ts";
import type { Arithmetic } from "./tile_text.ts";

/**
 * Algorithms of a matrix product: blocks in registers alone (on a GPU, lanes that share k where rows are few), tiles in
 * workgroup memory, those in half-precision arithmetic, and subgroup matrices of half-precision factors.
 */
export const MATMUL_ALGORITHMS = ["tiled", "shared", "shared-f16", MATRIX_ALGORITHM] as const;

/** Algorithms that cut a product otherwise than `shared` does by itself, for tuning. */
export const MATMUL_VARIANTS: readonly `shared-${CutVariant}`[] = CUT_VARIANTS.map((variant) =>
  `shared-${variant}` as const
);

/** One of `MATMUL_ALGORITHMS` or `MATMUL_VARIANTS`. */
export type MatmulAlgorithm = typeof MATMUL_ALGORITHMS[number] | typeof MATMUL_VARIANTS[number];

const NAMES: readonly MatmulAlgorithm[] = [...MATMUL_ALGORITHMS, ...MATMUL_VARIANTS];

/** Rows from which a tile has work for its invocations. */
const LEAST_ROWS = 16;

/**
 * What a preference for this product alone is called: `matmul MxKxN` with the rows of one image, followed by ` of COUNT`
 * for a batch of matrices b.
 */
export function matmulKey({ batch, rows, inner, columns, sharesB, images = 1 }: Product): string {
  return `matmul ${rows / images}x${inner}x${columns}${batch > 1 && !sharesB ? ` of ${batch}` : ""}`;
}

/** The algorithms that can compute a product within the limits of the device; the first always can. */
export function matmulCandidates(product: Product, target: Target): readonly MatmulAlgorithm[] {
  return NAMES.filter((name) => {
    if (name === MATRIX_ALGORITHM) return matmulMatrixCut(product, target) !== undefined;
    return name === "tiled" || cutOf(name, product, target) !== undefined;
  });
}

/** How an algorithm with tiles in workgroup memory cuts a product, or undefined if it cannot. */
function cutOf(name: Exclude<MatmulAlgorithm, "tiled">, product: Product, target: Target): Cut | undefined {
  if (name === MATRIX_ALGORITHM) return undefined;
  const arithmetic = arithmeticOf(name);
  if (arithmetic === "f16" && !target.f16) return undefined;
  return sharedCut(product, arithmetic, target, CUT_VARIANTS.find((variant) => name === `shared-${variant}`));
}

function arithmeticOf(name: MatmulAlgorithm): Arithmetic {
  return name === "shared-f16" || name === MATRIX_ALGORITHM ? "f16" : "f32";
}

/** Which of the algorithms of a product may be taken. */
export interface MatmulTerms {
  /**
   * Whether half-precision arithmetic may be taken where it is asked for; it may by default. Products of patches and
   * weights that were transformed are no numbers for it: patches are up to 100 times as large as what they were made of.
   */
  readonly mayBeHalf?: boolean;
}

/**
 * The dispatches of a product. The preference `matmul` of the target, or the one for this product (`matmulKey`), asks
 * for an algorithm, which is then taken wherever it can compute the product; without one, or with `auto`, GPUs take tiles
 * in workgroup memory from 16 rows on. Half-precision arithmetic must be asked for; where it may not be taken, `shared`
 * takes its place.
 * @throws {RangeError} if the preference names no algorithm
 */
export function matmulChosen(
  product: Product,
  target: Target,
  { mayBeHalf = true }: MatmulTerms = {},
): readonly Dispatch[] {
  const isAllowed = (name: MatmulAlgorithm): boolean => mayBeHalf || arithmeticOf(name) === "f32";
  const candidates = matmulCandidates(product, target).filter(isAllowed);
  const asked = preferred("matmul", matmulKey(product), { algorithms: NAMES, candidates }, target);
  const wish = asked === undefined || isAllowed(asked) ? asked : "shared";
  const best = wish ?? (target.software || product.rows / (product.images ?? 1) < LEAST_ROWS ? "tiled" : "shared");
  const matrixCut = best === MATRIX_ALGORITHM ? matmulMatrixCut(product, target) : undefined;
  if (matrixCut) return matmulMatrix(product, matrixCut, target);
  const cut = best === "tiled" ? undefined : cutOf(best, product, target);
  if (cut) return matmulShared(product, cut, arithmeticOf(best), target);
  return [sharesInner(product, target) ? matmulRow(product, target) : matmulTiled(product, target)];
}
