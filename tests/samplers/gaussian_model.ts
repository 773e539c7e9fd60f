/** A noise model in closed form, for laws of samplers that need no network. */
import { constant, hostTensor, type Shape } from "../../engine/mod.ts";
import { add, gatherRows, mul, reshape } from "../../kernels/mod.ts";
import { type NoiseModel, noiseSchedule } from "../../models/mod.ts";

/**
 * The exact noise prediction where every pixel of an image is independent, with a mean image and one variance:
 * eps = sqrt(1 - alphaBar) (x_t - sqrt(alphaBar) mean)/(1 - alphaBar + alphaBar variance). With variance 0 the model
 * knows the image.
 */
export function gaussianModel(
  mean: Float32Array,
  variance: number,
  imageShape: Shape,
  alphaBar: Float64Array = noiseSchedule("linear").alphaBar,
): NoiseModel {
  const slope = Float32Array.from(alphaBar, (a) => Math.sqrt(1 - a) / (1 - a + a * variance));
  const offsets = new Float32Array(alphaBar.length * mean.length);
  for (const [t, a] of alphaBar.entries()) {
    const factor = -Math.sqrt(1 - a) * Math.sqrt(a) / (1 - a + a * variance);
    offsets.set(mean.map((value) => factor * value), t * mean.length);
  }
  const slopes = hostTensor(slope, [alphaBar.length, 1]);
  const table = hostTensor(offsets, [alphaBar.length, mean.length]);
  return {
    imageShape,
    alphaBar,
    withLevels: (levels) => gaussianModel(mean, variance, imageShape, levels),
    predictEps: (xt, timestep) =>
      add(
        mul(xt, gatherRows(constant(slopes), [timestep])),
        reshape(gatherRows(constant(table), [timestep]), [1, ...imageShape]),
      ),
  };
}
