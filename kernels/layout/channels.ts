/** The last dimension: joining and cutting. */
import {
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  type Op,
  sameShape,
  type Shape,
  type Target,
  type Tensor,
  type TensorType,
  wordCount,
} from "../../engine/mod.ts";
import { halfExample, movedBytes, requireF32 } from "../operands.ts";
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

/**
 * Copies `width` channels of every row. Mapping: an invocation copies one channel of 8 consecutive rows; neighbouring
 * invocations take neighbouring channels.
 */
function copyChannels(
  label: string,
  target: Target,
  x: Tensor,
  y: Tensor,
  { width, begin, offset }: { readonly width: number; readonly begin: number; readonly offset: number },
): Dispatch {
  // The words of an f16 matrix hold two rows: they are copied as they are.
  const rows = wordCount(x) / lastExtent(x.shape);
  const type = x.dtype === "f16" ? "u32" : "f32";
  return elementwise(label, target, {
    read: { x: { tensor: x, type } },
    write: { y: { tensor: y, type } },
    count: Math.ceil(rows / STRIP) * width,
    params: { rows, width, begin, offset, x_pitch: lastExtent(x.shape), y_pitch: lastExtent(y.shape) },
    body: `let strip = i / params.width;
let c = i - strip * params.width;
let end = min((strip + 1u) * ${STRIP}u, params.rows);
for (var row = strip * ${STRIP}u; row < end; row += 1u) {
  y[row * params.y_pitch + params.offset + c] = x[row * params.x_pitch + params.begin + c];
}`,
  });
}

/** Definition of `concatChannels`. */
export const concatChannelsOp: Op<Record<string, never>> = defineOp<Record<string, never>>({
  name: "concatChannels",
  infer(inputs): readonly TensorType[] {
    const half = inputs.length === 2 && inputs.every(({ dtype }) => dtype === "f16");
    if (!half) requireF32("concatChannels", inputs, ["a", "b"]);
    const [a, b] = [inputs[0]!.shape, inputs[1]!.shape];
    if (a.length === 0 || !sameShape(a.slice(0, -1), b.slice(0, -1)) || a.length !== b.length) {
      throw new TypeError(
        `Cannot build concatChannels: a has shape ${formatShape(a)} and b ${formatShape(b)}, ` +
          `which may differ in the last extent only`,
      );
    }
    return [{ shape: [...a.slice(0, -1), lastExtent(a) + lastExtent(b)], dtype: half ? "f16" : "f32" }];
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
  lower({ inputs, outputs }, target): readonly Dispatch[] {
    const [a, b, y] = [inputs[0]!, inputs[1]!, outputs[0]!];
    const [aWidth, bWidth] = [lastExtent(a.shape), lastExtent(b.shape)];
    return [
      copyChannels("concatChannels.first", target, a, y, { width: aWidth, begin: 0, offset: 0 }),
      copyChannels("concatChannels.second", target, b, y, { width: bWidth, begin: 0, offset: aWidth }),
    ];
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

/** Definition of `sliceChannels`. */
export const sliceChannelsOp: Op<{ readonly begin: number; readonly end: number }> = defineOp<
  { readonly begin: number; readonly end: number }
>({
  name: "sliceChannels",
  infer(inputs, { begin, end }): readonly TensorType[] {
    requireF32("sliceChannels", inputs, ["x"]);
    const { shape } = inputs[0]!;
    if (shape.length === 0) throw new TypeError("Cannot build sliceChannels: x has shape [], [..., C] is needed");
    const width = lastExtent(shape);
    if (!(Number.isSafeInteger(begin) && Number.isSafeInteger(end) && 0 <= begin && begin < end && end <= width)) {
      throw new RangeError(
        `Cannot build sliceChannels: begin is ${begin} and end is ${end}, ` +
          `integers 0 <= begin < end <= ${width} are needed as x has shape ${formatShape(shape)}`,
      );
    }
    return [{ shape: [...shape.slice(0, -1), end - begin], dtype: "f32" }];
  },
  reference({ inputs, attrs: { begin, end } }, [x]): readonly Float32Array[] {
    const width = lastExtent(inputs[0]!.shape);
    const rows = rowCount(inputs[0]!.shape);
    const y = new Float32Array(rows * (end - begin));
    for (let row = 0; row < rows; row++) {
      y.set(x!.subarray(row * width + begin, row * width + end), row * (end - begin));
    }
    return [y];
  },
  lower: ({ inputs, outputs, attrs: { begin, end } }, target) => [
    copyChannels("sliceChannels", target, inputs[0]!, outputs[0]!, { width: end - begin, begin, offset: 0 }),
  ],
  vjp: ({ inputs: [x], attrs: { begin, end } }, [dy]) => [
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

/** Definition of `padChannels`. */
export const padChannelsOp: Op<{ readonly begin: number; readonly width: number }> = defineOp<
  { readonly begin: number; readonly width: number }
>({
  name: "padChannels",
  infer(inputs, { begin, width }): readonly TensorType[] {
    requireF32("padChannels", inputs, ["x"]);
    const { shape } = inputs[0]!;
    if (shape.length === 0) throw new TypeError("Cannot build padChannels: x has shape [], [..., C] is needed");
    const integers = Number.isSafeInteger(begin) && Number.isSafeInteger(width);
    if (!integers || begin < 0 || begin + lastExtent(shape) > width) {
      throw new RangeError(
        `Cannot build padChannels: begin is ${begin} and width is ${width}, integers with 0 <= begin <= ` +
          `width - ${lastExtent(shape)} are needed as x has shape ${formatShape(shape)}`,
      );
    }
    return [{ shape: [...shape.slice(0, -1), width], dtype: "f32" }];
  },
  reference({ inputs, attrs: { begin, width } }, [x]): readonly Float32Array[] {
    const channels = lastExtent(inputs[0]!.shape);
    const rows = rowCount(inputs[0]!.shape);
    const y = new Float32Array(rows * width);
    for (let row = 0; row < rows; row++) {
      y.set(x!.subarray(row * channels, (row + 1) * channels), row * width + begin);
    }
    return [y];
  },
  lower: ({ inputs, outputs, attrs: { begin, width } }, target) => [
    elementwise("padChannels", target, {
      read: { x: inputs[0]! },
      write: { y: outputs[0]! },
      params: { begin, width, channels: lastExtent(inputs[0]!.shape) },
      body: `let row = i / params.width;
let c = i - row * params.width;
let inside = c >= params.begin && c < params.begin + params.channels;
let at = select(0u, c - params.begin, inside);
y[i] = select(0.0, x[row * params.channels + at], inside);`,
    }),
  ],
  vjp: ({ inputs: [x], attrs: { begin } }, [dy]) => [sliceChannels(dy!, begin, begin + lastExtent(x!.shape))],
  cost: (call) => ({ flops: 0, bytes: movedBytes(call) }),
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
