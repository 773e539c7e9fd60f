/** Pooling by attention: an image becomes one row (Radford et al. 2021, as guided-diffusion's classifiers use it). */
import { scope, type Tensor } from "../../engine/mod.ts";
import { add, attention, concatChannels, reshape, sliceChannels } from "../../kernels/mod.ts";
import { meanOverPixels } from "../pixel_mean.ts";
import { matrix, matrixParameters, type NamedParameter, type ParameterLookup } from "../layers.ts";

/**
 * The tokens are the mean of the pixels and the pixels, each with its positional embedding; the result is what attention
 * makes of the first of them, through a linear layer.
 * @param x [N, S, S, C]
 * @param parameters the layer's parameters, see `attentionPoolParameters`
 * @param heads number of heads; divides C
 * @returns [N, outputs]
 */
export function attentionPool(x: Tensor, parameters: ParameterLookup, heads: number): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const length = 1 + height * width;
  const mean = reshape(scope("mean", () => meanOverPixels(x)), [batch, channels]);
  // Rows of one image lie behind each other, so joining along the last axis puts the mean before the pixels.
  const tokens = concatChannels(mean, reshape(x, [batch, (length - 1) * channels]));
  const placed = add(reshape(tokens, [batch, length, channels]), parameters("positional_embedding"));
  const qkv = scope("qkv_proj", () => matrix(placed, "qkv_proj", parameters));
  const mixed = scope("attention", () => attention(qkv, { heads, order: "new" }));
  const projected = scope("c_proj", () => matrix(mixed, "c_proj", parameters));
  const outputs = projected.shape[2]!;
  return sliceChannels(reshape(projected, [batch, length * outputs]), 0, outputs);
}

/**
 * The parameters of `attentionPool`.
 * @param side height and width of the image
 * @param channels channels of the image
 * @param outputs channels of the result
 * @returns names inside the layer, in the checkpoint's order
 */
export function* attentionPoolParameters(
  side: number,
  channels: number,
  outputs: number,
): Generator<NamedParameter, void> {
  yield ["positional_embedding", { shape: [channels, side * side + 1], layout: "matrix" }];
  yield* matrixParameters("qkv_proj", channels, 3 * channels, [1]);
  yield* matrixParameters("c_proj", channels, outputs, [1]);
}
