/** Pixels moved apart: the cotangent of a convolution of stride s is one of stride 1 of an image with zeros between. */
import { elementCount, type Op, type Shape, type Tensor } from "../../engine/mod.ts";
import { arePositive, type Image, requireRank, requireValues } from "../operands.ts";
import { pointwise, type PointwiseKernel } from "../pointwise/pointwise.ts";

/** Where the pixels go. */
export interface DilateAttrs {
  /** Distance of neighbouring pixels in the result, a positive integer. */
  readonly stride: number;
  /** Where the first pixel goes, integers; what falls outside is left out. */
  readonly top: number;
  /** The column of the first pixel, as `top`. */
  readonly left: number;
  /** Size of the result. */
  readonly height: number;
  /** Columns of the result. */
  readonly width: number;
}

/** y[n, top + s h, left + s w, c] = x[n, h, w, c], 0 elsewhere. */
export const dilateOp: Op<DilateAttrs> = pointwise<DilateAttrs>({
  name: "dilate",
  inputs: ["x"],
  shape([x], attrs): Shape {
    requireRank("dilate", "x", x!, 4, "[N, H, W, C]");
    const { stride, top, left, height, width } = attrs;
    const fits = arePositive([stride, height, width]) && Number.isSafeInteger(top) && Number.isSafeInteger(left);
    requireValues("dilate", { ...attrs }, fits, "integers are needed, positive ones for stride and size");
    return [x!.shape[0]!, height, width, x!.shape[3]!];
  },
  software: {
    reference({ inputs, outputs, attrs: { stride, top, left, height, width } }, [x]): readonly Float32Array[] {
      const [images, rows, columns, channels] = inputs[0]!.shape as Image;
      const y = new Float32Array(elementCount(outputs[0]!.shape));
      for (let pixel = 0; pixel < images * rows * columns; pixel++) {
        const line = Math.floor(pixel / columns);
        const [row, column] = [top + stride * (line % rows), left + stride * (pixel % columns)];
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        const at = ((Math.floor(line / rows) * height + row) * width + column) * channels;
        y.set(x!.subarray(pixel * channels, (pixel + 1) * channels), at);
      }
      return [y];
    },
  },
  // Mapping: an invocation writes one channel of one pixel. Differences below zero wrap to far beyond the image.
  kernel({ inputs: [x], attrs: { stride, top, left, height, width } }): PointwiseKernel {
    const [, rows, columns, channels] = x!.shape as Image;
    return {
      params: { stride, top: top >>> 0, left: left >>> 0, height, width, rows, columns, channels },
      body: `let pixel = i / params.channels;
let line = pixel / params.width;
let image = line / params.height;
let down = line - image * params.height - params.top;
let across = pixel - line * params.width - params.left;
let row = down / params.stride;
let column = across / params.stride;
let inside = row < params.rows && column < params.columns && row * params.stride == down &&
  column * params.stride == across;
let source = ((image * params.rows + row) * params.columns + column) * params.channels + i - pixel * params.channels;
y[i] = select(0.0, x[select(0u, source, inside)], inside);`,
    };
  },
  examples: [
    { inputs: [[2, 3, 5, 7]], attrs: { stride: 2, top: 1, left: 2, height: 8, width: 11 } },
    { inputs: [[1, 4, 6, 3]], attrs: { stride: 3, top: -3, left: 1, height: 7, width: 15 } },
    { inputs: [[2, 4, 3, 2]], attrs: { stride: 1, top: -1, left: -1, height: 3, width: 2 } },
  ],
});

/**
 * Pixels moved apart, with zeros between and around them: y[n, top + s h, left + s w, c] = x[n, h, w, c].
 * @param x [N, H, W, C], f32
 * @param attrs stride s, place of the first pixel, and size of the result
 * @returns [N, height, width, C]
 * @throws {TypeError} if x has another rank; {RangeError} if an attribute is no integer in range
 */
export function dilate(x: Tensor, attrs: DilateAttrs): Tensor {
  return dilateOp([x], attrs)[0]!;
}
