/**
 * Blocks of the guided-diffusion UNet (Dhariwal and Nichol 2021, appendix B and published code), each usable alone.
 * Tensors are [N, H, W, C]; parameters are looked up by their checkpoint name inside the block.
 */
import { scope, type Shape, type Tensor } from "../engine/mod.ts";
import {
  addPerChannel,
  attention,
  averagePool,
  conv2d,
  groupNorm,
  type HeadOrder,
  linear,
  matmul,
  reshape,
  silu,
  upsampleNearest,
} from "../kernels/mod.ts";
import type { Parameter } from "./weights.ts";

/** A parameter of a block as a constant of the trace, by its name inside the block, such as `in_layers.0.weight`. */
export type ParameterLookup = (name: string) => Tensor;

/** A parameter that a block or network needs: its checkpoint name, shape and layout. */
export type NamedParameter = readonly [name: string, parameter: Parameter];

/** Groups of every normalisation of the family; channel counts are multiples of it. */
export const NORM_GROUPS = 32;

const NORM_EPS = 1e-5;

/** Whether a residual block changes the image size: not at all, to its double, or to its half. */
export type Resample = "none" | "up" | "down";

/** Options of `residualBlock`. */
export interface ResidualBlockOptions {
  /** Channels of the result. */
  readonly outputChannels: number;
  /** Whether the embedding scales and shifts the second norm; otherwise it is added before that norm. */
  readonly scaleShiftNorm: boolean;
  readonly resample: Resample;
}

/**
 * Residual block: skip(x) + conv(silu(norm(conv(resample(silu(norm(x))))))), conditioned on the embedding.
 *
 * With scaleShiftNorm the second norm is norm(h) (1 + scale) + shift, where [scale, shift] = linear(silu(emb)); without
 * it linear(silu(emb)) is added to h before the norm. The skip is resample(x), through a 1x1 convolution where the
 * number of channels changes.
 * @param x [N, H, W, C]
 * @param emb [N, E] embedding of timestep and label, before the activation
 * @param parameters the block's parameters, see `residualBlockParameters`
 * @param options channels, conditioning and resampling
 * @returns [N, H', W', outputChannels]
 */
export function residualBlock(
  x: Tensor,
  emb: Tensor,
  parameters: ParameterLookup,
  { outputChannels, scaleShiftNorm, resample }: ResidualBlockOptions,
): Tensor {
  const normalized = normActivation(x, "in_layers.0", parameters);
  const hidden = scope("in_layers.2", () => convolution(resized(normalized, resample), "in_layers.2", parameters));
  const condition = scope("emb_layers", () => matrix(silu(emb), "emb_layers.1", parameters));
  const activated = scaleShiftNorm
    ? normActivation(hidden, "out_layers.0", parameters, condition)
    : normActivation(addPerChannel(hidden, condition), "out_layers.0", parameters);
  const residual = scope("skip_connection", () => {
    const skip = resized(x, resample);
    return skip.shape.at(-1) === outputChannels
      ? skip
      : convolution(skip, "skip_connection", parameters, { padding: 0 });
  });
  return scope("out_layers.3", () => convolution(activated, "out_layers.3", parameters, { residual }));
}

/**
 * The parameters of `residualBlock`.
 * @param options channels in, out and of the embedding; kind of conditioning
 * @returns names inside the block, in the checkpoint's order
 */
export function* residualBlockParameters(options: {
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly embeddingChannels: number;
  readonly scaleShiftNorm: boolean;
}): Generator<NamedParameter, void> {
  const { inputChannels, outputChannels, embeddingChannels, scaleShiftNorm } = options;
  yield* normParameters("in_layers.0", inputChannels);
  yield* convolutionParameters("in_layers.2", inputChannels, outputChannels, 3);
  yield* matrixParameters("emb_layers.1", embeddingChannels, scaleShiftNorm ? 2 * outputChannels : outputChannels);
  yield* normParameters("out_layers.0", outputChannels);
  yield* convolutionParameters("out_layers.3", outputChannels, outputChannels, 3);
  if (inputChannels !== outputChannels) {
    yield* convolutionParameters("skip_connection", inputChannels, outputChannels, 1);
  }
}

/** Options of `attentionBlock`. */
export interface AttentionBlockOptions {
  /** Number of heads; divides the number of channels. */
  readonly heads: number;
  /** Layout of the 3C channels of queries, keys and values; see `attention`. */
  readonly order: HeadOrder;
}

/**
 * Self-attention over all pixels: x + proj_out(attention(qkv(norm(x)))), scale (C / heads)^(-1/2).
 * @param x [N, H, W, C]
 * @param parameters the block's parameters, see `attentionBlockParameters`
 * @param options heads and their layout
 * @returns [N, H, W, C]
 */
export function attentionBlock(
  x: Tensor,
  parameters: ParameterLookup,
  { heads, order }: AttentionBlockOptions,
): Tensor {
  const [batch, height, width, channels] = x.shape;
  const tokens = reshape(x, [batch!, height! * width!, channels!]);
  const normalized = scope("norm", () => norm(tokens, "norm", parameters));
  const qkv = scope("qkv", () => matrix(normalized, "qkv", parameters));
  const mixed = scope("attention", () => attention(qkv, { heads, order }));
  const result = scope(
    "proj_out",
    () => matmul(mixed, parameters("proj_out.weight"), { bias: parameters("proj_out.bias"), residual: tokens }),
  );
  return reshape(result, x.shape);
}

/**
 * The parameters of `attentionBlock`.
 * @param channels channels of the image
 * @returns names inside the block, in the checkpoint's order
 */
export function* attentionBlockParameters(channels: number): Generator<NamedParameter, void> {
  yield* normParameters("norm", channels);
  yield* matrixParameters("qkv", channels, 3 * channels, [1]);
  yield* matrixParameters("proj_out", channels, channels, [1]);
}

/**
 * Halves an image outside residual blocks: a 3x3 convolution of stride 2 (`op`), or the mean of 2x2 blocks.
 * @param x [N, H, W, C], H and W even
 * @param parameters the layer's parameters, unused without a convolution
 * @param convolved whether to convolve
 * @returns [N, H / 2, W / 2, C]
 */
export function downsample(x: Tensor, parameters: ParameterLookup, convolved: boolean): Tensor {
  if (!convolved) return averagePool(x, 2);
  return scope("op", () => convolution(x, "op", parameters, { stride: 2 }));
}

/**
 * Doubles an image outside residual blocks: each pixel becomes a 2x2 block, then a 3x3 convolution (`conv`) if wanted.
 * @param x [N, H, W, C]
 * @param parameters the layer's parameters, unused without a convolution
 * @param convolved whether to convolve
 * @returns [N, 2H, 2W, C]
 */
export function upsample(x: Tensor, parameters: ParameterLookup, convolved: boolean): Tensor {
  const doubled = upsampleNearest(x, 2);
  return convolved ? scope("conv", () => convolution(doubled, "conv", parameters)) : doubled;
}

/**
 * Group norm and SiLU under the module's name: silu(norm(x)), or silu(norm(x) (1 + scale) + shift).
 * @param x [N, ..., C]
 * @param name module name of the norm
 * @param parameters where gamma and beta are
 * @param modulation [N, 2C] scale and shift
 * @returns the shape of x
 */
export function normActivation(x: Tensor, name: string, parameters: ParameterLookup, modulation?: Tensor): Tensor {
  return scope(name, () =>
    groupNorm(x, parameters(`${name}.weight`), parameters(`${name}.bias`), {
      groups: NORM_GROUPS,
      eps: NORM_EPS,
      silu: true,
      ...(modulation ? { modulation } : {}),
    }));
}

function norm(x: Tensor, name: string, parameters: ParameterLookup): Tensor {
  return groupNorm(x, parameters(`${name}.weight`), parameters(`${name}.bias`), {
    groups: NORM_GROUPS,
    eps: NORM_EPS,
  });
}

/**
 * A convolution with bias by module name; padding 1 unless said.
 * @param x [N, H, W, Cin]
 * @param name module name
 * @param parameters where weight and bias are
 * @param options stride, padding, and a tensor to be added to the result
 * @returns [N, OH, OW, Cout]
 */
export function convolution(
  x: Tensor,
  name: string,
  parameters: ParameterLookup,
  options: { readonly stride?: number; readonly padding?: number; readonly residual?: Tensor } = {},
): Tensor {
  return conv2d(x, parameters(`${name}.weight`), { bias: parameters(`${name}.bias`), padding: 1, ...options });
}

/**
 * A linear layer with bias by module name.
 * @param x [..., K]
 * @param name module name
 * @param parameters where weight and bias are
 * @returns [..., outputs]
 */
export function matrix(x: Tensor, name: string, parameters: ParameterLookup): Tensor {
  return linear(x, parameters(`${name}.weight`), parameters(`${name}.bias`));
}

/**
 * Weight and bias of a group norm.
 * @param name module name
 * @param channels channels of the image
 */
export function* normParameters(name: string, channels: number): Generator<NamedParameter, void> {
  yield [`${name}.weight`, { shape: [channels], layout: "plain" }];
  yield [`${name}.bias`, { shape: [channels], layout: "plain" }];
}

/**
 * Weight and bias of a convolution with a square kernel.
 * @param name module name
 * @param inputs channels in
 * @param outputs channels out
 * @param size side of the kernel
 */
export function* convolutionParameters(
  name: string,
  inputs: number,
  outputs: number,
  size: number,
): Generator<NamedParameter, void> {
  yield [`${name}.weight`, { shape: [outputs, inputs, size, size], layout: "convolution" }];
  yield [`${name}.bias`, { shape: [outputs], layout: "plain" }];
}

/**
 * Weight and bias of a linear layer.
 * @param name module name
 * @param inputs channels in
 * @param outputs channels out
 * @param trailing extents after [outputs, inputs] in the checkpoint: [1] for a one-dimensional convolution
 */
export function* matrixParameters(
  name: string,
  inputs: number,
  outputs: number,
  trailing: Shape = [],
): Generator<NamedParameter, void> {
  yield [`${name}.weight`, { shape: [outputs, inputs, ...trailing], layout: "matrix" }];
  yield [`${name}.bias`, { shape: [outputs], layout: "plain" }];
}

function resized(x: Tensor, resample: Resample): Tensor {
  if (resample === "up") return upsampleNearest(x, 2);
  return resample === "down" ? averagePool(x, 2) : x;
}
