/**
 * Blocks of the guided-diffusion UNet (Dhariwal and Nichol 2021, appendix B and published code), each usable alone.
 * Tensors are [N, H, W, C]; parameters are looked up by their checkpoint name inside the block.
 */
import { elementCount, scope, type Shape, type Tensor } from "../engine/mod.ts";
import {
  attention,
  averagePool,
  concatChannels,
  conv2d,
  conv2dFeatures,
  type Features,
  groupNorm,
  groupNormFactors,
  type HeadOrder,
  type ImageInput,
  imageStatistics,
  linear,
  matmul,
  type Resample,
  reshape,
  silu,
  upsampleNearest,
} from "../kernels/mod.ts";
import { exchangeQueriesAndKeys } from "./attention_exchange.ts";
import type { Parameter } from "./weights.ts";

/** A parameter of a block as a constant of the trace, by its name inside the block, such as `in_layers.0.weight`. */
export type ParameterLookup = (name: string) => Tensor;

/** A parameter that a block or network needs: its checkpoint name, shape and layout. */
export type NamedParameter = readonly [name: string, parameter: Parameter];

/** Groups of every normalisation of the family; channel counts are multiples of it. */
export const NORM_GROUPS = 32;

const NORM_EPS = 1e-5;

/** Where a block's projection of the embedding stands among those of all blocks. */
export interface Projection {
  /** [N, columns of all blocks] */
  readonly tensor: Tensor;
  /** The block's first column. */
  readonly at: number;
}

/** Elements of joined weights at most: 64 MiB in f32, half of what every WebGPU device binds. */
const JOINED_ELEMENTS = 2 ** 24;

/**
 * The projections linear(silu(emb)) of all blocks in one product, or few where a weight would become too large. The
 * weights are joined when the trace is built, not at every run.
 * @param emb [N, E] embedding of timestep and label, before the activation
 * @param names module names of the linear layers
 * @param parameters where their weights and biases are
 * @returns each layer's projection by its name
 */
export function embeddingProjections(
  emb: Tensor,
  names: readonly string[],
  parameters: ParameterLookup,
): ReadonlyMap<string, Projection> {
  const activation = silu(emb);
  const projections = new Map<string, Projection>();
  for (const group of groupedBySize(names, (name) => elementCount(parameters(`${name}.weight`).shape))) {
    const joined = (part: string): Tensor =>
      group.map((name) => parameters(`${name}.${part}`)).reduce((all, next) => concatChannels(all, next));
    const tensor = linear(activation, joined("weight"), joined("bias"));
    let at = 0;
    for (const name of group) {
      projections.set(name, { tensor, at });
      at += parameters(`${name}.bias`).shape[0]!;
    }
  }
  return projections;
}

/** Neighbours that have at most `JOINED_ELEMENTS` elements together, or one that has more. */
function groupedBySize(names: readonly string[], sizeOf: (name: string) => number): readonly string[][] {
  const groups: string[][] = [];
  let size = Infinity;
  for (const name of names) {
    size += sizeOf(name);
    if (size > JOINED_ELEMENTS) {
      groups.push([]);
      size = sizeOf(name);
    }
    groups.at(-1)!.push(name);
  }
  return groups;
}

/** Options of `residualBlock`. */
export interface ResidualBlockOptions {
  /** Channels of the result. */
  readonly outputChannels: number;
  /** Whether the embedding scales and shifts the second norm; otherwise it is added before that norm. */
  readonly scaleShiftNorm: boolean;
  /** Whether the image is doubled, or halved and rounded down, between the first activation and the first convolution. */
  readonly resample: Resample;
}

/**
 * Residual block: skip(x) + conv(silu(norm(conv(resample(silu(norm(x))))))), conditioned on the embedding.
 *
 * With scaleShiftNorm the second norm is norm(h) (1 + scale) + shift, where [scale, shift] is the block's projection of
 * the embedding; without it the projection is added to h before the norm. The skip is resample(x), through a 1x1
 * convolution where the number of channels changes.
 * @param parts [N, H, W, C_k]: one image, or two whose channels follow each other
 * @param condition the projection of the embedding, see `embeddingProjections`
 * @param parameters the block's parameters, see `residualBlockParameters`
 * @param options channels, conditioning and resampling
 * @returns [N, H', W', outputChannels]
 */
export function residualBlock(
  parts: readonly Features[],
  condition: Projection,
  parameters: ParameterLookup,
  { outputChannels, scaleShiftNorm, resample }: ResidualBlockOptions,
): Features {
  const first = { ...activated(parts, "in_layers.0", parameters), resample };
  const hidden = scope(
    "in_layers.2",
    () => convolutionFeatures(first, "in_layers.2", parameters, scaleShiftNorm ? {} : { shift: condition }),
  );
  const second = activated([hidden], "out_layers.0", parameters, scaleShiftNorm ? condition : undefined);
  const residual = skipConnection(parts.map(({ x }) => x), outputChannels, resample, parameters);
  return scope("out_layers.3", () => convolutionFeatures(second, "out_layers.3", parameters, { residual }));
}

function skipConnection(
  parts: readonly Tensor[],
  outputChannels: number,
  resample: Resample,
  parameters: ParameterLookup,
): { readonly x: Tensor; readonly resample: Resample } {
  const [only] = parts;
  if (parts.length === 1 && only?.shape.at(-1) === outputChannels) return { x: only, resample };
  const x = scope(
    "skip_connection",
    () => convolution({ parts, resample }, "skip_connection", parameters, { padding: 0 }),
  );
  return { x, resample: "none" };
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
  /** Is given the queries and keys, and returns those to use. */
  readonly exchange?: ((queriesAndKeys: Tensor) => Tensor) | undefined;
}

/**
 * Self-attention over all pixels: x + proj_out(attention(qkv(norm(x)))), scale (C / heads)^(-1/2).
 * @param features [N, H, W, C]
 * @param parameters the block's parameters, see `attentionBlockParameters`
 * @param options heads and their layout
 * @returns [N, H, W, C]
 */
export function attentionBlock(
  features: Features,
  parameters: ParameterLookup,
  { heads, order, exchange }: AttentionBlockOptions,
): Features {
  const { x } = features;
  const [batch, height, width, channels] = x.shape;
  const tokens = reshape(x, [batch!, height! * width!, channels!]);
  const factors = normFactors([features], "norm", parameters, NORM_EPS);
  const qkv = scope("qkv", () => matmul(tokens, parameters("qkv.weight"), { bias: parameters("qkv.bias"), factors }));
  const mixed = scope("attention", () => {
    const used = exchange ? exchangeQueriesAndKeys(qkv, { heads, order }, exchange) : qkv;
    return attention(used, { heads, order });
  });
  return scope("proj_out", () => {
    const bias = parameters("proj_out.bias");
    return withStatistics(reshape(matmul(mixed, parameters("proj_out.weight"), { bias, residual: tokens }), x.shape));
  });
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
 * @param features [N, H, W, C]
 * @param parameters the layer's parameters, unused without a convolution
 * @param convolved whether to convolve
 * @returns [N, H / 2, W / 2, C]; halves of odd sides are rounded up by the convolution and down by the mean
 */
export function downsample({ x }: Features, parameters: ParameterLookup, convolved: boolean): Features {
  if (!convolved) return withStatistics(averagePool(x, 2));
  return scope("op", () => convolutionFeatures(x, "op", parameters, { stride: 2 }));
}

/**
 * Doubles an image outside residual blocks: each pixel becomes a 2x2 block, then a 3x3 convolution (`conv`) if wanted.
 * @param features [N, H, W, C]
 * @param parameters the layer's parameters, unused without a convolution
 * @param convolved whether to convolve
 * @returns [N, 2H, 2W, C]
 */
export function upsample({ x }: Features, parameters: ParameterLookup, convolved: boolean): Features {
  if (!convolved) return withStatistics(upsampleNearest(x, 2));
  return scope("conv", () => convolutionFeatures({ parts: [x], resample: "up" }, "conv", parameters));
}

/** An image with its statistics, computed by a dispatch of their own. */
export function withStatistics(x: Tensor): Features {
  return { x, statistics: imageStatistics(x) };
}

/**
 * The factors of a group norm under the module's name.
 * @param parts [N, H, W, C_k]: one image, or two whose channels follow each other
 * @param name module name of the norm
 * @param parameters where gamma and beta are
 * @param eps added to the variance
 * @param condition projection [scale, shift] of the embedding: norm(x) (1 + scale) + shift
 * @returns [3, N, C]; see `groupNormFactors`
 */
export function normFactors(
  parts: readonly Features[],
  name: string,
  parameters: ParameterLookup,
  eps: number,
  condition?: Projection,
): Tensor {
  return scope(name, () =>
    groupNormFactors(parts, parameters(`${name}.weight`), parameters(`${name}.bias`), {
      groups: NORM_GROUPS,
      eps,
      ...(condition ? { modulation: condition } : {}),
    }));
}

/** silu(norm(x)) or silu(norm(x) (1 + scale) + shift) as a convolution reads it. */
function activated(
  parts: readonly Features[],
  name: string,
  parameters: ParameterLookup,
  condition?: Projection,
): ImageInput {
  const factors = normFactors(parts, name, parameters, NORM_EPS, condition);
  return { parts: parts.map(({ x }) => x), factors, silu: true };
}

/**
 * Last layers of a network: conv(silu(norm(x))).
 * @param features [N, H, W, C]
 * @param norm module name of the norm
 * @param name module name of the convolution
 * @param parameters where their parameters are
 * @returns [N, H, W, Cout]
 */
export function outputConvolution(
  features: Features,
  norm: string,
  name: string,
  parameters: ParameterLookup,
): Tensor {
  const input = activated([features], norm, parameters);
  return scope(name, () => convolution(input, name, parameters));
}

/**
 * Group norm and SiLU of a tensor under the module's name: silu(norm(x)).
 * @param x [N, ..., C]
 * @param name module name of the norm
 * @param parameters where gamma and beta are
 * @returns the shape of x
 */
export function normActivation(x: Tensor, name: string, parameters: ParameterLookup): Tensor {
  return scope(name, () =>
    groupNorm(x, parameters(`${name}.weight`), parameters(`${name}.bias`), {
      groups: NORM_GROUPS,
      eps: NORM_EPS,
      silu: true,
    }));
}

/** What `convolution` may be asked for beyond the module's weight and bias. */
export type ConvolutionOptions = Omit<NonNullable<Parameters<typeof conv2d>[2]>, "bias">;

/**
 * A convolution with bias by module name; padding 1 unless said.
 * @param x [N, H, W, Cin], or what becomes such an image
 * @param name module name
 * @param parameters where weight and bias are
 * @param options stride, padding, and what is to be added to the result
 * @returns [N, OH, OW, Cout]
 */
export function convolution(
  x: Tensor | ImageInput,
  name: string,
  parameters: ParameterLookup,
  options: ConvolutionOptions = {},
): Tensor {
  return conv2d(x, parameters(`${name}.weight`), { bias: parameters(`${name}.bias`), padding: 1, ...options });
}

/**
 * The same convolution for a result that is to be normalised by its readers.
 * @returns [N, OH, OW, Cout] with its statistics
 */
export function convolutionFeatures(
  x: Tensor | ImageInput,
  name: string,
  parameters: ParameterLookup,
  options: ConvolutionOptions = {},
): Features {
  return conv2dFeatures(x, parameters(`${name}.weight`), { bias: parameters(`${name}.bias`), padding: 1, ...options });
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
