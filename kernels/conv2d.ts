/** Two-dimensional convolution over channels-last images, with fused bias and residual. */
import {
  type Call,
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  type Target,
  type Tensor,
  type TensorType,
} from "../engine/mod.ts";
import { conv2dChosen } from "./conv2d_choice.ts";
import {
  addRowTimesMatrix,
  checkOptional,
  inputNames,
  type MatmulOptions,
  optionalInputs,
  storeRow,
  withOptional,
} from "./matmul.ts";
import { matmulChosen } from "./matmul_choice.ts";
import { movedBytes, requireF32, requireRank } from "./operands.ts";

/** Rows and columns of zeros around an image. */
export interface Padding {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** Options of `conv2d`. */
export interface Conv2dOptions extends MatmulOptions {
  /** Distance of neighbouring output pixels in the input, 1 or more; 1 by default. */
  readonly stride?: number;
  /** Zeros around the image, one number for all sides; 0 by default. */
  readonly padding?: Padding | number;
}

interface Conv2dAttrs {
  readonly stride: number;
  readonly padding: Padding;
  readonly bias: boolean;
  readonly residual: boolean;
}

/** Whether a convolution is a product of pixels and a matrix. */
function isPointwise(weight: TensorType, { stride, padding }: Conv2dAttrs): boolean {
  const [kernelHeight, kernelWidth] = weight.shape;
  const padded = padding.top + padding.left + padding.bottom + padding.right > 0;
  return kernelHeight === 1 && kernelWidth === 1 && stride === 1 && !padded;
}

function operands(call: Call<Conv2dAttrs>): { readonly x: Tensor; readonly weight: Tensor; readonly out: Tensor } {
  const [x, weight] = call.inputs as readonly [Tensor, Tensor];
  const [out] = call.outputs as readonly [Tensor];
  return { x, weight, out };
}

const NO_PADDING: Padding = { top: 0, left: 0, bottom: 0, right: 0 };
const SAME_3X3: Padding = { top: 1, left: 1, bottom: 1, right: 1 };

/** The convolution as an operation; see `conv2d`. */
export const conv2dOp = defineOp<Conv2dAttrs>({
  name: "conv2d",
  infer(inputs, attrs): readonly TensorType[] {
    requireF32("conv2d", inputs, inputNames(["x", "weight"], attrs));
    const [x, weight] = inputs as readonly [TensorType, TensorType];
    requireRank("conv2d", "x", x, 4, "[N, H, W, Cin]");
    requireRank("conv2d", "weight", weight, 4, "[KH, KW, Cin, Cout]");
    const [batch = 0, height = 0, width = 0, channels = 0] = x.shape;
    const [kernelHeight = 0, kernelWidth = 0, expected = 0, outChannels = 0] = weight.shape;
    if (channels !== expected) {
      throw new TypeError(
        `Cannot build conv2d: x has ${channels} channels, weight ${formatShape(weight.shape)} expects ${expected}`,
      );
    }
    const { stride, padding } = attrs;
    if (!Number.isInteger(stride) || stride < 1) {
      throw new RangeError(`Cannot build conv2d: stride is ${stride}, an integer of at least 1 is needed`);
    }
    for (const [side, extent] of Object.entries(padding)) {
      if (!Number.isInteger(extent) || extent < 0) {
        throw new RangeError(`Cannot build conv2d: ${side} padding is ${extent}, an integer of at least 0 is needed`);
      }
    }
    const outHeight = Math.floor((height + padding.top + padding.bottom - kernelHeight) / stride) + 1;
    const outWidth = Math.floor((width + padding.left + padding.right - kernelWidth) / stride) + 1;
    if (outHeight < 1 || outWidth < 1) {
      throw new TypeError(
        `Cannot build conv2d: x is ${height}x${width} before padding, weight ${formatShape(weight.shape)} needs at ` +
          `least ${kernelHeight}x${kernelWidth} with padding`,
      );
    }
    const out: TensorType = { shape: [batch, outHeight, outWidth, outChannels], dtype: "f32" };
    checkOptional("conv2d", inputs, attrs, out);
    return [out];
  },
  reference(call, inputs): readonly Float32Array[] {
    const { x, weight, out } = operands(call);
    const [batch = 0, height = 0, width = 0, channels = 0] = x.shape;
    const [kernelHeight = 0, kernelWidth = 0] = weight.shape;
    const [, outHeight = 0, outWidth = 0, outChannels = 0] = out.shape;
    const { stride, padding } = call.attrs;
    const [image = new Float32Array(), matrix = new Float32Array()] = inputs;
    const { bias, residual } = optionalInputs(inputs, call.attrs);
    const result = new Float32Array(elementCount(out.shape));
    const sums = new Float64Array(outChannels);
    let at = 0;
    for (let item = 0; item < batch; item++) {
      for (let oy = 0; oy < outHeight; oy++) {
        for (let ox = 0; ox < outWidth; ox++, at += outChannels) {
          sums.fill(0);
          const top = oy * stride - padding.top;
          const left = ox * stride - padding.left;
          // Channels of neighbouring columns lie side by side in image and weight: one product per kernel row.
          const first = Math.max(0, -left);
          const count = (Math.min(kernelWidth, width - left) - first) * channels;
          for (let ky = Math.max(0, -top); ky < Math.min(kernelHeight, height - top); ky++) {
            const from = ((item * height + top + ky) * width + left + first) * channels;
            addRowTimesMatrix(sums, image, from, count, matrix, (ky * kernelWidth + first) * channels);
          }
          storeRow(result, at, sums, bias, residual);
        }
      }
    }
    return [result];
  },
  lower(call, target): readonly Dispatch[] {
    const { x, weight, out } = operands(call);
    const summands = optionalInputs(call.inputs, call.attrs);
    if (isPointwise(weight, call.attrs)) return pointwise(x, weight, out, summands, target);
    const { stride, padding: { top, left } } = call.attrs;
    return conv2dChosen({ x, weight, out, ...summands, stride, top, left }, target);
  },
  cost(call): { readonly flops: number; readonly bytes: number } {
    const { weight, out } = operands(call);
    const [kernelHeight = 0, kernelWidth = 0, channels = 0] = weight.shape;
    return { flops: 2 * elementCount(out.shape) * kernelHeight * kernelWidth * channels, bytes: movedBytes(call) };
  },
  examples: [
    example([1, 5, 7, 3], [3, 3, 3, 33], 1, SAME_3X3, true, false),
    example([2, 6, 18, 33], [3, 3, 33, 6], 1, SAME_3X3, true, true),
    example([1, 17, 33, 8], [3, 3, 8, 16], 1, SAME_3X3, false, true),
    example([1, 4, 4, 12], [3, 3, 12, 20], 1, SAME_3X3, true, true),
    example([2, 9, 12, 16], [3, 3, 16, 3], 2, SAME_3X3, true, false),
    example([1, 8, 20, 5], [3, 3, 5, 9], 2, { top: 0, left: 0, bottom: 1, right: 1 }, true, false),
    example([1, 1, 1, 33], [3, 3, 33, 6], 1, SAME_3X3, true, true),
    example([1, 6, 11, 16], [3, 3, 16, 1], 1, SAME_3X3, true, false),
    example([2, 7, 5, 6], [1, 1, 6, 33], 1, NO_PADDING, true, true),
    example([1, 6, 7, 16], [1, 1, 16, 8], 2, NO_PADDING, false, false),
    example([1, 9, 8, 4], [5, 2, 4, 7], 3, { top: 3, left: 0, bottom: 2, right: 4 }, true, false),
    example([1, 3, 2, 2], [1, 1, 2, 4], 1, SAME_3X3, true, false),
  ],
});

/** A pointwise convolution is the product of pixels [N H W, Cin] and the weight [Cin, Cout]. */
function pointwise(
  x: Tensor,
  weight: Tensor,
  out: Tensor,
  summands: ReturnType<typeof optionalInputs<Tensor>>,
  target: Target,
): readonly Dispatch[] {
  const [images = 1] = x.shape;
  const [, , inner = 1, columns = 1] = weight.shape;
  const rows = elementCount(x.shape) / inner;
  return matmulChosen({ a: x, b: weight, out, batch: 1, rows, images, inner, columns, ...summands }, target);
}

function example(
  x: readonly [number, number, number, number],
  weight: readonly [number, number, number, number],
  stride: number,
  padding: Padding,
  bias: boolean,
  residual: boolean,
): { readonly inputs: readonly (readonly number[])[]; readonly attrs: Conv2dAttrs } {
  const outHeight = Math.floor((x[1] + padding.top + padding.bottom - weight[0]) / stride) + 1;
  const outWidth = Math.floor((x[2] + padding.left + padding.right - weight[1]) / stride) + 1;
  const summands = [...(bias ? [[weight[3]]] : []), ...(residual ? [[x[0], outHeight, outWidth, weight[3]]] : [])];
  return { inputs: [x, weight, ...summands], attrs: { stride, padding, bias, residual } };
}

/**
 * Convolution y[n, oy, ox, o] = sum x[n, oy s + ky - top, ox s + kx - left, i] weight[ky, kx, i, o] (+ bias[o])
 * (+ residual), with zeros outside the image.
 * @param x [N, H, W, Cin]
 * @param weight [KH, KW, Cin, Cout]
 * @param options bias [Cout]; residual [N, OH, OW, Cout]; stride; padding
 * @returns [N, OH, OW, Cout], OH = floor((H + top + bottom - KH) / stride) + 1 and OW alike
 * @throws {TypeError} if the shapes do not fit; {RangeError} if stride or padding is not an integer in range
 */
export function conv2d(x: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor {
  const { stride = 1, padding = NO_PADDING } = options;
  const attrs: Conv2dAttrs = {
    stride,
    padding: typeof padding === "number" ? { top: padding, left: padding, bottom: padding, right: padding } : padding,
    bias: options.bias !== undefined,
    residual: options.residual !== undefined,
  };
  const [out] = conv2dOp(withOptional([x, weight], options), attrs);
  return out!;
}
