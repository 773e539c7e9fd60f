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
  type ImageInput,
  reshape,
  upsampleNearest,
} from "../../kernels/mod.ts";
import { exchangeQueriesAndKeys } from "../attention_exchange.ts";
import {
  convolution,
  convolutionFeatures,
  convolutionParameters,
  matrixParameters,
  type NamedParameter,
  normFactors,
  normParameters,
  type ParameterLookup,
  type Projection,
  withStatistics,
} from "../unet_blocks.ts";

const NORM_EPS = 1e-6;

/**
 * Residual block: shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x))) + temb_proj(silu(emb))))), where the shortcut is
 * x, through a 1x1 convolution where the number of channels changes.
 * @param parts [N, H, W, C_k]: one image, or two whose channels follow each other
 * @param condition the projection of the embedding, see `embeddingProjections`
 * @param parameters the block's parameters, see `ddpmResidualParameters`
 * @param outputChannels channels of the result
 * @returns [N, H, W, outputChannels]
 */
export function ddpmResidualBlock(
  parts: readonly Features[],
  condition: Projection,
  parameters: ParameterLookup,
  outputChannels: number,
): Features {
  const first = activated(parts, "norm1", parameters);
  const hidden = scope("conv1", () => convolutionFeatures(first, "conv1", parameters, { shift: condition }));
  const second = activated([hidden], "norm2", parameters);
  const images = parts.map(({ x }) => x);
  const residual = images.length === 1 && images[0]!.shape.at(-1) === outputChannels
    ? images[0]!
    : scope("nin_shortcut", () => convolution({ parts: images }, "nin_shortcut", parameters, { padding: 0 }));
  return scope("conv2", () => convolutionFeatures(second, "conv2", parameters, { residual }));
}

function activated(parts: readonly Features[], name: string, parameters: ParameterLookup): ImageInput {
  const factors = normFactors(parts, name, parameters, NORM_EPS);
  return { parts: parts.map(({ x }) => x), factors, silu: true };
}

/**
 * The parameters of `ddpmResidualBlock`.
 * @param options channels in, out and of the embedding
 * @returns names inside the block, in the checkpoint's order
 */
export function* ddpmResidualParameters(options: {
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly embeddingChannels: number;
}): Generator<NamedParameter, void> {
  const { inputChannels, outputChannels, embeddingChannels } = options;
  yield* normParameters("norm1", inputChannels);
  yield* convolutionParameters("conv1", inputChannels, outputChannels, 3);
  yield* matrixParameters("temb_proj", embeddingChannels, outputChannels);
  yield* normParameters("norm2", outputChannels);
  yield* convolutionParameters("conv2", outputChannels, outputChannels, 3);
  if (inputChannels !== outputChannels) {
    yield* convolutionParameters("nin_shortcut", inputChannels, outputChannels, 1);
  }
}

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
  const factors = normFactors([features], "norm", parameters, NORM_EPS);
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

/**
 * Doubles an image: each pixel becomes a 2x2 block, then a 3x3 convolution (`conv`) if wanted.
 * @param features [N, H, W, C]
 * @param parameters the layer's parameters, unused without a convolution
 * @param convolved whether to convolve
 * @returns [N, 2H, 2W, C]
 */
export function ddpmUpsample({ x }: Features, parameters: ParameterLookup, convolved: boolean): Features {
  if (!convolved) return withStatistics(upsampleNearest(x, 2));
  return scope("conv", () => convolutionFeatures({ parts: [x], resample: "up" }, "conv", parameters));
}

/**
 * Last layers of a network: conv_out(silu(norm_out(x))).
 * @param features [N, H, W, C]
 * @param parameters all parameters of the network
 * @returns [N, H, W, outputs]
 */
export function ddpmOutput(features: Features, parameters: ParameterLookup): Tensor {
  const input = activated([features], "norm_out", parameters);
  return scope("conv_out", () => convolution(input, "conv_out", parameters));
}
