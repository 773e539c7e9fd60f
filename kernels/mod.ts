/** The register of operations: one export line for each. */
export {
  add,
  addOp,
  fill,
  fillOp,
  mul,
  mulOp,
  sub,
  subOp,
  weightedSum,
  weightedSumOp,
} from "./pointwise/elementwise.ts";
export { gradient } from "./gradient.ts";
export { conv2d, conv2dFeatures, conv2dOp } from "./product/conv2d.ts";
export type { Padding } from "./product/conv2d_attrs.ts";
export type { ImageInput, Resample } from "./product/conv2d_input.ts";
export { inputGradientOp } from "./product/conv2d_input_gradient.ts";
export { rotateWeight, rotateWeightOp } from "./product/rotate_weight.ts";
export { dilate, dilateOp } from "./layout/dilate.ts";
export { factorsGradientOp, statisticsGradient, statisticsGradientOp } from "./normalization/statistics_gradient.ts";
export type { Convolution } from "./product/conv2d_direct.ts";
export type { Product } from "./product/matmul_tiled.ts";
export {
  CONVOLUTION_ALGORITHMS,
  type ConvolutionAlgorithm,
  convolutionCandidates,
  convolutionKey,
  NANOSECONDS_PER_BYTE,
} from "./product/conv2d_choice.ts";
export { MATMUL_ALGORITHMS, type MatmulAlgorithm, matmulCandidates, matmulKey } from "./product/matmul_choice.ts";
export { ATTENTION_ALGORITHMS } from "./attention/attention_matrix.ts";
export { MATRIX_ALGORITHM } from "./product/matrix/subgroup_matrix.ts";
export { TUNABLE_ALGORITHMS } from "./algorithms.ts";
export { winogradWeightsOp } from "./product/winograd/winograd_weights.ts";
export { linear, matmul, matmulOp } from "./product/matmul.ts";
export { groupNorm, groupNormOp } from "./normalization/group_norm.ts";
export {
  type Features,
  groupNormFactors,
  groupNormFactorsOp,
  imageStatistics,
  imageStatisticsOp,
} from "./normalization/norm_factors.ts";
export {
  applyFactors,
  applyFactorsGradient,
  applyFactorsGradientOp,
  applyFactorsOp,
} from "./normalization/apply_factors.ts";
export { weightTexelsOp } from "./product/weight_texels.ts";
export { attention, attentionOp } from "./attention/attention.ts";
export { attentionGradient, attentionGradientOp } from "./attention/attention_gradient.ts";
export type { HeadOrder } from "./attention/attention_layout.ts";
export {
  clamp,
  clampGradient,
  clampGradientOp,
  clampOp,
  relu,
  reluGradient,
  reluGradientOp,
  reluOp,
  roundStraight,
  roundStraightOp,
  silu,
  siluGradient,
  siluGradientOp,
  siluOp,
} from "./pointwise/activations.ts";
export { softmax, softmaxGradient, softmaxGradientOp, softmaxOp } from "./normalization/softmax.ts";
export {
  averagePool,
  averagePoolOp,
  bilinearResize,
  spread,
  type SpreadAttrs,
  spreadOp,
  upsampleNearest,
  upsampleNearestOp,
} from "./resampling/resample.ts";
export {
  concatChannels,
  concatChannelsOp,
  padChannels,
  padChannelsOp,
  sliceChannels,
  sliceChannelsOp,
} from "./layout/channels.ts";
export { maxPool, meanPool, windowPoolOp } from "./resampling/window_pool.ts";
export { type PoolWindow, windowPoolGradient, windowPoolGradientOp } from "./resampling/window_pool_gradient.ts";
export {
  unitChannels,
  unitChannelsGradient,
  unitChannelsGradientOp,
  unitChannelsOp,
} from "./normalization/unit_channels.ts";
export { alongHeight, alongHeightOp, alongWidth, alongWidthOp, separable } from "./resampling/separable.ts";
export { gatherRows, gatherRowsOp, scatterRows, scatterRowsOp } from "./layout/gather_rows.ts";
export { randomNormal, randomNormalOp, sampleNormal } from "./random/random.ts";
export { repeatOver, repeatOverOp, sumRepeats, sumRepeatsOp } from "./layout/repeats.ts";
export { transpose, transposeOp } from "./layout/transpose.ts";
export { addWindows, addWindowsOp, cutWindows, cutWindowsOp, type WindowGrid } from "./layout/windows.ts";
export { reshape, reshapeOp } from "./layout/reshape.ts";
export {
  exp,
  expOp,
  reciprocal,
  reciprocalOp,
  reciprocalOrZero,
  reciprocalOrZeroOp,
  sqrt,
  sqrtOp,
} from "./pointwise/functions.ts";
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
} from "./pointwise/sample_products.ts";
export { shrink, shrinkGradientOp, shrinkOp } from "./pointwise/shrink.ts";
export { copy, copyOp, multiplyAdds, multiplyAddsOp } from "./pointwise/probes.ts";
export { hadamard, hadamardOp } from "./signal/hadamard.ts";
export { complexMul, complexMulOp, fourier, fourierOp, type FourierOptions } from "./signal/fourier.ts";
export { type ComplexArray, hostFourier } from "./signal/fourier_host.ts";
export {
  gatherElements,
  gatherElementsOp,
  NO_ELEMENT,
  scatterElements,
  scatterElementsOp,
} from "./layout/gather_elements.ts";
export { backProject, backProjectOp, radon, radonOp } from "./signal/radon.ts";
// What operations of one's own are made of.
export { type Pointwise, pointwise, type PointwiseKernel } from "./pointwise/pointwise.ts";
export { floatBits, movedBytes, requireF32 } from "./operands.ts";
export { elementwise } from "./text/wgsl.ts";
export type { TunableOperation } from "./algorithms.ts";
export type { AttentionOptions } from "./attention/attention.ts";
export type { AttentionAttrs } from "./attention/attention_layout.ts";
export type { PadAttrs, SliceAttrs } from "./layout/channels.ts";
export type { DilateAttrs } from "./layout/dilate.ts";
export type { GatherAttrs, ScatterAttrs } from "./layout/gather_rows.ts";
export type { ShapeAttrs } from "./layout/repeats.ts";
export type { GroupNormAttrs, GroupNormOptions } from "./normalization/group_norm.ts";
export type { GroupNormFactorsAttrs, GroupNormFactorsOptions } from "./normalization/norm_factors.ts";
export type {
  FactorsGradientAttrs,
  GradientAttrs as StatisticsGradientAttrs,
} from "./normalization/statistics_gradient.ts";
export type { UnitAttrs } from "./normalization/unit_channels.ts";
export type { Limits as ClampLimits } from "./pointwise/activations.ts";
export type { None as NoAttrs } from "./pointwise/pointwise.ts";
export type { AddRatioAttrs } from "./pointwise/sample_products.ts";
export type { ShrinkAttrs } from "./pointwise/shrink.ts";
export type { Conv2dOptions } from "./product/conv2d.ts";
export type { Conv2dAttrs } from "./product/conv2d_attrs.ts";
export type { CONVOLUTION_VARIANTS, Shapes as ConvolutionShapes } from "./product/conv2d_choice.ts";
export type { InputGradientAttrs } from "./product/conv2d_input_gradient.ts";
export type { ConvolutionLayer } from "./product/conv2d_layer.ts";
export type { Epilogue, Shift } from "./product/epilogue.ts";
export type { MatmulAttrs, MatmulOptions, Summands } from "./product/matmul.ts";
export type { MATMUL_VARIANTS } from "./product/matmul_choice.ts";
export type { WeightTexelsAttrs } from "./product/weight_texels.ts";
export type { WinogradWeightsAttrs } from "./product/winograd/winograd_weights.ts";
export type { RandomNormalAttrs } from "./random/random.ts";
export type { FactorAttrs } from "./resampling/resample.ts";
export type {
  GradientAttrs as WindowPoolGradientAttrs,
  PoolAttrs,
  Reduction,
} from "./resampling/window_pool_gradient.ts";
export type { FourierAttrs, MulAttrs as ComplexMulAttrs } from "./signal/fourier.ts";
export type { BackProjectAttrs, RadonAttrs } from "./signal/radon.ts";
export type { ElementwiseSource, KernelSource, Port } from "./text/wgsl.ts";
export type { CUT_VARIANTS, CutVariant } from "./product/tile_cut.ts";
export type { BAND_MEBIBYTES } from "./product/winograd/winograd_sizes.ts";
export type { TileSize } from "./product/winograd/winograd_transform.ts";
export type { BoundArray } from "./text/parts.ts";
