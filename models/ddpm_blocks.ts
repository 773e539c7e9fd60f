/**
 * Blocks of the DDPM network (Ho et al. 2020 and published code), each usable alone. Tensors are [N, H, W, C]; parameters
 * are looked up by their checkpoint name inside the block.
 */
import { scope, type Tensor } from "../engine/mod.ts";
import {
  addPerChannel,
  attention,
  averagePool,
  concatChannels,
  conv2d,
  groupNorm,
  reshape,
  silu,
  upsampleNearest,
} from "../kernels/mod.ts";
import {
  convolution,
  convolutionParameters,
  matrix,
  matrixParameters,
  type NamedParameter,
  NORM_GROUPS,
  normParameters,
  type ParameterLookup,
} from "./unet_blocks.ts";

const NORM_EPS = 1e-6;

/**
 * Residual block: shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x))) + temb_proj(silu(emb))))), where the shortcut is
 * x, through a 1x1 convolution where the number of channels changes.
 * @param x [N, H, W, C]
 * @param emb [N, E] embedding of the timestep, before the activation
 * @param parameters the block's parameters, see `ddpmResidualParameters`
 * @param outputChannels channels of the result
 * @returns [N, H, W, outputChannels]
 */
export function ddpmResidualBlock(
  x: Tensor,
  emb: Tensor,
  parameters: ParameterLookup,
  outputChannels: number,
): Tensor {
  const first = ddpmNorm(x, "norm1", parameters, { silu: true });
  const hidden = scope("conv1", () => convolution(first, "conv1", parameters));
  const condition = scope("temb_proj", () => matrix(silu(emb), "temb_proj", parameters));
  const second = ddpmNorm(addPerChannel(hidden, condition), "norm2", parameters, { silu: true });
  const residual = x.shape.at(-1) === outputChannels
    ? x
    : scope("nin_shortcut", () => convolution(x, "nin_shortcut", parameters, { padding: 0 }));
  return scope("conv2", () => convolution(second, "conv2", parameters, { residual }));
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
 * @param x [N, H, W, C]
 * @param parameters the block's parameters, see `ddpmAttentionParameters`
 * @returns [N, H, W, C]
 */
export function ddpmAttentionBlock(x: Tensor, parameters: ParameterLookup): Tensor {
  const [batch, height, width, channels] = x.shape;
  const normalized = ddpmNorm(x, "norm", parameters, { silu: false });
  const joined = (part: string): Tensor =>
    concatChannels(concatChannels(parameters(`q.${part}`), parameters(`k.${part}`)), parameters(`v.${part}`));
  const qkv = scope("qkv", () => conv2d(normalized, joined("weight"), { bias: joined("bias") }));
  const tokens = reshape(qkv, [batch!, height! * width!, 3 * channels!]);
  const mixed = scope("attention", () => attention(tokens, { heads: 1, order: "new" }));
  const image = reshape(mixed, x.shape);
  return scope("proj_out", () => convolution(image, "proj_out", parameters, { padding: 0, residual: x }));
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
 * @param x [N, H, W, C], H and W even
 * @param parameters the layer's parameters, unused without a convolution
 * @param convolved whether to convolve
 * @returns [N, H / 2, W / 2, C]
 */
export function ddpmDownsample(x: Tensor, parameters: ParameterLookup, convolved: boolean): Tensor {
  if (!convolved) return averagePool(x, 2);
  return scope("conv", () =>
    conv2d(x, parameters("conv.weight"), {
      bias: parameters("conv.bias"),
      stride: 2,
      padding: RIGHT_AND_BOTTOM,
    }));
}

/**
 * Doubles an image: each pixel becomes a 2x2 block, then a 3x3 convolution (`conv`) if wanted.
 * @param x [N, H, W, C]
 * @param parameters the layer's parameters, unused without a convolution
 * @param convolved whether to convolve
 * @returns [N, 2H, 2W, C]
 */
export function ddpmUpsample(x: Tensor, parameters: ParameterLookup, convolved: boolean): Tensor {
  const doubled = upsampleNearest(x, 2);
  return convolved ? scope("conv", () => convolution(doubled, "conv", parameters)) : doubled;
}

/**
 * Group norm with the eps of the family, 1e-6, and SiLU if wanted, under the module's name.
 * @param x [N, ..., C]
 * @param name module name of the norm
 * @param parameters where gamma and beta are
 * @param options whether SiLU follows
 * @returns the shape of x
 */
export function ddpmNorm(
  x: Tensor,
  name: string,
  parameters: ParameterLookup,
  { silu }: { readonly silu: boolean },
): Tensor {
  return scope(name, () =>
    groupNorm(x, parameters(`${name}.weight`), parameters(`${name}.bias`), {
      groups: NORM_GROUPS,
      eps: NORM_EPS,
      silu,
    }));
}
