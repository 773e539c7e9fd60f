/** Matrix products from tiles in workgroup memory: linear layers, pointwise convolutions, Winograd products on GPUs. */
import type { Dispatch, Target } from "../../engine/mod.ts";

import type { Product } from "./matmul_tiled.ts";
import { chooseCut, type CutSizes, type CutVariant } from "./tile_cut.ts";
import { boundedParts, type Cut, type StagedProduct, storedRows, tileProduct } from "./tile_product.ts";
import type { Arithmetic, LeftMatrix } from "./tile_text.ts";
import { range } from "../text/wgsl.ts";

/** The sizes of a product on which its cut depends. */
export function imageSizes({ batch, rows, inner, columns, sharesB, images = 1 }: Product): CutSizes {
  return { batch: sharesB ? 1 : batch, rows: rows / images, inner, columns };
}

/** The cut of a product into workgroups, or undefined if the device is too small for any. */
export function sharedCut(
  product: Product,
  arithmetic: Arithmetic,
  target: Target,
  variant?: CutVariant,
): Cut | undefined {
  const { batch, rows, columns } = product;
  return boundedParts(chooseCut(imageSizes(product), arithmetic, target, variant), batch * rows * columns, target);
}

/** A batch of products, but for the left matrices. */
export function batchProduct(name: string, product: Product): StagedProduct {
  const { a: _, b: right, factors, sharesB, ...rest } = product;
  const rowPitch = sharesB ? 0 : storedRows(product.inner, right);
  return { ...rest, label: `matmul.${name}${factors ? ".norm" : ""}`, right, rowPitch };
}

/** The dispatches that compute a batch of products cut in the given way. */
export function matmulShared(product: Product, cut: Cut, arithmetic: Arithmetic, target: Target): readonly Dispatch[] {
  const staged = batchProduct(arithmetic === "f16" ? "shared-f16" : "shared", product);
  return tileProduct({ ...staged, left: rowsOf(product, cut) }, cut, arithmetic, target);
}

/** The rows of a, normalised where there are factors: these are loaded once for all rows of a depth. */
function rowsOf({ a, inner, factors }: Product, { tile: { depth } }: Cut): LeftMatrix {
  const even = inner % 2 === 0;
  const group = even ? 2 : 1;
  const type = even ? "vec2f" : "f32";
  const pair = (array: string, at: string): string =>
    even ? `${array}[${at}]` : `vec2f(${array}[${at}], ${array}[${at} + 1u])`;
  const known = (unit: number): string =>
    even ? `k + 2u * pair${unit} < end` : `k + 2u * pair${unit} + vec2u(0u, 1u) < vec2u(end)`;
  const step = depth / group;
  const loadFactors = (units: number): readonly string[] =>
    factors
      ? range(units).flatMap((u) =>
        range(3).map((plane) => `factor${u}_${plane} = ${pair("factors", `factorAt${u} + ${plane}u * planePitch`)};`)
      )
      : [];
  return {
    read: { a: { tensor: a, type }, ...(factors ? { factors: { tensor: factors, type } } : {}) },
    params: {},
    declarations: "",
    locate: (unit, row) => [
      `var at${unit} = ((item * params.rows + ${row}) * params.inner + k) / ${group}u + pair${unit}${
        even ? "" : " * 2u"
      };`,
      ...(factors
        ? [`var factorAt${unit} = (item * params.inner + k) / ${group}u + pair${unit}${even ? "" : " * 2u"};`]
        : []),
    ],
    begin: (units) => [
      `let rowPitch = params.inner / ${group}u;`,
      ...(factors ? [`let planePitch = params.batch * rowPitch;`] : []),
      ...loadFactors(units).map((line) => `var ${line}`),
    ],
    advance: (units) => [
      ...range(units).flatMap((u) => [`at${u} += ${step}u;`, ...(factors ? [`factorAt${u} += ${step}u;`] : [])]),
      ...loadFactors(units),
    ],
    load: (unit, row) => {
      const two = pair("a", `at${unit} + ${row}u * rowPitch`);
      const value = factors ? `fma(${two} - factor${unit}_0, factor${unit}_1, factor${unit}_2)` : two;
      return inner % depth === 0 ? value : `select(vec2f(), ${value}, ${known(unit)})`;
    },
  };
}
