/**
 * Convolution of any kernel size, stride and padding as a matrix product (implicit GEMM): rows are output pixels,
 * columns output channels, k runs over the taps and the input channels of each. The matrix of pixels under taps is never
 * in memory: tiles of it are loaded from the image.
 */
import { type Dispatch, elementCount, type Target } from "../../engine/mod.ts";
import type { Convolution } from "./conv2d_direct.ts";

import { chooseCut, type CutVariant } from "./tile_cut.ts";
import { type Arithmetic, type Cut, type LeftMatrix, storedRows, tileProduct } from "./tile_product.ts";
import { range } from "../text/wgsl.ts";

/** The cut of a convolution into workgroups, or undefined if the device is too small for any. */
export function implicitCut(
  convolution: Pick<Convolution, "weight" | "out">,
  arithmetic: Arithmetic,
  target: Target,
  variant?: CutVariant,
): Cut | undefined {
  const { weight: { shape: [kernelHeight = 1, kernelWidth = 1, channels = 1] }, out } = convolution;
  const [batch = 1, outHeight = 1, outWidth = 1, columns = 1] = out.shape;
  const inner = kernelHeight * kernelWidth * channels;
  const cut = chooseCut({ batch: 1, rows: outHeight * outWidth, inner, columns }, arithmetic, target, variant);
  if (!cut) return undefined;
  const most = Math.min(target.maxBindingBytes, target.maxBufferBytes);
  const parts = Math.floor(most / (4 * batch * outHeight * outWidth * columns));
  return { ...cut, parts: Math.max(1, Math.min(cut.parts, parts)) };
}

/** The dispatches that compute a convolution cut in the given way. */
export function conv2dImplicit(
  convolution: Convolution,
  cut: Cut,
  arithmetic: Arithmetic,
  target: Target,
): readonly Dispatch[] {
  const { weight, out, bias, residual, shift } = convolution;
  const [kernelHeight = 1, kernelWidth = 1, channels = 1, columns = 1] = weight.shape;
  return tileProduct(
    {
      label: arithmetic === "f16" ? "conv2d.implicit-f16" : "conv2d.implicit",
      left: pixelsUnderTaps(convolution, cut),
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
    arithmetic,
    target,
  );
}

/**
 * Where the channels are whole depths, a depth lies within one tap: its offset is the same for all rows and moves on by
 * counting. Elsewhere every element finds its own tap.
 */
function pixelsUnderTaps({ x, weight, out, stride, top, left }: Convolution, { tile }: Cut): LeftMatrix {
  const [, height = 1, width = 1, channels = 1] = x.shape;
  const [, kernelWidth = 1] = weight.shape;
  const [, outHeight = 1, outWidth = 1] = out.shape;
  const tapRows = storedRows(channels, weight);
  const params = { height, width, channels, tapRows, kernelWidth, outHeight, outWidth, stride, top, left };
  const whole = channels % tile.depth === 0;
  const locate = (unit: number, row: string): readonly string[] => [
    `let y${unit} = (${row} / params.outWidth % params.outHeight) * params.stride - params.top;`,
    `let x${unit} = (${row} % params.outWidth) * params.stride - params.left;`,
    `let origin${unit} = ((${row} / params.outWidth / params.outHeight * params.height + y${unit}) * params.width + ` +
    `x${unit}) * params.channels;`,
  ];
  if (!whole) {
    return {
      read: { image: x },
      params,
      declarations: `fn pixelWord(y: u32, x: u32, origin: u32, k: u32, end: u32) -> f32 {
  let tap = k / params.tapRows;
  let channel = k % params.tapRows;
  let down = tap / params.kernelWidth;
  let across = tap % params.kernelWidth;
  let inside = k < end && channel < params.channels && y + down < params.height && x + across < params.width;
  return select(0.0, image[origin + (down * params.width + across) * params.channels + channel], inside);
}`,
      locate,
      begin: [],
      advance: [],
      load: (unit) =>
        `vec4f(${
          range(4).map((e) => `pixelWord(y${unit}, x${unit}, origin${unit}, k + quad + ${e}u, end)`).join(", ")
        })`,
    };
  }
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
      "var offset = (tapDown * params.width + tapAcross) * params.channels + channel + quad;",
    ],
    advance: [
      `channel += ${tile.depth}u;`,
      "if (channel == params.channels) { channel = 0u; tapAcross += 1u; }",
      "if (tapAcross == params.kernelWidth) { tapAcross = 0u; tapDown += 1u; }",
      "offset = (tapDown * params.width + tapAcross) * params.channels + channel + quad;",
    ],
    load: (unit) => `pixelFour(y${unit} + tapDown, x${unit} + tapAcross, origin${unit} + offset)`,
  };
}
