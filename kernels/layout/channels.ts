/** The last dimension: joining and cutting. */
import {
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  type Op,
  sameShape,
  type Shape,
  type Tensor,
  type TensorType,
  wordCount,
} from "../../engine/mod.ts";
import { halfExample, movedBytes, requireF32, requireFit, requireValues } from "../operands.ts";
import { type None, pointwise, type PointwiseKernel } from "../pointwise/pointwise.ts";
import { elementwise } from "../text/wgsl.ts";

/** Rows that one invocation handles: the division that finds its channel is paid once for all of them. */
const STRIP = 8;

/** Number of rows of a channels-last tensor: the product of all extents but the last. */
function rowCount(shape: Shape): number {
  return elementCount(shape.slice(0, -1));
}

function lastExtent(shape: Shape): number {
  return shape[shape.length - 1]!;
}

/** A copy of `width` channels of every row, from channel `begin` of x to channel `offset` of y. */
interface ChannelCopy {
  readonly width: number;
  readonly begin: number;
  readonly offset: number;
}

/**
 * Copies channels of every row. Mapping: an invocation copies one channel of 8 consecutive rows; neighbouring
 * invocations take neighbouring channels.
 */
function copied(x: Tensor, y: Tensor, { width, begin, offset }: ChannelCopy): PointwiseKernel {
  // The words of an f16 matrix hold two rows: they are copied as they are.
  const rows = wordCount(x) / lastExtent(x.shape);
  return {
    count: Math.ceil(rows / STRIP) * width,
    params: { rows, width, begin, offset, x_pitch: lastExtent(x.shape), y_pitch: lastExtent(y.shape) },
    body: `let strip = i / params.width;
let c = i - strip * params.width;
let end = min((strip + 1u) * ${STRIP}u, params.rows);
for (var row = strip * ${STRIP}u; row < end; row += 1u) {
  y[row * params.y_pitch + params.offset + c] = x[row * params.x_pitch + params.begin + c];
}`,
  };
}

/** Definition of `concatChannels`. */
export const concatChannelsOp: Op<None> = defineOp<None>({
  name: "concatChannels",
  infer(inputs): readonly TensorType[] {
    const half = inputs.length === 2 && inputs.every(({ dtype }) => dtype === "f16");
    if (!half) requireF32("concatChannels", inputs, ["a", "b"]);
    const [a, b] = inputs as readonly [TensorType, TensorType];
    const leading = a.shape.slice(0, -1);
    const fits = a.shape.length > 0 && a.shape.length === b.shape.length && sameShape(leading, b.shape.slice(0, -1));
    requireFit("concatChannels", { a, b }, fits, "which may differ in the last extent only");
    return [{ shape: [...leading, lastExtent(a.shape) + lastExtent(b.shape)], dtype: half ? "f16" : "f32" }];
  },
  reference({ inputs }, [a, b]): readonly Float32Array[] {
    const [aWidth, bWidth] = [lastExtent(inputs[0]!.shape), lastExtent(inputs[1]!.shape)];
    const y = new Float32Array(a!.length + b!.length);
    for (let row = 0; row < rowCount(inputs[0]!.shape); row++) {
      y.set(a!.subarray(row * aWidth, (row + 1) * aWidth), row * (aWidth + bWidth));
      y.set(b!.subarray(row * bWidth, (row + 1) * bWidth), row * (aWidth + bWidth) + aWidth);
    }
    return [y];
  },
  lower({ inputs, outputs: [y] }, target): readonly Dispatch[] {
    const offsets = [0, lastExtent(inputs[0]!.shape)];
    return inputs.map((x, part) =>
      elementwise(`concatChannels.${part === 0 ? "first" : "second"}`, target, {
        read: { x },
        write: { y: y! },
        ...copied(x, y!, { width: lastExtent(x.shape), begin: 0, offset: offsets[part]! }),
      })
    );
  },
  vjp: ({ inputs: [a, b] }, [dy], wanted) => {
    const [middle, end] = [lastExtent(a!.shape), lastExtent(a!.shape) + lastExtent(b!.shape)];
    return [
      wanted[0] ? sliceChannels(dy!, 0, middle) : undefined,
      wanted[1] ? sliceChannels(dy!, middle, end) : undefined,
    ];
  },
  cost: (call) => ({ flops: 0, bytes: movedBytes(call) }),
  examples: [
    { inputs: [[2, 5, 3, 7], [2, 5, 3, 4]], attrs: {} },
    { inputs: [[3, 1], [3, 33]], attrs: {} },
    { inputs: [halfExample([3, 5, 4]), halfExample([3, 5, 3])], attrs: {} },
  ],
});

/**
 * Channels of a followed by channels of b: y[..., k] = a[..., k] for k < Ca, else b[..., k - Ca].
 * @param a [..., Ca], f32 or f16
 * @param b [..., Cb] with the leading extents and the element type of a
 * @returns [..., Ca + Cb]
 * @throws {TypeError} if a leading extent or the element type differs
 */
export function concatChannels(a: Tensor, b: Tensor): Tensor {
  return concatChannelsOp([a, b], {})[0]!;
}

/** Attributes of `sliceChannels`. */
export interface SliceAttrs {
  /** The first channel that is kept. */
  readonly begin: number;
  /** The channel after the last one that is kept. */
  readonly end: number;
}

/** Definition of `sliceChannels`. */
export const sliceChannelsOp: Op<SliceAttrs> = pointwise<SliceAttrs>({
  name: "sliceChannels",
  inputs: ["x"],
  shape([x], { begin, end }): Shape {
    const { shape } = x!;
    requireFit("sliceChannels", { x }, shape.length > 0, "[..., C] is needed");
    const width = lastExtent(shape);
    const isRange = Number.isSafeInteger(begin) && Number.isSafeInteger(end) && 0 <= begin && begin < end &&
      end <= width;
    const needed = `integers 0 <= begin < end <= ${width} are needed as x has shape ${formatShape(shape)}`;
    requireValues("sliceChannels", { begin, end }, isRange, needed);
    return [...shape.slice(0, -1), end - begin];
  },
  kernel: ({ inputs: [x], outputs: [y], attrs: { begin, end } }) =>
    copied(x!, y!, { width: end - begin, begin, offset: 0 }),
  software: {
    reference({ inputs, attrs: { begin, end } }, [x]): readonly Float32Array[] {
      const width = lastExtent(inputs[0]!.shape);
      const rows = rowCount(inputs[0]!.shape);
      const y = new Float32Array(rows * (end - begin));
      for (let row = 0; row < rows; row++) {
        y.set(x!.subarray(row * width + begin, row * width + end), row * (end - begin));
      }
      return [y];
    },
  },
  gradient: ({ inputs: [x], attrs: { begin, end } }, [dy]) => [
    begin === 0 && end === lastExtent(x!.shape) ? dy : padChannels(dy!, begin, lastExtent(x!.shape)),
  ],
  cost: (call) => ({ flops: 0, bytes: 2 * movedBytes({ inputs: [], outputs: call.outputs }) }),
  examples: [
    { inputs: [[2, 5, 3, 6]], attrs: { begin: 0, end: 3 } },
    { inputs: [[3, 33]], attrs: { begin: 4, end: 33 } },
  ],
});

/**
 * The channels begin, ..., end - 1.
 * @param x [..., C], f32
 * @param begin first channel, 0 <= begin < end
 * @param end one past the last channel, at most C
 * @returns [..., end - begin]
 * @throws {RangeError} if the range is empty or leaves x
 */
export function sliceChannels(x: Tensor, begin: number, end: number): Tensor {
  return sliceChannelsOp([x], { begin, end })[0]!;
}

/** Attributes of `padChannels`. */
export interface PadAttrs {
  /** Channel of the result where the first one goes. */
  readonly begin: number;
  /** Channels of the result. */
  readonly width: number;
}

/** Definition of `padChannels`. */
export const padChannelsOp: Op<PadAttrs> = pointwise<PadAttrs>({
  name: "padChannels",
  inputs: ["x"],
  shape([x], { begin, width }): Shape {
    const { shape } = x!;
    requireFit("padChannels", { x }, shape.length > 0, "[..., C] is needed");
    const channels = lastExtent(shape);
    const fits = Number.isSafeInteger(begin) && Number.isSafeInteger(width) && begin >= 0 && begin + channels <= width;
    const needed = `integers with 0 <= begin <= width - ${channels} are needed as x has shape ${formatShape(shape)}`;
    requireValues("padChannels", { begin, width }, fits, needed);
    return [...shape.slice(0, -1), width];
  },
  kernel: ({ inputs: [x], attrs: { begin, width } }) => ({
    params: { begin, width, channels: lastExtent(x!.shape) },
    body: `let row = i / params.width;
let c = i - row * params.width;
let inside = c >= params.begin && c < params.begin + params.channels;
let at = select(0u, c - params.begin, inside);
y[i] = select(0.0, x[row * params.channels + at], inside);`,
  }),
  software: {
    reference({ inputs, attrs: { begin, width } }, [x]): readonly Float32Array[] {
      const channels = lastExtent(inputs[0]!.shape);
      const rows = rowCount(inputs[0]!.shape);
      const y = new Float32Array(rows * width);
      for (let row = 0; row < rows; row++) {
        y.set(x!.subarray(row * channels, (row + 1) * channels), row * width + begin);
      }
      return [y];
    },
  },
  gradient: ({ inputs: [x], attrs: { begin } }, [dy]) => [
    sliceChannels(dy!, begin, begin + lastExtent(x!.shape)),
  ],
  flops: 0,
  examples: [
    { inputs: [[2, 5, 3, 3]], attrs: { begin: 0, width: 6 } },
    { inputs: [[3, 29]], attrs: { begin: 4, width: 33 } },
  ],
});

/**
 * Channels with zeros around them, the adjoint of `sliceChannels`: y[..., begin + k] = x[..., k], and 0 elsewhere.
 * @param x [..., C], f32
 * @param begin where the first channel goes, at least 0
 * @param width number of channels of the result, at least begin + C
 * @returns [..., width]
 * @throws {RangeError} if the channels do not fit
 */
export function padChannels(x: Tensor, begin: number, width: number): Tensor {
  return padChannelsOp([x], { begin, width })[0]!;
}
