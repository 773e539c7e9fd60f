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
  type Padding,
  reshape,
} from "../../kernels/mod.ts";
import { exchangeQueriesAndKeys } from "../attention_exchange.ts";
import {
  convolutionFeatures,
  convolutionParameters,
  matrixParameters,
  type NamedParameter,
  type Norm,
  normFactors,
  normParameters,
  type ParameterLookup,
  withStatistics,
} from "../layers.ts";
import { type AttentionNames, DDPM_FORM, RIGHT_AND_BOTTOM } from "./form.ts";

/** Options of `ddpmAttentionBlock`. */
export interface DdpmAttentionOptions {
  /** What its parts are called. */
  readonly names: AttentionNames;
  /** Number of heads; divides the number of channels. */
  readonly heads: number;
  /** How its norm divides; undefined where the image is not normalised. */
  readonly norm: Norm | undefined;
  /** Is given the queries and keys, and returns those to use. */
  readonly exchange?: ((queriesAndKeys: Tensor) => Tensor) | undefined;
}

/** The attention of the DDPM network. */
const ONE_HEAD: DdpmAttentionOptions = { names: DDPM_FORM.attention, heads: 1, norm: DDPM_FORM.norm };

/**
 * Self-attention over all pixels: x + out(attention(queries, keys, values of norm(x))), scale (C / heads)^(-1/2). The
 * three layers run as one: their weights are joined when the trace is built, not at every run.
 * @param features [N, H, W, C]
 * @param parameters the block's parameters, see `ddpmAttentionParameters`
 * @param options names, heads and norm; those of the DDPM network by default
 * @returns [N, H, W, C]
 */
export function ddpmAttentionBlock(
  features: Features,
  parameters: ParameterLookup,
  { names, heads, norm, exchange }: DdpmAttentionOptions = ONE_HEAD,
): Features {
  const { x } = features;
  const [batch, height, width, channels] = x.shape;
  const { queries, keys, values, out } = names;
  const layers = convolutions(parameters);
  const factors = norm && normFactors([features], names.norm, parameters, norm);
  const joined = (part: string): Tensor =>
    concatChannels(
      concatChannels(layers(`${queries}.${part}`), layers(`${keys}.${part}`)),
      layers(`${values}.${part}`),
    );
  const qkv = scope("qkv", () => {
    const input = { parts: [x], ...(factors ? { factors } : {}) };
    return conv2d(input, joined("weight"), { bias: joined("bias") });
  });
  const tokens = reshape(qkv, [batch!, height! * width!, 3 * channels!]);
  const mixed = scope("attention", () => {
    const layout = { heads, order: "new" } as const;
    return attention(exchange ? exchangeQueriesAndKeys(tokens, layout, exchange) : tokens, layout);
  });
  const image = reshape(mixed, x.shape);
  return scope(out, () => convolutionFeatures(image, out, layers, { padding: 0, residual: x }));
}

/** The same parameters, with matrices [C, C] as the 1x1 convolutions that they are. */
function convolutions(parameters: ParameterLookup): ParameterLookup {
  return (name) => {
    const parameter = parameters(name);
    return parameter.shape.length === 2 ? reshape(parameter, [1, 1, ...parameter.shape]) : parameter;
  };
}

/**
 * The parameters of `ddpmAttentionBlock`.
 * @param channels channels of the image
 * @param names of its parts; those of the DDPM network by default
 * @param hasNorm whether the image is normalised
 * @returns names inside the block, in the checkpoint's order
 */
export function* ddpmAttentionParameters(
  channels: number,
  { norm, queries, keys, values, out, matrices }: AttentionNames,
  hasNorm: boolean,
): Generator<NamedParameter, void> {
  if (hasNorm) yield* normParameters(norm, channels);
  for (const name of [queries, keys, values, out]) {
    yield* matrices ? matrixParameters(name, channels, channels) : convolutionParameters(name, channels, channels, 1);
  }
}

/**
 * Halves an image: a 3x3 convolution of stride 2 (`conv`), or the mean of 2x2 blocks.
 * @param features [N, H, W, C]
 * @param parameters the layer's parameters, unused without a convolution
 * @param convolved whether to convolve
 * @param padding zeros around the image; right and bottom by default, as in the DDPM network
 * @returns [N, H / 2, W / 2, C]; halves of odd sides are rounded down, with zeros on all sides up
 */
export function ddpmDownsample(
  { x }: Features,
  parameters: ParameterLookup,
  convolved: boolean,
  padding: Padding = RIGHT_AND_BOTTOM,
): Features {
  if (!convolved) return withStatistics(averagePool(x, 2));
  return scope(
    "conv",
    () => conv2dFeatures(x, parameters("conv.weight"), { bias: parameters("conv.bias"), stride: 2, padding }),
  );
}
