/** Single layers of the UNets by module name, and the parameters that they need of a checkpoint. */
import { scope, type Shape, type Tensor } from "../engine/mod.ts";
import {
  conv2d,
  conv2dFeatures,
  type Features,
  groupNorm,
  groupNormFactors,
  type ImageInput,
  imageStatistics,
  linear,
} from "../kernels/mod.ts";
import type { Parameter } from "./weights.ts";

/** A parameter of a block as a constant of the trace, by its name inside the block, such as `in_layers.0.weight`. */
export type ParameterLookup = (name: string) => Tensor;

/** A parameter that a block or network needs: its checkpoint name, shape and layout. */
export type NamedParameter = readonly [name: string, parameter: Parameter];

/** Groups of every normalisation of the family; channel counts are multiples of it. */
export const NORM_GROUPS = 32;

/** Added to the variance of every norm of guided-diffusion. */
export const NORM_EPS = 1e-5;

/** How a group norm divides. */
export interface Norm {
  /** Groups of channels that are normalised together; it divides the number of channels. */
  readonly groups: number;
  /** Added to the variance of a group. */
  readonly eps: number;
}

/** The norms of guided-diffusion. */
export const GUIDED_NORM: Norm = { groups: NORM_GROUPS, eps: NORM_EPS };

/** Where a block's projection of the embedding stands among those of all blocks. */
export interface Projection {
  /** [N, columns of all blocks] */
  readonly tensor: Tensor;
  /** The block's first column. */
  readonly at: number;
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
 * @param norm its groups, and what is added to their variances
 * @param condition projection [scale, shift] of the embedding: norm(x) (1 + scale) + shift
 * @returns [3, N, C]; see `groupNormFactors`
 */
export function normFactors(
  parts: readonly Features[],
  name: string,
  parameters: ParameterLookup,
  norm: Norm,
  condition?: Projection,
): Tensor {
  return scope(name, () =>
    groupNormFactors(parts, parameters(`${name}.weight`), parameters(`${name}.bias`), {
      ...norm,
      ...(condition ? { modulation: condition } : {}),
    }));
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
      ...GUIDED_NORM,
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
 * @param trailing extents after [outputs, inputs] in the checkpoint: [1] for a one-dimensional convolution, [1, 1] for one of images
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
