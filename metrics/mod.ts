/** Measures of restored images and of computed numbers; images are [H, W, C], channels last. */
export { type Consistency, consistency, type Faithfulness, faithfulness } from "./distances.ts";
export { type NoiseStatistics, noiseStatistics } from "./noise_statistics.ts";
export type { ComparedChannels, ComparisonOptions, Rounding } from "./comparison.ts";
export { psnr } from "./psnr.ts";
export { ssim, type SsimOptions } from "./ssim.ts";
export {
  type Convention,
  type ConventionName,
  CONVENTIONS,
  type ImageQuality,
  imageQuality,
  type ImageQualityOptions,
} from "./conventions.ts";
export { type Lpips, openLpips, type OpenLpipsOptions, type PerceptualDistance } from "./lpips.ts";
export {
  type FeatureExtractor,
  INCEPTION_PREPARATIONS,
  inceptionFeatures,
  type InceptionPreparation,
} from "./inception_features.ts";
export { FeatureStatistics, type GaussianStatistics, readStatistics, statisticsBytes } from "./feature_statistics.ts";
export { frechetDistance } from "./frechet.ts";
export { summarize, type Summary, type SummaryOptions } from "./summary.ts";
export { symmetricEigenvalues } from "./symmetric_matrix.ts";
export { relativeError } from "./relative_error.ts";
