/**
 * Blocks of the DDPM network (Ho et al. 2020 and published code), each usable alone. Tensors are [N, H, W, C]; parameters
 * are looked up by their checkpoint name inside the block.
 */
import { scope, type Tensor } from "../../engine/mod.ts";
import {
  attention,
  averagePool,
  concatChannels,
  conv2d,
  conv2dFeatures,
  type Features,
  reshape,
} from "../../kernels/mod.ts";
import { exchangeQueriesAndKeys } from "../attention_exchange.ts";
import {
  convolutionFeatures,
  convolutionParameters,
  type NamedParameter,
  normFactors,
  normParameters,
  type ParameterLookup,
  withStatistics,
} from "../layers.ts";
import { type ResidualNames } from "../unet_blocks.ts";

/**
 * What the parts of a residual block are called: shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x))) +
 * temb_proj(silu(emb))))), where the shortcut is x, through a 1x1 convolution where the number of channels changes.
 */
export const RESIDUAL: ResidualNames = {
  norm1: "norm1",
  conv1: "conv1",
  condition: "temb_proj",
  norm2: "norm2",
  conv2: "conv2",
  skip: "nin_shortcut",
  eps: 1e-6,
};

/**
 * Self-attention over all pixels with one head: x + proj_out(attention(q, k, v of norm(x))), scale C^(-1/2). The three
 * 1x1 convolutions run as one: their weights are joined when the trace is built, not at every run.
 * @param features [N, H, W, C]
 * @param parameters the block's parameters, see `ddpmAttentionParameters`
 * @param exchange is given the queries and keys, and returns those to use
 * @returns [N, H, W, C]
 */
export function ddpmAttentionBlock(
  features: Features,
  parameters: ParameterLookup,
  exchange?: (queriesAndKeys: Tensor) => Tensor,
): Features {
  const { x } = features;
  const [batch, height, width, channels] = x.shape;
  const factors = normFactors([features], "norm", parameters, RESIDUAL.eps);
  const joined = (part: string): Tensor =>
    concatChannels(concatChannels(parameters(`q.${part}`), parameters(`k.${part}`)), parameters(`v.${part}`));
  const qkv = scope("qkv", () => conv2d({ parts: [x], factors }, joined("weight"), { bias: joined("bias") }));
  const tokens = reshape(qkv, [batch!, height! * width!, 3 * channels!]);
  const mixed = scope("attention", () => {
    const layout = { heads: 1, order: "new" } as const;
    return attention(exchange ? exchangeQueriesAndKeys(tokens, layout, exchange) : tokens, layout);
  });
  const image = reshape(mixed, x.shape);
  return scope("proj_out", () => convolutionFeatures(image, "proj_out", parameters, { padding: 0, residual: x }));
}

/**
 * The parameters of `ddpmAttentionBlock`.
 * @param channels channels of the image
 * @returns names inside the block, in the checkpoint's order
 */
export function* ddpmAttentionParameters(channels: number): Generator<NamedParameter, void> {
  yield* normParameters("norm", channels);
  for (const name of ["q", "k", "v", "proj_out"]) yield* convolutionParameters(name, channels, channels, 1);
}

/** Zeros at the right and at the bottom only, so that every window of an even image is inside. */
const RIGHT_AND_BOTTOM = { top: 0, left: 0, bottom: 1, right: 1 } as const;

/**
 * Halves an image: a 3x3 convolution of stride 2 (`conv`), or the mean of 2x2 blocks.
 * @param features [N, H, W, C]
 * @param parameters the layer's parameters, unused without a convolution
 * @param convolved whether to convolve
 * @returns [N, H / 2, W / 2, C]; halves of odd sides are rounded down
 */
export function ddpmDownsample({ x }: Features, parameters: ParameterLookup, convolved: boolean): Features {
  if (!convolved) return withStatistics(averagePool(x, 2));
  return scope("conv", () =>
    conv2dFeatures(x, parameters("conv.weight"), {
      bias: parameters("conv.bias"),
      stride: 2,
      padding: RIGHT_AND_BOTTOM,
    }));
}
