/** The register of operations: one export line for each. */
export { add, addOp, mul, mulOp, silu, siluOp, sub, subOp, weightedSum, weightedSumOp } from "./elementwise.ts";
export { clamp, clampOp } from "./clamp.ts";
export { fill, fillOp } from "./fill.ts";
export { gradient } from "./gradient.ts";
export { relu, reluOp } from "./relu.ts";
export { roundStraight, roundStraightOp } from "./round.ts";
export { conv2d, conv2dFeatures, conv2dOp, type ImageInput } from "./conv2d.ts";
export type { Padding } from "./conv2d_attrs.ts";
export type { Resample } from "./conv2d_input.ts";
export { inputGradientOp } from "./conv2d_input_gradient.ts";
export { rotateWeight, rotateWeightOp } from "./rotate_weight.ts";
export { dilate, dilateOp } from "./dilate.ts";
export { factorsGradientOp, statisticsGradient, statisticsGradientOp } from "./statistics_gradient.ts";
export type { Convolution } from "./conv2d_direct.ts";
export type { Product } from "./matmul_tiled.ts";
export {
  CONVOLUTION_ALGORITHMS,
  type ConvolutionAlgorithm,
  convolutionCandidates,
  convolutionKey,
  NANOSECONDS_PER_BYTE,
} from "./conv2d_choice.ts";
export { MATMUL_ALGORITHMS, type MatmulAlgorithm, matmulCandidates, matmulKey } from "./matmul_choice.ts";
export { TUNABLE_ALGORITHMS } from "./algorithms.ts";
export { winogradWeightsOp } from "./winograd_weights.ts";
export { linear, matmul, matmulOp } from "./matmul.ts";
export { groupNorm, groupNormOp } from "./group_norm.ts";
export {
  type Features,
  groupNormFactors,
  groupNormFactorsOp,
  imageStatistics,
  imageStatisticsOp,
} from "./norm_factors.ts";
export { applyFactors, applyFactorsGradient, applyFactorsGradientOp, applyFactorsOp } from "./apply_factors.ts";
export { weightTexelsOp } from "./weight_texels.ts";
export { attention, attentionOp } from "./attention.ts";
export { attentionGradient, attentionGradientOp } from "./attention_gradient.ts";
export type { HeadOrder } from "./attention_layout.ts";
export {
  clampGradient,
  clampGradientOp,
  reluGradient,
  reluGradientOp,
  siluGradient,
  siluGradientOp,
} from "./slopes.ts";
export { softmax, softmaxGradient, softmaxGradientOp, softmaxOp } from "./softmax.ts";
export {
  averagePool,
  averagePoolOp,
  bilinearResize,
  spread,
  type SpreadAttrs,
  spreadOp,
  upsampleNearest,
  upsampleNearestOp,
} from "./resample.ts";
export {
  concatChannels,
  concatChannelsOp,
  padChannels,
  padChannelsOp,
  sliceChannels,
  sliceChannelsOp,
} from "./channels.ts";
export { maxPool, meanPool, windowPoolOp } from "./window_pool.ts";
export { type PoolWindow, windowPoolGradient, windowPoolGradientOp } from "./window_pool_gradient.ts";
export { unitChannels, unitChannelsGradient, unitChannelsGradientOp, unitChannelsOp } from "./unit_channels.ts";
export { alongHeight, alongHeightOp, alongWidth, alongWidthOp, separable } from "./separable.ts";
export { gatherRows, gatherRowsOp, scatterRows, scatterRowsOp } from "./gather_rows.ts";
export { randomNormal, randomNormalOp, sampleNormal } from "./random.ts";
export { repeatOver, repeatOverOp, sumRepeats, sumRepeatsOp } from "./repeats.ts";
export { transpose, transposeOp } from "./transpose.ts";
export { reshape, reshapeOp } from "./reshape.ts";
export {
  exp,
  expOp,
  reciprocal,
  reciprocalOp,
  reciprocalOrZero,
  reciprocalOrZeroOp,
  sqrt,
  sqrtOp,
} from "./functions.ts";
export {
  addRatio,
  addRatioOp,
  ratioSlopesOp,
  sampleDot,
  sampleDotOp,
  sampleNorm,
  sampleNormOp,
  sampleSquares,
  sampleSum,
  scaleSamples,
  scaleSamplesOp,
} from "./sample_products.ts";
export { shrink, shrinkGradientOp, shrinkOp } from "./shrink.ts";
export { copy, copyOp, multiplyAdds, multiplyAddsOp } from "./probes.ts";
export { hadamard, hadamardOp } from "./hadamard.ts";
export { complexMul, complexMulOp, fourier, fourierOp, type FourierOptions } from "./fourier.ts";
export { type ComplexArray, hostFourier } from "./fourier_host.ts";
export { gatherElements, gatherElementsOp, NO_ELEMENT, scatterElements, scatterElementsOp } from "./gather_elements.ts";
export { backProject, backProjectOp, radon, radonOp } from "./radon.ts";
// What operations of one's own are made of.
export { floatBits, movedBytes, requireF32 } from "./operands.ts";
export { elementwise } from "./wgsl.ts";
