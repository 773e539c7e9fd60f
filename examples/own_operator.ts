/**
 * A degradation of one's own: a lens that darkens towards the corners, before a sensor of few pixels. Only the forward
 * map is written down; its adjoint and its pseudo-inverse are derived, so that every method takes it.
 */
import { type LinearOperator, openModel, ownOperator, readPicture, restore, SAMPLERS } from "@shortcut/shortcut";
import { degrade, hostTensor, type Shape, WebGpuRuntime, writePicture } from "@shortcut/shortcut";
import { constant, type Tensor } from "@shortcut/shortcut/engine";
import { averagePool, mul } from "@shortcut/shortcut/kernels";

/**
 * The operator y = mean of blocks of (brightness of the lens times x).
 * @param imageShape [H, W, C]; height and width are multiples of the scale
 * @param options.scale side of the blocks
 */
export function darkLens(
  [height = 0, width = 0, channels = 0]: Shape,
  { scale }: { readonly scale: number },
): LinearOperator {
  const brightness = Float32Array.from({ length: height * width * channels }, (_, i) => {
    const pixel = Math.floor(i / channels);
    const [row, column] = [Math.floor(pixel / width) / height - 0.5, (pixel % width) / width - 0.5];
    return 1 / (1 + 2 * (row ** 2 + column ** 2));
  });
  const lens = hostTensor(brightness, [height, width, channels]);
  return ownOperator({
    name: "dark_lens",
    imageShape: [height, width, channels],
    measurementShape: [height / scale, width / scale, channels],
    forward: (x: Tensor): Tensor => averagePool(mul(x, constant(lens)), scale),
  });
}

if (import.meta.main) {
  const [input = "models/default/sample.png", output = "dark-lens.png"] = Deno.args;
  const runtime = await WebGpuRuntime.open();
  const x = await readPicture(input, { side: 64 });
  const operator = darkLens(x.shape, { scale: 2 });
  const y = await degrade(runtime, operator, x, { sigma: 0, seed: 1 });
  const problem = { model: await openModel(runtime), operator, y, sigmaY: 0 };
  await writePicture(output, await restore(runtime, SAMPLERS.ddnm, problem, { steps: 10, seed: 0 }));
  runtime.destroy();
}
