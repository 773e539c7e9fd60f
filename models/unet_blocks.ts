/**
 * Blocks of the guided-diffusion UNet (Dhariwal and Nichol 2021, appendix B and published code), each usable alone.
 * Tensors are [N, H, W, C]; parameters are looked up by their checkpoint name inside the block.
 */
import { elementCount, scope, type Shape, type Tensor } from "../engine/mod.ts";
import {
  attention,
  averagePool,
  concatChannels,
  type Features,
  type HeadOrder,
  type ImageInput,
  linear,
  matmul,
  type Resample,
  reshape,
  silu,
  upsampleNearest,
} from "../kernels/mod.ts";
import { exchangeQueriesAndKeys } from "./attention_exchange.ts";
import {
  convolution,
  convolutionFeatures,
  convolutionParameters,
  GUIDED_NORM,
  matrix,
  matrixParameters,
  type NamedParameter,
  type Norm,
  normFactors,
  normParameters,
  type ParameterLookup,
  type Projection,
  withStatistics,
} from "./layers.ts";

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

/** What the parts of a residual block are called, and how its norms divide. */
export interface ResidualNames {
  /** The first norm. */
  readonly norm1: string;
  /** The first convolution. */
  readonly conv1: string;
  /** The projection of the embedding. */
  readonly condition: string;
  /** The second norm. */
  readonly norm2: string;
  /** The second convolution. */
  readonly conv2: string;
  /** The projection of the input, where channels differ. */
  readonly skip: string;
  /** Groups and epsilon of both norms. */
  readonly norm: Norm;
}

/** The names in guided-diffusion. */
const GUIDED: ResidualNames = {
  norm1: "in_layers.0",
  conv1: "in_layers.2",
  condition: "emb_layers.1",
  norm2: "out_layers.0",
  conv2: "out_layers.3",
  skip: "skip_connection",
  norm: GUIDED_NORM,
};

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
 * @param names of its parts; those of guided-diffusion by default
 * @returns [N, H', W', outputChannels]
 */
export function residualBlock(
  parts: readonly Features[],
  condition: Projection,
  parameters: ParameterLookup,
  { outputChannels, scaleShiftNorm, resample }: ResidualBlockOptions,
  { norm1, conv1, norm2, conv2, skip, norm }: ResidualNames = GUIDED,
): Features {
  const first = { ...activated(parts, norm1, parameters, norm), resample };
  const shift = scaleShiftNorm ? {} : { shift: condition };
  const hidden = scope(conv1, () => convolutionFeatures(first, conv1, parameters, shift));
  const second = activated([hidden], norm2, parameters, norm, scaleShiftNorm ? condition : undefined);
  const images = parts.map(({ x }) => x);
  const isKept = images.length === 1 && images[0]!.shape.at(-1) === outputChannels;
  const residual = isKept ? { x: images[0]!, resample } : {
    x: scope(skip, () => convolution({ parts: images, resample }, skip, parameters, { padding: 0 })),
    resample: "none" as const,
  };
  return scope(conv2, () => convolutionFeatures(second, conv2, parameters, { residual }));
}

/**
 * The parameters of `residualBlock`.
 * @param options channels in, out and of the embedding; kind of conditioning
 * @param names of its parts; those of guided-diffusion by default
 * @returns names inside the block, in the checkpoint's order
 */
export function* residualBlockParameters(
  { inputChannels, outputChannels, embeddingChannels, scaleShiftNorm }: {
    readonly inputChannels: number;
    readonly outputChannels: number;
    readonly embeddingChannels: number;
    readonly scaleShiftNorm: boolean;
  },
  { norm1, conv1, condition, norm2, conv2, skip }: ResidualNames = GUIDED,
): Generator<NamedParameter, void> {
  yield* normParameters(norm1, inputChannels);
  yield* convolutionParameters(conv1, inputChannels, outputChannels, 3);
  yield* matrixParameters(condition, embeddingChannels, scaleShiftNorm ? 2 * outputChannels : outputChannels);
  yield* normParameters(norm2, outputChannels);
  yield* convolutionParameters(conv2, outputChannels, outputChannels, 3);
  if (inputChannels !== outputChannels) yield* convolutionParameters(skip, inputChannels, outputChannels, 1);
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
  const factors = normFactors([features], "norm", parameters, GUIDED_NORM);
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
 * @param trailing extents after [outputs, inputs] in the checkpoint: [1] for rows, [1, 1] for images
 * @returns names inside the block, in the checkpoint's order
 */
export function* attentionBlockParameters(channels: number, trailing: Shape = [1]): Generator<NamedParameter, void> {
  yield* normParameters("norm", channels);
  yield* matrixParameters("qkv", channels, 3 * channels, trailing);
  yield* matrixParameters("proj_out", channels, channels, trailing);
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

/** silu(norm(x)) or silu(norm(x) (1 + scale) + shift) as a convolution reads it. */
function activated(
  parts: readonly Features[],
  name: string,
  parameters: ParameterLookup,
  norm: Norm,
  condition?: Projection,
): ImageInput {
  const factors = normFactors(parts, name, parameters, norm, condition);
  return { parts: parts.map(({ x }) => x), factors, silu: true };
}

/**
 * Last layers of a network: conv(silu(norm(x))).
 * @param features [N, H, W, C]
 * @param normName module name of the norm
 * @param name module name of the convolution
 * @param parameters where their parameters are
 * @param norm how it divides; as in guided-diffusion by default
 * @returns [N, H, W, Cout]
 */
export function outputConvolution(
  features: Features,
  normName: string,
  name: string,
  parameters: ParameterLookup,
  norm: Norm = GUIDED_NORM,
): Tensor {
  const input = activated([features], normName, parameters, norm);
  return scope(name, () => convolution(input, name, parameters));
}

/**
 * The embedding of a timestep: linear(silu(linear(rows))).
 * @param rows [N, C] sinusoids
 * @param first module name of the first layer
 * @param second module name of the second
 * @param parameters where their parameters are
 */
export function embeddedTimestep(rows: Tensor, first: string, second: string, parameters: ParameterLookup): Tensor {
  const hidden = scope(first, () => matrix(rows, first, parameters));
  return scope(second, () => matrix(silu(hidden), second, parameters));
}
