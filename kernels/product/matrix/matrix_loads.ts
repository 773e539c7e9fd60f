/**
 * What products of subgroup matrices load: four steps of k of a row of the left factor, be that a row of a matrix or the
 * pixels under the taps of a convolution, and two rows of the right one.
 */
import type { KernelSource } from "../../text/wgsl.ts";
import { range } from "../../text/wgsl.ts";
import type { Convolution } from "../conv2d_direct.ts";
import { PIXEL_WORD } from "../conv2d_implicit.ts";
import type { Product } from "../matmul_tiled.ts";
import type { VectorWeights } from "../register_block.ts";
import { storedRows } from "../tile_product.ts";
import { MATRIX_DEPTH } from "./matrix_cut.ts";

/** The left factor of a product as WGSL. */
export interface LeftLoads {
  /** The arrays that it is loaded from. */
  readonly read: KernelSource["read"];
  /** Sizes that its lines name as `params.NAME`, beside those of the product. */
  readonly params: Readonly<Record<string, number>>;
  /** Functions that its lines call. */
  readonly declarations: string;
  /** Lines that locate a row; `unit` tells apart the rows that one invocation stages. */
  readonly locate: (unit: number, row: string) => readonly string[];
  /** Lines that declare the position of `k`, the first step of a depth; an invocation loads from `k + quad` on. */
  readonly begin: readonly string[];
  /** Lines that move the position on after `k` has grown by a depth. */
  readonly advance: readonly string[];
  /** Expression of the four elements of a row from `k + quad` on, zero from `end` on. */
  readonly load: (unit: number) => string;
}

/** WGSL function: four factors of an image from k on; beyond the last k any, as what they would change is left out. */
const FACTOR_FOUR = `fn factorFour(item: u32, plane: u32, k: u32) -> vec4f {
  let base = (plane * params.batch + item) * params.inner;
  let last = params.inner - 1u;
  return vec4f(${range(4).map((e) => `factors[base + min(k + ${e}u, last)]`).join(", ")});
}`;

/** The rows of a matrix, normalised where there are factors: these are loaded once for all rows of a depth. */
export function rowLoads({ a, inner, factors }: Product): LeftLoads {
  const wide = inner % 4 === 0;
  const words = `vec4f(${range(4).map((e) => `a[origin + k + ${e}u]`).join(", ")})`;
  const position = [
    `known = ${wide ? "vec4<bool>(k + quad < end)" : `k + quad + vec4u(0u, 1u, 2u, 3u) < vec4u(end)`};`,
    ...(factors ? range(3).map((plane) => `factor${plane} = factorFour(item, ${plane}u, k + quad);`) : []),
  ];
  return {
    read: { a: { tensor: a, type: wide ? "vec4f" : "f32" }, ...(factors ? { factors } : {}) },
    params: {},
    declarations: `fn rowFour(origin: u32, k: u32) -> vec4f {
  return ${wide ? "a[(origin + k) / 4u]" : words};
}
${factors ? FACTOR_FOUR : ""}`,
    locate: (unit, row) => [`let origin${unit} = (item * params.rows + ${row}) * params.inner;`],
    begin: position.map((line) => `var ${line}`),
    advance: position,
    load: (unit) => {
      const four = `rowFour(origin${unit}, k + quad)`;
      return `select(vec4f(), ${factors ? `fma(${four} - factor0, factor1, factor2)` : four}, known)`;
    },
  };
}

/**
 * The pixels under the taps of a convolution. Where the channels are whole depths, a depth lies within one tap: its offset
 * is the same for all rows and moves on by counting. Elsewhere every element finds its own tap.
 */
export function pixelLoads({ x, weight, out, stride, top, left }: Convolution): LeftLoads {
  const [, height = 1, width = 1, channels = 1] = x.shape;
  const [, kernelWidth = 1] = weight.shape;
  const [, outHeight = 1, outWidth = 1] = out.shape;
  const tapRows = storedRows(channels, weight);
  const params = { height, width, channels, tapRows, kernelWidth, outHeight, outWidth, stride, top, left };
  const locate = (unit: number, row: string): readonly string[] => [
    `let y${unit} = (${row} / params.outWidth % params.outHeight) * params.stride - params.top;`,
    `let x${unit} = (${row} % params.outWidth) * params.stride - params.left;`,
    `let origin${unit} = ((${row} / params.outWidth / params.outHeight * params.height + y${unit}) * params.width + ` +
    `x${unit}) * params.channels;`,
  ];
  if (channels % MATRIX_DEPTH !== 0) {
    const word = (unit: number, e: number): string =>
      `pixelWord(y${unit}, x${unit}, origin${unit}, k + quad + ${e}u, end)`;
    return {
      read: { image: x },
      params,
      declarations: PIXEL_WORD,
      locate,
      begin: [],
      advance: [],
      load: (unit) => `vec4f(${range(4).map((e) => word(unit, e)).join(", ")})`,
    };
  }
  const offset = "offset = (tapDown * params.width + tapAcross) * params.channels + channel + quad;";
  return {
    read: { image: { tensor: x, type: "vec4f" } },
    params,
    declarations: `fn pixelFour(y: u32, x: u32, i: u32) -> vec4f {
  return select(vec4f(), image[i / 4u], y < params.height && x < params.width);
}`,
    locate,
    begin: [
      "var channel = k % params.channels;",
      "var tapDown = k / params.channels / params.kernelWidth;",
      "var tapAcross = k / params.channels % params.kernelWidth;",
      `var ${offset}`,
    ],
    advance: [
      `channel += ${MATRIX_DEPTH}u;`,
      "if (channel == params.channels) { channel = 0u; tapAcross += 1u; }",
      "if (tapAcross == params.kernelWidth) { tapAcross = 0u; tapDown += 1u; }",
      offset,
    ],
    load: (unit) => `pixelFour(y${unit} + tapDown, x${unit} + tapAcross, origin${unit} + offset)`,
  };
}

/**
 * WGSL function `weightPair`: four columns of rows k, an even number, and k + 1 of the right factor, zero from row `end`
 * on. Two rows at a time, as half-precision weights lie in pairs of rows.
 */
export function weightPairs({ declarations, rows }: VectorWeights): string {
  const loads = rows === 2
    ? `let rows = transpose(weightRows((base + k) / 2u * params.columns + column));
  let first = rows[0];
  let second = rows[1];`
    : `let i = (base + k) * params.columns + column;
  let first = weightFour(i);
  let second = weightFour(i + params.columns);`;
  return `${declarations}
struct WeightPair { first: vec4f, second: vec4f }
fn weightPair(base: u32, k: u32, column: u32, end: u32) -> WeightPair {
  ${loads}
  return WeightPair(select(vec4f(), first, k < end), select(vec4f(), second, k + 1u < end));
}`;
}
