/** A convolution with all that is fused into it, and what it reads as plain tensors, for kernels that fuse nothing. */
import type { Dispatch, Target, Tensor } from "../../engine/mod.ts";
import { statisticsKernel } from "../normalization/group_norm_kernels.ts";
import { blocksOf } from "../normalization/statistics_blocks.ts";
import type { Convolution } from "./conv2d_direct.ts";
import { type ImageInput, inputShape, isPlain, materialised, type Resample } from "./conv2d_input.ts";

/** A convolution by its sizes and tensors. */
export interface ConvolutionLayer extends Omit<Convolution, "x" | "residual"> {
  /** The image, and how it is loaded. */
  readonly input: ImageInput;
  /** Added after it was resampled. */
  readonly residual: { readonly x: Tensor; readonly resample: Resample } | undefined;
  /** [3, N, blocks, Cout], written: the statistics of the result; see `imageStatistics`. */
  readonly statistics: Tensor | undefined;
}

/**
 * The image that a layer sees as one tensor.
 * @param before takes the dispatches that must come first
 */
export function plainInput(input: ImageInput, target: Target, before: Dispatch[]): Tensor {
  if (isPlain(input)) return input.parts[0]!;
  const tensor = target.scratch(inputShape(input));
  before.push(...materialised(input, tensor, target));
  return tensor;
}

/**
 * The residual of a layer as a tensor of the shape of the result.
 * @param before takes the dispatches that must come first
 */
export function plainResidual(
  { residual }: Pick<ConvolutionLayer, "residual">,
  target: Target,
  before: Dispatch[],
): Tensor | undefined {
  return residual && plainInput({ parts: [residual.x], resample: residual.resample }, target, before);
}

/** The statistics of the result by a kernel of their own, if they are wanted. */
export function statisticsAfter(
  { out, statistics }: Pick<ConvolutionLayer, "out" | "statistics">,
  target: Target,
): readonly Dispatch[] {
  return statistics ? [statisticsKernel(out, statistics, blocksOf(out.shape), target)] : [];
}
