/** The mean of an image. */
import { constant, hostTensor, type Tensor } from "../engine/mod.ts";
import { separable } from "../kernels/mod.ts";

/**
 * The mean of every channel over all pixels, y[n, 0, 0, c] = sum of x[n, h, w, c] / (H W), rows and columns one after
 * the other, so that many invocations share the work.
 * @param x [N, H, W, C]
 * @returns [N, 1, 1, C]
 */
export function meanOverPixels(x: Tensor): Tensor {
  const [, height, width] = x.shape as [number, number, number, number];
  const average = (count: number): Tensor => constant(hostTensor(new Float32Array(count).fill(1 / count), [1, count]));
  return separable(average(height), x, average(width));
}
