/** Matrix products from tiles in workgroup memory: linear layers, pointwise convolutions, Winograd products on GPUs. */
import type { Dispatch, Target } from "../../engine/mod.ts";

import { FACTORS_FOUR, type Product } from "./matmul_tiled.ts";
import { chooseCut, type CutVariant } from "./tile_cut.ts";
import { type Arithmetic, type Cut, type LeftMatrix, storedRows, tileProduct } from "./tile_product.ts";
import { range } from "../text/wgsl.ts";

/** The cut of a product into workgroups, or undefined if the device is too small for any. */
export function sharedCut(
  product: Product,
  arithmetic: Arithmetic,
  target: Target,
  variant?: CutVariant,
): Cut | undefined {
  const { batch, rows, inner, columns, sharesB, images = 1 } = product;
  const sizes = { batch: sharesB ? 1 : batch, rows: rows / images, inner, columns };
  const cut = chooseCut(sizes, arithmetic, target, variant);
  if (!cut) return undefined;
  const most = Math.min(target.maxBindingBytes, target.maxBufferBytes);
  const parts = Math.floor(most / (4 * batch * rows * columns));
  return { ...cut, parts: Math.max(1, Math.min(cut.parts, parts)) };
}

/** The dispatches that compute a batch of products cut in the given way. */
export function matmulShared(product: Product, cut: Cut, arithmetic: Arithmetic, target: Target): readonly Dispatch[] {
  const { a: _, b: right, factors, sharesB, ...rest } = product;
  const label = `matmul.shared${arithmetic === "f16" ? "-f16" : ""}${factors ? ".norm" : ""}`;
  const rowPitch = sharesB ? 0 : storedRows(product.inner, right);
  return tileProduct({ ...rest, label, left: rowsOf(product), right, rowPitch }, cut, arithmetic, target);
}

/** The rows of a, normalised where there are factors: these are loaded once for all rows of a depth. */
function rowsOf({ a, inner, factors }: Product): LeftMatrix {
  const wide = inner % 4 === 0;
  const words = `vec4f(${range(4).map((e) => `a[origin + k + ${e}u]`).join(", ")})`;
  const position = [
    `known = ${wide ? "vec4<bool>(k + quad < end)" : `k + quad + vec4u(0u, 1u, 2u, 3u) < vec4u(end)`};`,
    ...(factors ? range(3).map((plane) => `factor${plane} = factorsFour(item, ${plane}u, k + quad);`) : []),
  ];
  return {
    read: { a: { tensor: a, type: wide ? "vec4f" : "f32" }, ...(factors ? { factors } : {}) },
    params: {},
    declarations: `fn rowFour(origin: u32, k: u32) -> vec4f {
  return ${wide ? "a[(origin + k) / 4u]" : words};
}
${factors ? FACTORS_FOUR : ""}`,
    locate: (unit, row) => [`let origin${unit} = (item * params.rows + ${row}) * params.inner;`],
    begin: position.map((line) => `var ${line}`),
    advance: position,
    load: (unit) => {
      const four = `rowFour(origin${unit}, k + quad)`;
      return `select(vec4f(), ${factors ? `fma(${four} - factor0, factor1, factor2)` : four}, known)`;
    },
  };
}
