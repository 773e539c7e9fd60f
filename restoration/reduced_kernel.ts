/** Blur kernels of pictures that are made smaller. */
import { type HostTensor, hostTensor } from "../engine/mod.ts";
import { type Raster, resize } from "../raster/mod.ts";

/**
 * A kernel for a picture that was made smaller: the means of its parts, odd sides, sum 1.
 * @param kernel [h, w]
 * @param reduction how many times smaller the picture is, at least 1
 */
export function reducedKernel(kernel: HostTensor, reduction: number): HostTensor {
  if (reduction === 1) return kernel;
  const [height, width] = kernel.shape as [number, number];
  const odd = (side: number): number => Math.max(1, 2 * Math.round((side / reduction - 1) / 2) + 1);
  const raster: Raster = { width, height, channels: 1, data: Float32Array.from(kernel.data) };
  const { data } = resize(raster, { width: odd(width), height: odd(height) }, "area");
  const sum = data.reduce((a, b) => a + b, 0);
  return hostTensor(data.map((tap) => tap / sum), [odd(height), odd(width)]);
}
