/**
 * Convolution of any kernel size, stride and padding as a matrix product (implicit GEMM): rows are output pixels,
 * columns output channels, k runs over the taps and the input channels of each. The matrix of pixels under taps is never
 * in memory: tiles of it are loaded from the image.
 */
import { type Dispatch, elementCount, type Target } from "../../engine/mod.ts";
import type { Convolution } from "./conv2d_direct.ts";

import { chooseCut, type CutSizes, type CutVariant } from "./tile_cut.ts";
import { boundedParts, type Cut, type StagedProduct, storedRows, tileProduct } from "./tile_product.ts";
import type { Arithmetic, LeftMatrix } from "./tile_text.ts";
import { range } from "../text/wgsl.ts";

/** The sizes of a convolution as a product, on which its cut depends. */
export function implicitSizes({ weight, out }: Pick<Convolution, "weight" | "out">): CutSizes {
  const [kernelHeight = 1, kernelWidth = 1, channels = 1] = weight.shape;
  const [, outHeight = 1, outWidth = 1, columns = 1] = out.shape;
  return { batch: 1, rows: outHeight * outWidth, inner: kernelHeight * kernelWidth * channels, columns };
}

/** A convolution as a product, but for its left matrix. */
export function implicitProduct(
  label: string,
  { weight, out, bias, residual, shift }: Omit<Convolution, "x">,
): StagedProduct {
  const [kernelHeight = 1, kernelWidth = 1, channels = 1, columns = 1] = weight.shape;
  return {
    label,
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
  };
}

/** The cut of a convolution into workgroups, or undefined if the device is too small for any. */
export function implicitCut(
  convolution: Pick<Convolution, "weight" | "out">,
  arithmetic: Arithmetic,
  target: Target,
  variant?: CutVariant,
): Cut | undefined {
  const cut = chooseCut(implicitSizes(convolution), arithmetic, target, variant);
  return boundedParts(cut, elementCount(convolution.out.shape), target);
}

/** The dispatches that compute a convolution cut in the given way. */
export function conv2dImplicit(
  convolution: Convolution,
  cut: Cut,
  arithmetic: Arithmetic,
  target: Target,
): readonly Dispatch[] {
  const product = implicitProduct(arithmetic === "f16" ? "conv2d.implicit-f16" : "conv2d.implicit", convolution);
  return tileProduct({ ...product, left: pixelsUnderTaps(convolution, cut) }, cut, arithmetic, target);
}

/** WGSL function: the element of the left matrix at k for the pixel (y, x) of the first tap, zero outside of the image. */
export const PIXEL_WORD = `fn pixelWord(y: u32, x: u32, origin: u32, k: u32, end: u32) -> f32 {
  let tap = k / params.tapRows;
  let channel = k % params.tapRows;
  let down = tap / params.kernelWidth;
  let across = tap % params.kernelWidth;
  let inside = k < end && channel < params.channels && y + down < params.height && x + across < params.width;
  return select(0.0, image[origin + (down * params.width + across) * params.channels + channel], inside);
}`;

/** Taps down and across, together, up to which bits of one word tell of each whether it is inside of the image. */
const MOST_TAPS = 32;

/**
 * Where the channels are whole depths, a depth lies within one tap: its offset is the same for all rows and moves on by
 * counting, and which taps of a row are inside of the image is found out once. Elsewhere every element finds its own tap.
 */
function pixelsUnderTaps({ x, weight, out, stride, top, left }: Convolution, { tile: { depth } }: Cut): LeftMatrix {
  const [, height = 1, width = 1, channels = 1] = x.shape;
  const [kernelHeight = 1, kernelWidth = 1] = weight.shape;
  const [, outHeight = 1, outWidth = 1] = out.shape;
  const params = { height, width, channels, kernelWidth, outHeight, outWidth, stride, top, left };
  const four = range(4);
  const pixel = (unit: number, row: string): readonly string[] =>
    four.flatMap((i) => [
      `let pixel${unit}_${i} = ${row} + ${i}u;`,
      `let y${unit}_${i} = pixel${unit}_${i} / params.outWidth % params.outHeight * params.stride - params.top;`,
      `let x${unit}_${i} = pixel${unit}_${i} % params.outWidth * params.stride - params.left;`,
      `let first${unit}_${i} = (pixel${unit}_${i} / params.outWidth / params.outHeight * params.height + ` +
      `y${unit}_${i}) * params.width + x${unit}_${i};`,
    ]);
  const taps = kernelHeight + kernelWidth;
  if (channels % depth === 0 && taps <= MOST_TAPS) {
    // Rows share a word where their bits fit: registers are what large tiles have none left of.
    const share = 4 * taps <= MOST_TAPS;
    const insideOf = (unit: number, i: number): string => `insideTaps(y${unit}_${i}, x${unit}_${i})`;
    return {
      read: { image: { tensor: x, type: "vec2f" } },
      params: { ...params, kernelHeight },
      declarations: `fn tapsWithin(first: u32, size: u32, taps: u32) -> u32 {
  let low = clamp(-i32(first), 0, i32(taps));
  let high = clamp(i32(size) - i32(first), 0, i32(taps));
  return (1u << u32(high)) - (1u << u32(low));
}
fn insideTaps(y: u32, x: u32) -> u32 {
  let down = tapsWithin(y, params.height, params.kernelHeight);
  return down | (tapsWithin(x, params.width, params.kernelWidth) << params.kernelHeight);
}
fn bitsOf(tapDown: u32, tapAcross: u32) -> u32 {
  return (1u << tapDown) | (1u << (params.kernelHeight + tapAcross));
}
fn pixelPair(i: u32, inside: u32, bits: u32) -> vec2f {
  return select(vec2f(), image[i], (inside & bits) == bits);
}`,
      locate: (unit, row) => [
        ...pixel(unit, row),
        ...four.map((i) => `let origin${unit}_${i} = first${unit}_${i} * (params.channels / 2u) + pair${unit};`),
        ...(share
          ? [`let inside${unit} = ${four.map((i) => `(${insideOf(unit, i)} << ${8 * i}u)`).join(" | ")};`]
          : four.map((i) => `let inside${unit}_${i} = ${insideOf(unit, i)};`)),
      ],
      begin: () => [
        "var channel = k % params.channels;",
        "var tapDown = k / params.channels / params.kernelWidth;",
        "var tapAcross = k / params.channels % params.kernelWidth;",
        "var bits = bitsOf(tapDown, tapAcross);",
        "var offset = ((tapDown * params.width + tapAcross) * params.channels + channel) / 2u;",
      ],
      advance: () => [
        `channel += ${depth}u;`,
        `offset += ${depth / 2}u;`,
        `if (channel == params.channels) {
channel = 0u;
tapAcross += 1u;
if (tapAcross == params.kernelWidth) {
tapAcross = 0u;
tapDown += 1u;
offset += (params.width - params.kernelWidth) * (params.channels / 2u);
}
bits = bitsOf(tapDown, tapAcross);
}`,
      ],
      load: (unit, row) => {
        const inside = share ? `inside${unit} >> ${8 * row}u` : `inside${unit}_${row}`;
        return `pixelPair(origin${unit}_${row} + offset, ${inside}, bits)`;
      },
    };
  }
  return {
    read: { image: x },
    params: { ...params, tapRows: storedRows(channels, weight) },
    declarations: PIXEL_WORD,
    locate: (unit, row) => [
      ...pixel(unit, row),
      ...four.map((i) => `let origin${unit}_${i} = first${unit}_${i} * params.channels;`),
    ],
    begin: () => [],
    advance: () => [],
    load: (unit, row) => {
      const place = `y${unit}_${row}, x${unit}_${row}, origin${unit}_${row}`;
      return `vec2f(${range(2).map((e) => `pixelWord(${place}, k + 2u * pair${unit} + ${e}u, end)`).join(", ")})`;
    },
  };
}
