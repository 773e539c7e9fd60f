/**
 * A degradation of one's own in one file: a lens that darkens towards the corners, before a sensor of few pixels. Only
 * the forward map is written down; its adjoint and its pseudo-inverse are derived, so every method that needs A, A^T,
 * A^+ or the gradient of a measurement loss takes it.
 *
 *     const operator = darkLens([256, 256, 3], { scale: 4 });
 *     const y = ...; // measurements [N, 64, 64, 3]
 *     for await (const { step } of DDNM.restore(runtime, { model, operator, y, sigmaY: 0 }, options)) console.log(step);
 */
import { constant, hostTensor, type Shape, type Tensor } from "../engine/mod.ts";
import { averagePool, mul } from "../kernels/mod.ts";
import { type LinearOperator, ownOperator } from "../operators/mod.ts";

/**
 * The operator y = mean of blocks of (brightness of the lens times x).
 * @param imageShape [H, W, C]; height and width are multiples of the scale
 * @param options.scale side of the blocks
 */
export function darkLens(
  [height = 0, width = 0, channels = 0]: Shape,
  { scale }: { readonly scale: number },
): LinearOperator {
  const brightness = new Float32Array(height * width * channels);
  for (let i = 0; i < brightness.length; i++) {
    const pixel = Math.floor(i / channels);
    const [row, column] = [Math.floor(pixel / width) / height - 0.5, (pixel % width) / width - 0.5];
    brightness[i] = 1 / (1 + 2 * (row ** 2 + column ** 2));
  }
  const lens = hostTensor(brightness, [height, width, channels]);
  return ownOperator({
    name: "dark_lens",
    imageShape: [height, width, channels],
    measurementShape: [height / scale, width / scale, channels],
    forward: (x: Tensor): Tensor => averagePool(mul(x, constant(lens)), scale),
  });
}
