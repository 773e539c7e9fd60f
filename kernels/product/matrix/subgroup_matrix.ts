/**
 * Matrix products and convolutions from subgroup matrices: what half-precision tensor cores compute. Results differ from
 * those in single precision by the rounding of the factors, some 5e-4 of each, so they must be asked for.
 */
import { type Dispatch, elementCount, type Target } from "../../../engine/mod.ts";
import type { Convolution } from "../conv2d_direct.ts";
import { implicitProduct, implicitSizes } from "../conv2d_implicit.ts";
import { batchProduct, imageSizes } from "../matmul_shared.ts";
import type { Product } from "../matmul_tiled.ts";
import { boundedParts } from "../tile_product.ts";
import { chooseMatrixCut, type MatrixCut } from "./matrix_cut.ts";
import { pixelLoads, rowLoads } from "./matrix_loads.ts";
import { matrixProduct } from "./matrix_product.ts";

/** What these forms are called, as `implicit-f16` is. */
export const MATRIX_ALGORITHM = "matrix-f16";

/** The cut of a product, or undefined if the device cannot compute it so. */
export function matmulMatrixCut(product: Product, target: Target): MatrixCut | undefined {
  const { batch, rows, columns } = product;
  return boundedParts(chooseMatrixCut(imageSizes(product), target), batch * rows * columns, target);
}

/** The dispatches that compute a batch of products. */
export function matmulMatrix(product: Product, cut: MatrixCut, target: Target): readonly Dispatch[] {
  return matrixProduct({ ...batchProduct(MATRIX_ALGORITHM, product), left: rowLoads(product) }, cut, target);
}

/** The cut of a convolution, or undefined if the device cannot compute it so. */
export function conv2dMatrixCut(
  convolution: Pick<Convolution, "weight" | "out">,
  target: Target,
): MatrixCut | undefined {
  const cut = chooseMatrixCut(implicitSizes(convolution), target);
  return boundedParts(cut, elementCount(convolution.out.shape), target);
}

/** The dispatches that compute a convolution. */
export function conv2dMatrix(convolution: Convolution, cut: MatrixCut, target: Target): readonly Dispatch[] {
  const product = implicitProduct(`conv2d.${MATRIX_ALGORITHM}`, convolution);
  return matrixProduct({ ...product, left: pixelLoads(convolution) }, cut, target);
}
