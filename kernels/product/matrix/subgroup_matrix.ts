/**
 * Matrix products and convolutions from subgroup matrices: what half-precision tensor cores compute. Results differ from
 * those in single precision by the rounding of the factors, some 5e-4 of each, so they must be asked for.
 */
import { type Dispatch, elementCount, type Target } from "../../../engine/mod.ts";
import type { Convolution } from "../conv2d_direct.ts";
import type { Product } from "../matmul_tiled.ts";
import { storedRows } from "../tile_product.ts";
import { chooseMatrixCut, type MatrixCut } from "./matrix_cut.ts";
import { pixelLoads, rowLoads } from "./matrix_loads.ts";
import { matrixProduct } from "./matrix_product.ts";

/** What these forms are called, as `implicit-f16` is. */
export const MATRIX_ALGORITHM = "matrix-f16";

/** A cut whose parts of k together are no more than the device binds, for `elements` results. */
function bounded(cut: MatrixCut | undefined, elements: number, target: Target): MatrixCut | undefined {
  if (!cut) return undefined;
  const most = Math.floor(Math.min(target.maxBindingBytes, target.maxBufferBytes) / (4 * elements));
  return { ...cut, parts: Math.max(1, Math.min(cut.parts, most)) };
}

/** The cut of a product, or undefined if the device cannot compute it so. */
export function matmulMatrixCut(product: Product, target: Target): MatrixCut | undefined {
  const { batch, rows, inner, columns, sharesB, images = 1 } = product;
  const sizes = { batch: sharesB ? 1 : batch, rows: rows / images, inner, columns };
  return bounded(chooseMatrixCut(sizes, target), batch * rows * columns, target);
}

/** The dispatches that compute a batch of products. */
export function matmulMatrix(product: Product, cut: MatrixCut, target: Target): readonly Dispatch[] {
  const { a: _, b: right, factors, sharesB, ...rest } = product;
  const label = `matmul.${MATRIX_ALGORITHM}${factors ? ".norm" : ""}`;
  const rowPitch = sharesB ? 0 : storedRows(product.inner, right);
  return matrixProduct({ ...rest, label, left: rowLoads(product), right, rowPitch }, cut, target);
}

/** The cut of a convolution, or undefined if the device cannot compute it so. */
export function conv2dMatrixCut(
  { weight, out }: Pick<Convolution, "weight" | "out">,
  target: Target,
): MatrixCut | undefined {
  const [kernelHeight = 1, kernelWidth = 1, channels = 1] = weight.shape;
  const [, outHeight = 1, outWidth = 1, columns = 1] = out.shape;
  const inner = kernelHeight * kernelWidth * channels;
  const sizes = { batch: 1, rows: outHeight * outWidth, inner, columns };
  return bounded(chooseMatrixCut(sizes, target), elementCount(out.shape), target);
}

/** The dispatches that compute a convolution. */
export function conv2dMatrix(convolution: Convolution, cut: MatrixCut, target: Target): readonly Dispatch[] {
  const { weight, out, bias, residual, shift } = convolution;
  const [kernelHeight = 1, kernelWidth = 1, channels = 1, columns = 1] = weight.shape;
  return matrixProduct(
    {
      label: `conv2d.${MATRIX_ALGORITHM}`,
      left: pixelLoads(convolution),
      right: weight,
      firstRow: 0,
      rowPitch: 0,
      out,
      bias,
      residual,
      shift,
      batch: 1,
      rows: elementCount(out.shape) / columns,
      inner: kernelHeight * kernelWidth * storedRows(channels, weight),
      columns,
    },
    cut,
    target,
  );
}
