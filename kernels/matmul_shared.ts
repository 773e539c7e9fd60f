/** Matrix products from tiles in workgroup memory: linear layers, pointwise convolutions, Winograd products on GPUs. */
import type { Dispatch, Target } from "../engine/mod.ts";
import { range } from "./broadcast.ts";
import type { Product } from "./matmul_tiled.ts";
import { chooseCut } from "./tile_cut.ts";
import { type Arithmetic, type Cut, type LeftMatrix, tileProduct } from "./tile_product.ts";

/** The cut of a product into workgroups, or undefined if the device is too small for any. */
export function sharedCut(product: Product, arithmetic: Arithmetic, target: Target): Cut | undefined {
  const { batch, rows, inner, columns, images = 1 } = product;
  const cut = chooseCut({ batch, rows: rows / images, inner, columns }, arithmetic, target);
  if (!cut) return undefined;
  const most = Math.min(target.maxBindingBytes, target.maxBufferBytes);
  const parts = Math.floor(most / (4 * batch * rows * columns));
  return { ...cut, parts: Math.max(1, Math.min(cut.parts, parts)) };
}

/** The dispatches that compute a batch of products cut in the given way. */
export function matmulShared(product: Product, cut: Cut, arithmetic: Arithmetic, target: Target): readonly Dispatch[] {
  const { a, b, out, bias, residual, shift, batch, rows, inner, columns } = product;
  const label = arithmetic === "f16" ? "matmul.shared.f16" : "matmul.shared";
  const left = rowsOf(a, inner);
  return tileProduct(
    { label, left, right: b, out, bias, residual, shift, batch, rows, inner, columns },
    cut,
    arithmetic,
    target,
  );
}

function rowsOf(a: Product["a"], inner: number): LeftMatrix {
  const wide = inner % 4 === 0;
  const words = `vec4f(${range(4).map((e) => `a[origin + k + ${e}u]`).join(", ")})`;
  const known = wide ? "k < end" : "vec4u(k, k + 1u, k + 2u, k + 3u) < vec4u(end)";
  return {
    read: { a: { tensor: a, type: wide ? "vec4f" : "f32" } },
    params: {},
    declarations: `fn rowFour(origin: u32, k: u32, end: u32) -> vec4f {
  return select(vec4f(), ${wide ? "a[(origin + k) / 4u]" : words}, ${known});
}`,
    locate: (unit, row) => [`let origin${unit} = (item * params.rows + ${row}) * params.inner;`],
    begin: [],
    advance: [],
    load: (unit) => `rowFour(origin${unit}, k + quad, end)`,
  };
}
