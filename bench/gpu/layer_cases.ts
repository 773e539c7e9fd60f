/** The layers of large networks that a visit measures alone, and the same at tiny sizes for a dry run. */
import type { Shape, Tensor } from "../../engine/mod.ts";
import { attention, conv2d, groupNorm, matmul } from "../../kernels/mod.ts";

/** One layer at one size. */
export interface LayerCase {
  /** Operation and sizes. */
  readonly name: string;
  /** Shape of the input. */
  readonly x: Shape;
  /** Shapes of what is constant. */
  readonly constants: readonly Shape[];
  /** Records the layer. */
  readonly record: (x: Tensor, constants: readonly Tensor[]) => Tensor;
}

/** Groups of layers, each a step of a visit. */
export const LAYER_GROUPS = ["products", "layers"] as const;

/** One of `LAYER_GROUPS`. */
export type LayerGroup = (typeof LAYER_GROUPS)[number];

function product(batch: number, rows: number, inner: number, columns: number): LayerCase {
  return {
    name: `matmul ${rows}x${inner}x${columns}${batch > 1 ? ` of ${batch}` : ""}`,
    x: [batch, rows, inner],
    constants: [batch > 1 ? [batch, inner, columns] : [inner, columns]],
    record: (x, [weight]) => matmul(x, weight!),
  };
}

function convolution(side: number, channels: number): LayerCase {
  return {
    name: `conv3x3 ${channels}@${side}x${side}`,
    x: [1, side, side, channels],
    constants: [[3, 3, channels, channels]],
    record: (x, [weight]) => conv2d(x, weight!, { padding: 1 }),
  };
}

function norm(side: number, channels: number): LayerCase {
  return {
    name: `groupNorm ${channels}@${side}x${side}`,
    x: [1, side, side, channels],
    constants: [[channels], [channels]],
    record: (x, [gamma, beta]) =>
      groupNorm(x, gamma!, beta!, { groups: Math.min(32, channels), eps: 1e-5, silu: true }),
  };
}

function heads(count: number, length: number): LayerCase {
  return {
    name: `attention ${count}x64@${length}`,
    x: [1, length, 3 * 64 * count],
    constants: [],
    record: (x) => attention(x, { heads: count, order: "legacy" }),
  };
}

/** What is measured: the products and convolutions of the 256x256 networks, and what lies between them. */
export const LAYER_CASES: Readonly<Record<LayerGroup, readonly LayerCase[]>> = {
  products: [
    product(36, 832, 256, 256),
    product(36, 512, 512, 256),
    product(1, 65536, 256, 256),
    convolution(64, 512),
    convolution(32, 512),
    convolution(16, 1024),
    convolution(8, 1024),
  ],
  layers: [
    norm(256, 256),
    norm(256, 512),
    norm(128, 512),
    heads(8, 1024),
    heads(16, 256),
    convolution(256, 256),
    product(1, 1, 1024, 2048),
  ],
};

/** The same at sizes that a CPU computes at once. */
export const DRY_CASES: Readonly<Record<LayerGroup, readonly LayerCase[]>> = {
  products: [product(3, 33, 20, 36), convolution(9, 8)],
  layers: [norm(12, 8), heads(1, 20)],
};
