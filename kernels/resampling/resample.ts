/** Changing the size of images: replication, block means and their adjoint, and bilinear interpolation. */
import {
  type Call,
  constant,
  elementCount,
  formatShape,
  type HostTensor,
  hostTensor,
  type Op,
  type Shape,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import {
  arePositive,
  type Image,
  movedBytes,
  requireFit,
  requireRank,
  requireSizes,
  requireValues,
} from "../operands.ts";
import { weightedSum } from "../pointwise/elementwise.ts";
import { pointwise, type PointwiseKernel } from "../pointwise/pointwise.ts";
import { separable } from "./separable.ts";

/** Side of the blocks. */
export interface FactorAttrs {
  /** Pixels along each side, a positive integer. */
  readonly factor: number;
}

function resized(name: string, x: TensorType, factor: number, resize: (extent: number) => number): Shape {
  requireRank(name, "x", x, 4, "[N, H, W, C]");
  requireValues(name, { "the factor": factor }, arePositive([factor]), "a positive integer is needed");
  const [images, height, width, channels] = x.shape as Image;
  const shape = [images, resize(height), resize(width), channels];
  const most = `at most ${Math.min(height, width)} is needed as x has shape ${formatShape(x.shape)}`;
  requireValues(name, { "the factor": factor }, elementCount(shape) > 0, most);
  return shape;
}

/** Pixels along a row that one invocation handles: the divisions that find its place are paid once for all of them. */
const STRIP = 4;

/** A kernel whose invocations take one channel of 4 neighbouring pixels of `small`; see `PLACE_WGSL`. */
function strips(small: Tensor, { attrs }: Call<FactorAttrs>, body: string, params = {}): PointwiseKernel {
  const [images, height, width, channels] = small.shape as Image;
  const across = Math.ceil(width / STRIP);
  return {
    count: images * height * across * channels,
    params: { height, width, channels, across, factor: attrs.factor, ...params },
    body: `${PLACE_WGSL}\n${body}`,
  };
}

/** Finds channel `c`, pixels `first` to `end` and row `row` (over all images) of the smaller image. */
const PLACE_WGSL = `let strip = i / params.channels;
let c = i - strip * params.channels;
let row = strip / params.across;
let first = (strip - row * params.across) * ${STRIP}u;
let end = min(first + ${STRIP}u, params.width);`;

/** Definition of `upsampleNearest`. */
export const upsampleNearestOp: Op<FactorAttrs> = pointwise<FactorAttrs>({
  name: "upsampleNearest",
  inputs: ["x"],
  shape: ([x], { factor }) => resized("upsampleNearest", x!, factor, (extent) => extent * factor),
  // Mapping: an invocation reads one channel of 4 neighbouring pixels and writes factor x factor copies of each.
  kernel: (call) =>
    strips(
      call.inputs[0]!,
      call,
      `let pitch = params.width * params.factor * params.channels;
for (var column = first; column < end; column += 1u) {
  let v = x[(row * params.width + column) * params.channels + c];
  let corner = row * params.factor * pitch + column * params.factor * params.channels + c;
  for (var dy = 0u; dy < params.factor; dy += 1u) {
    for (var dx = 0u; dx < params.factor; dx += 1u) {
      y[corner + dy * pitch + dx * params.channels] = v;
    }
  }
}`,
    ),
  software: {
    reference({ inputs, outputs, attrs: { factor } }, [x]): readonly Float32Array[] {
      const [, height, width, channels] = inputs[0]!.shape as Image;
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
  },
  gradient: ({ attrs: { factor } }, [dy]) => [weightedSum([[factor ** 2, averagePool(dy!, factor)]])],
  flops: 0,
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
export const averagePoolOp: Op<FactorAttrs> = pointwise<FactorAttrs>({
  name: "averagePool",
  inputs: ["x"],
  shape: ([x], { factor }) => resized("averagePool", x!, factor, (extent) => Math.floor(extent / factor)),
  // Mapping: an invocation writes one channel of 4 neighbouring pixels, each the mean of factor x factor pixels.
  kernel(call): PointwiseKernel {
    const [, height, width] = call.inputs[0]!.shape as Image;
    return strips(
      call.outputs[0]!,
      call,
      `let image = row / params.height;
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
      { x_height: height, x_width: width },
    );
  },
  software: {
    reference({ inputs, outputs, attrs: { factor } }, [x]): readonly Float32Array[] {
      const [, height, width, channels] = inputs[0]!.shape as Image;
      const [, outHeight, outWidth] = outputs[0]!.shape as Image;
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
  },
  gradient({ inputs, attrs: { factor } }, [dy]): readonly Tensor[] {
    const [, height, width] = inputs[0]!.shape as Image;
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
  /** Rows of the image. */
  readonly height: number;
  /** Columns of the image. */
  readonly width: number;
}

/** Definition of `spread`. */
export const spreadOp: Op<SpreadAttrs> = pointwise<SpreadAttrs>({
  name: "spread",
  inputs: ["y"],
  outputs: ["x"],
  shape([y], { factor, height, width }): Shape {
    requireRank("spread", "y", y!, 4, "[N, P, Q, C]");
    const [images, rows, columns, channels] = y!.shape as Image;
    const fits = rows === Math.floor(height / factor) && columns === Math.floor(width / factor);
    const needed = `blocks of ${factor} of an image of ${height} x ${width} pixels are needed`;
    requireFit("spread", { y }, fits, needed);
    return [images, height, width, channels];
  },
  // Mapping: an invocation writes one channel of one pixel.
  kernel({ inputs: [y], attrs: { factor, height, width } }): PointwiseKernel {
    const [, rows, columns, channels] = y!.shape as Image;
    return {
      params: { factor, height, width, rows, columns, channels },
      body: `let pixel = i / params.channels;
let line = pixel / params.width;
let image = line / params.height;
let row = (line - image * params.height) / params.factor;
let column = (pixel - line * params.width) / params.factor;
let block = (image * params.rows + min(row, params.rows - 1u)) * params.columns + min(column, params.columns - 1u);
let v = y[block * params.channels + (i - pixel * params.channels)] / f32(params.factor * params.factor);
x[i] = select(0.0, v, row < params.rows && column < params.columns);`,
    };
  },
  software: {
    reference({ inputs, attrs: { factor, height, width } }, [y]): readonly Float32Array[] {
      const [images, rows, columns, channels] = inputs[0]!.shape as Image;
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
  },
  gradient: ({ attrs: { factor } }, [dx]) => [averagePool(dx!, factor)],
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
  requireSizes("bilinearResize", { height, width });
  const left = constant(linearWeights(height, x.shape[1]!));
  return separable(left, x, constant(linearWeights(width, x.shape[2]!)));
}
