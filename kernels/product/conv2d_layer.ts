/**
 * A convolution with all that is fused into it, and the same convolution over tensors as they are, for kernels that
 * fuse nothing.
 */
import type { Dispatch, Target, Tensor } from "../../engine/mod.ts";
import { statisticsKernel } from "../normalization/group_norm_kernels.ts";
import { blocksOf } from "../normalization/statistics_blocks.ts";
import type { Convolution } from "./conv2d_direct.ts";
import { type ImageInput, inputShape, isPlain, materialised, type Resample, resampledShape } from "./conv2d_input.ts";

/** A convolution by its sizes and tensors. */
export interface ConvolutionLayer extends Omit<Convolution, "x" | "residual"> {
  readonly input: ImageInput;
  /** Added after it was resampled. */
  readonly residual: { readonly x: Tensor; readonly resample: Resample } | undefined;
  /** [3, N, blocks, Cout], written: the statistics of the result; see `imageStatistics`. */
  readonly statistics: Tensor | undefined;
}

/** A convolution over tensors as they are, with the dispatches that must come before. */
export interface PlainConvolution {
  readonly convolution: Convolution;
  readonly before: readonly Dispatch[];
}

/** The layer as a plain convolution; what it reads is computed before where it is no tensor yet. */
export function plainConvolution(layer: ConvolutionLayer, target: Target): PlainConvolution {
  const { input: _, residual: __, statistics: ___, ...rest } = layer;
  const image = plainInput(layer.input, target);
  const residual = plainResidual(layer, target);
  return {
    convolution: { ...rest, x: image.tensor, residual: residual.tensor },
    before: [...image.before, ...residual.before],
  };
}

/** The image that a layer sees as one tensor. */
export function plainInput(
  input: ImageInput,
  target: Target,
): { readonly tensor: Tensor; readonly before: readonly Dispatch[] } {
  if (isPlain(input)) return { tensor: input.parts[0]!, before: [] };
  const tensor = target.scratch(inputShape(input));
  return { tensor, before: materialised(input, tensor, target) };
}

/** The residual of a layer as a tensor of the shape of the result. */
export function plainResidual(
  { residual }: Pick<ConvolutionLayer, "residual">,
  target: Target,
): { readonly tensor: Tensor | undefined; readonly before: readonly Dispatch[] } {
  if (!residual || residual.resample === "none") return { tensor: residual?.x, before: [] };
  const tensor = target.scratch(resampledShape(residual.x.shape, residual.resample));
  const input = { parts: [residual.x], resample: residual.resample };
  return { tensor, before: materialised(input, tensor, target) };
}

/** The statistics of the result by a kernel of their own, if they are wanted. */
export function statisticsAfter(
  { out, statistics }: Pick<ConvolutionLayer, "out" | "statistics">,
  target: Target,
): readonly Dispatch[] {
  return statistics ? [statisticsKernel(out, statistics, blocksOf(out.shape), target)] : [];
}
