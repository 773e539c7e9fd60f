/** Changing the size of images: replication, block means and their adjoint, and bilinear interpolation. */
import {
  type Call,
  constant,
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  type HostTensor,
  hostTensor,
  type Op,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { movedBytes, requireF32, requireRank } from "../operands.ts";
import { weightedSum } from "../pointwise/elementwise.ts";
import { elementwise } from "../text/wgsl.ts";
import { separable } from "./separable.ts";

interface FactorAttrs {
  readonly factor: number;
}

function inferFactor(
  name: string,
  inputs: readonly TensorType[],
  { factor }: FactorAttrs,
  resize: (extent: number) => number,
): readonly TensorType[] {
  requireF32(name, inputs, ["x"]);
  const x = inputs[0]!;
  requireRank(name, "x", x, 4, "[N, H, W, C]");
  if (!Number.isSafeInteger(factor) || factor < 1) {
    throw new RangeError(`Cannot build ${name}: the factor is ${factor}, a positive integer is needed`);
  }
  const [images, height, width, channels] = x.shape as [number, number, number, number];
  const shape = [images, resize(height), resize(width), channels];
  if (elementCount(shape) === 0) {
    throw new RangeError(
      `Cannot build ${name}: the factor is ${factor}, at most ${Math.min(height, width)} is needed ` +
        `as x has shape ${formatShape(x.shape)}`,
    );
  }
  return [{ shape, dtype: "f32" }];
}

/** Pixels along a row that one invocation handles: the divisions that find its place are paid once for all of them. */
const STRIP = 4;

/** Sizes of a kernel whose invocations take one channel of 4 neighbouring pixels of `small`, and their number. */
function strips(small: Tensor, { attrs }: Call<FactorAttrs>): { count: number; params: Record<string, number> } {
  const [images, height, width, channels] = small.shape as [number, number, number, number];
  const across = Math.ceil(width / STRIP);
  return {
    count: images * height * across * channels,
    params: { height, width, channels, across, factor: attrs.factor },
  };
}

/** Finds channel `c`, pixels `first` to `end` and row `row` (over all images) of the smaller image. */
const PLACE_WGSL = `let strip = i / params.channels;
let c = i - strip * params.channels;
let row = strip / params.across;
let first = (strip - row * params.across) * ${STRIP}u;
let end = min(first + ${STRIP}u, params.width);`;

/** Definition of `upsampleNearest`. */
export const upsampleNearestOp: Op<FactorAttrs> = defineOp<FactorAttrs>({
  name: "upsampleNearest",
  infer: (inputs, attrs) => inferFactor("upsampleNearest", inputs, attrs, (extent) => extent * attrs.factor),
  reference({ inputs, outputs, attrs: { factor } }, [x]): readonly Float32Array[] {
    const [, height, width, channels] = inputs[0]!.shape as [number, number, number, number];
    const y = new Float32Array(elementCount(outputs[0]!.shape));
    const rows = y.length / (width * factor * channels);
    for (let row = 0; row < rows; row++) {
      const image = Math.floor(row / (height * factor));
      const from = image * height + Math.floor((row % (height * factor)) / factor);
      for (let column = 0; column < width * factor; column++) {
        const at = (from * width + Math.floor(column / factor)) * channels;
        y.set(x!.subarray(at, at + channels), (row * width * factor + column) * channels);
      }
    }
    return [y];
  },
  // Mapping: an invocation reads one channel of 4 neighbouring pixels and writes factor x factor copies of each.
  lower(call, target): readonly Dispatch[] {
    const [x, y] = [call.inputs[0]!, call.outputs[0]!];
    return [
      elementwise("upsampleNearest", target, {
        read: { x },
        write: { y },
        ...strips(x, call),
        body: `${PLACE_WGSL}
let pitch = params.width * params.factor * params.channels;
for (var column = first; column < end; column += 1u) {
  let v = x[(row * params.width + column) * params.channels + c];
  let corner = row * params.factor * pitch + column * params.factor * params.channels + c;
  for (var dy = 0u; dy < params.factor; dy += 1u) {
    for (var dx = 0u; dx < params.factor; dx += 1u) {
      y[corner + dy * pitch + dx * params.channels] = v;
    }
  }
}`,
      }),
    ];
  },
  vjp: ({ attrs: { factor } }, [dy]) => [weightedSum([[factor ** 2, averagePool(dy!, factor)]])],
  cost: (call) => ({ flops: 0, bytes: movedBytes(call) }),
  examples: [
    { inputs: [[2, 3, 5, 7]], attrs: { factor: 2 } },
    { inputs: [[1, 4, 9, 1]], attrs: { factor: 3 } },
  ],
});

/**
 * Every pixel as a block of factor x factor equal pixels: y[n, h, w, c] = x[n, floor(h / factor), floor(w / factor), c].
 * @param x [N, H, W, C], f32
 * @param factor positive integer
 * @returns [N, factor H, factor W, C]
 * @throws {TypeError} if x has another rank
 * @throws {RangeError} if the factor is not a positive integer
 */
export function upsampleNearest(x: Tensor, factor: number): Tensor {
  return upsampleNearestOp([x], { factor })[0]!;
}

/** Definition of `averagePool`. */
export const averagePoolOp: Op<FactorAttrs> = defineOp<FactorAttrs>({
  name: "averagePool",
  infer: (inputs, attrs) => inferFactor("averagePool", inputs, attrs, (extent) => Math.floor(extent / attrs.factor)),
  reference({ inputs, outputs, attrs: { factor } }, [x]): readonly Float32Array[] {
    const [, height, width, channels] = inputs[0]!.shape as [number, number, number, number];
    const [, outHeight, outWidth] = outputs[0]!.shape as [number, number, number, number];
    const y = new Float32Array(elementCount(outputs[0]!.shape));
    for (let i = 0; i < y.length; i++) {
      const c = i % channels;
      const pixel = Math.floor(i / channels);
      const row = Math.floor(pixel / outWidth);
      const [image, top] = [Math.floor(row / outHeight), (row % outHeight) * factor];
      const left = (pixel % outWidth) * factor;
      let sum = 0;
      for (let dy = 0; dy < factor; dy++) {
        for (let dx = 0; dx < factor; dx++) {
          sum += x![((image * height + top + dy) * width + left + dx) * channels + c]!;
        }
      }
      y[i] = sum / (factor * factor);
    }
    return [y];
  },
  // Mapping: an invocation writes one channel of 4 neighbouring pixels, each the mean of factor x factor pixels.
  lower(call, target): readonly Dispatch[] {
    const [x, y] = [call.inputs[0]!, call.outputs[0]!];
    const { count, params } = strips(y, call);
    return [
      elementwise("averagePool", target, {
        read: { x },
        write: { y },
        count,
        params: { ...params, x_height: x.shape[1]!, x_width: x.shape[2]! },
        body: `${PLACE_WGSL}
let image = row / params.height;
let top = image * params.x_height + (row - image * params.height) * params.factor;
let share = 1.0 / f32(params.factor * params.factor);
for (var column = first; column < end; column += 1u) {
  var sum = 0.0;
  for (var dy = 0u; dy < params.factor; dy += 1u) {
    let at = ((top + dy) * params.x_width + column * params.factor) * params.channels + c;
    for (var dx = 0u; dx < params.factor; dx += 1u) {
      sum += x[at + dx * params.channels];
    }
  }
  y[(row * params.width + column) * params.channels + c] = sum * share;
}`,
      }),
    ];
  },
  vjp: ({ inputs, attrs: { factor } }, [dy]) => {
    const [, height, width] = inputs[0]!.shape as readonly [number, number, number, number];
    return [spread(dy!, { factor, height, width })];
  },
  cost: (call) => ({
    flops: elementCount(call.outputs[0]!.shape) * call.attrs.factor ** 2,
    bytes: movedBytes(call),
  }),
  examples: [
    { inputs: [[2, 6, 10, 7]], attrs: { factor: 2 } },
    { inputs: [[2, 13, 19, 3]], attrs: { factor: 3 } },
    { inputs: [[1, 8, 8, 1]], attrs: { factor: 8 } },
  ],
});

/**
 * The mean of every block of factor x factor pixels; rows and columns that fill no whole block are left out.
 * @param x [N, H, W, C], f32
 * @param factor positive integer, at most H and W
 * @returns [N, floor(H / factor), floor(W / factor), C]
 * @throws {TypeError} if x has another rank
 * @throws {RangeError} if the factor is not a positive integer or exceeds H or W
 */
export function averagePool(x: Tensor, factor: number): Tensor {
  return averagePoolOp([x], { factor })[0]!;
}

/** Side of the blocks and size of the image. */
export interface SpreadAttrs {
  /** A positive integer. */
  readonly factor: number;
  readonly height: number;
  readonly width: number;
}

/** Definition of `spread`. */
export const spreadOp: Op<SpreadAttrs> = defineOp<SpreadAttrs>({
  name: "spread",
  infer(inputs, { factor, height, width }): readonly TensorType[] {
    requireF32("spread", inputs, ["y"]);
    requireRank("spread", "y", inputs[0]!, 4, "[N, P, Q, C]");
    const [images, rows, columns, channels] = inputs[0]!.shape as [number, number, number, number];
    if (rows !== Math.floor(height / factor) || columns !== Math.floor(width / factor)) {
      throw new TypeError(
        `Cannot build spread: y has shape ${formatShape(inputs[0]!.shape)}, blocks of ${factor} of an image of ` +
          `${height} x ${width} pixels are needed`,
      );
    }
    return [{ shape: [images, height, width, channels], dtype: "f32" }];
  },
  reference({ inputs, attrs: { factor, height, width } }, [y]): readonly Float32Array[] {
    const [images, rows, columns, channels] = inputs[0]!.shape as [number, number, number, number];
    const x = new Float32Array(images * height * width * channels);
    for (let at = 0; at < x.length; at++) {
      const pixel = Math.floor(at / channels);
      const line = Math.floor(pixel / width);
      const [row, column] = [Math.floor(line % height / factor), Math.floor(pixel % width / factor)];
      if (row >= rows || column >= columns) continue;
      const block = (Math.floor(line / height) * rows + row) * columns + column;
      x[at] = y![block * channels + at % channels]! / factor ** 2;
    }
    return [x];
  },
  // Mapping: an invocation writes one channel of one pixel.
  lower({ inputs, outputs, attrs: { factor, height, width } }, target): readonly Dispatch[] {
    const y = inputs[0]!;
    const [, rows, columns, channels] = y.shape as [number, number, number, number];
    return [
      elementwise("spread", target, {
        read: { y },
        write: { x: outputs[0]! },
        params: { factor, height, width, rows, columns, channels },
        body: `let pixel = i / params.channels;
let line = pixel / params.width;
let image = line / params.height;
let row = (line - image * params.height) / params.factor;
let column = (pixel - line * params.width) / params.factor;
let block = (image * params.rows + min(row, params.rows - 1u)) * params.columns + min(column, params.columns - 1u);
let v = y[block * params.channels + (i - pixel * params.channels)] / f32(params.factor * params.factor);
x[i] = select(0.0, v, row < params.rows && column < params.columns);`,
      }),
    ];
  },
  vjp: ({ attrs: { factor } }, [dx]) => [averagePool(dx!, factor)],
  cost: (call) => ({ flops: elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[2, 3, 5, 7]], attrs: { factor: 2, height: 6, width: 10 } },
    { inputs: [[2, 4, 6, 3]], attrs: { factor: 3, height: 13, width: 19 } },
  ],
});

/**
 * Every value in equal shares over the factor x factor pixels of its block, and 0 where no whole block is: the adjoint of
 * `averagePool`.
 * @param y [N, floor(height / factor), floor(width / factor), C], f32
 * @param attrs side of the blocks and size of the image
 * @returns [N, height, width, C]
 * @throws {TypeError} if the shape does not fit
 */
export function spread(y: Tensor, attrs: SpreadAttrs): Tensor {
  return spreadOp([y], attrs)[0]!;
}

/** Weights [to, from] of linear interpolation between pixel centres; beyond the first and last centre they repeat. */
function linearWeights(to: number, from: number): HostTensor {
  const weights = new Float32Array(to * from);
  for (let row = 0; row < to; row++) {
    const position = Math.max(0, (row + 0.5) * from / to - 0.5);
    const low = Math.min(Math.floor(position), from - 1);
    const high = Math.min(low + 1, from - 1);
    const share = position - low;
    weights[row * from + low]! += 1 - share;
    weights[row * from + high]! += share;
  }
  return hostTensor(weights, [to, from]);
}

/**
 * Bilinear interpolation between pixel centres without antialiasing, position (k + 1/2) H / height - 1/2 (the rule that
 * PyTorch calls `align_corners=False`).
 * @param x [N, H, W, C], f32
 * @param height new height, positive integer
 * @param width new width, positive integer
 * @returns [N, height, width, C]
 * @throws {TypeError} if x has another rank
 * @throws {RangeError} if a size is not a positive integer
 */
export function bilinearResize(x: Tensor, height: number, width: number): Tensor {
  requireRank("bilinearResize", "x", x, 4, "[N, H, W, C]");
  if (![height, width].every((size) => Number.isSafeInteger(size) && size >= 1)) {
    throw new RangeError(
      `Cannot build bilinearResize: the new size is ${height} x ${width}, positive integers are needed`,
    );
  }
  const left = constant(linearWeights(height, x.shape[1]!));
  return separable(left, x, constant(linearWeights(width, x.shape[2]!)));
}
