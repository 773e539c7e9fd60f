/** The backward pass through the sum of a convolution: to the image that it sees, and to its shift. */
import { constant, hostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { padChannels } from "../layout/channels.ts";
import { dilate } from "../layout/dilate.ts";
import { reshape } from "../layout/reshape.ts";
import { separable } from "../resampling/separable.ts";
import type { Conv2dAttrs, Padding } from "./conv2d_attrs.ts";
import { rotateWeight } from "./rotate_weight.ts";

/** Records a convolution of stride 1. */
type Convolve = (x: Tensor, weight: Tensor, options: { readonly padding: Padding }) => Tensor;

/**
 * The cotangent of the image that a convolution sees: the convolution of the cotangent of the result with the weight
 * turned by 180 degrees, so that it is computed by the same algorithms.
 * @param dy cotangent of the result, [N, OH, OW, Cout]
 * @param weight [KH, KW, Cin, Cout]
 * @param seen [N, H, W, Cin], shape of the image
 * @param attrs of the convolution
 * @param convolve records a convolution
 * @returns [N, H, W, Cin]
 */
export function imageCotangent(
  dy: Tensor,
  weight: Tensor,
  seen: Shape,
  { stride, padding }: Pick<Conv2dAttrs, "stride" | "padding">,
  convolve: Convolve,
): Tensor {
  const [, height, width] = seen as readonly [number, number, number];
  const [kernelHeight, kernelWidth] = weight.shape as readonly [number, number];
  const [, outHeight, outWidth] = dy.shape as readonly [number, number, number];
  const [top, left] = [kernelHeight - 1 - padding.top, kernelWidth - 1 - padding.left];
  const around = { top, left, bottom: height - outHeight + padding.top, right: width - outWidth + padding.left };
  const turned = rotateWeight(weight);
  if (stride === 1 && Object.values(around).every((extent) => extent >= 0)) {
    return convolve(dy, turned, { padding: around });
  }
  const size = { height: height + kernelHeight - 1, width: width + kernelWidth - 1 };
  return convolve(dilate(dy, { stride, top, left, ...size }), turned, {
    padding: { top: 0, left: 0, bottom: 0, right: 0 },
  });
}

/**
 * The cotangent of the shift of a convolution: the sums over the pixels of each image.
 * @param dy cotangent of the result, [N, OH, OW, Cout]
 * @param shift [N, `at` + Cout or more]
 * @param at where the shift of an image begins in its row
 * @returns the shape of the shift
 */
export function shiftCotangent(dy: Tensor, shift: Tensor, at: number): Tensor {
  const [images, height, width, channels] = dy.shape as readonly [number, number, number, number];
  const ones = (count: number): Tensor => constant(hostTensor(new Float32Array(count).fill(1), [1, count]));
  const sums = separable(ones(height), dy, ones(width));
  return padChannels(reshape(sums, [images, channels]), at, shift.shape[1]!);
}
