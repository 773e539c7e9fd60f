import { comparedImages, type ComparisonOptions } from "./comparison.ts";

/** How SSIM is computed. */
export interface SsimOptions extends ComparisonOptions {
  /**
   * "uniform": 7 x 7 equal weights, the default and what scikit-image computes by default; "gaussian": 11 x 11, sigma
   * 1.5, as first published.
   */
  readonly window?: "uniform" | "gaussian";
  /**
   * Whether variances are divided by the number of pixels ("population"), or by one less ("sample"); default "sample"
   * for the uniform and "population" for the Gaussian window. scikit-image takes "sample" for both unless told.
   */
  readonly covariance?: "sample" | "population";
  /**
   * Windows of which the mean is taken: those inside the image ("valid", the default, as published and as scikit-image),
   * or one around every pixel, with zeros outside ("zero", as the widespread PyTorch code with padded convolutions).
   */
  readonly edges?: "valid" | "zero";
}

/**
 * Structural similarity: the mean over all windows and channels of
 * (2 m_a m_b + C1)(2 s_ab + C2) / ((m_a^2 + m_b^2 + C1)(s_a^2 + s_b^2 + C2)), C1 = (0.01 peak)^2, C2 = (0.03 peak)^2.
 * Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004.
 * @param a image [H, W, C], after cropping at least the window in height and width unless edges are "zero"
 * @param b image [H, W, C]
 * @returns at most 1, the value of equal images
 * @throws {TypeError} if an image does not have the shape; {RangeError} if it is smaller than the window, the border
 *   leaves nothing, or white is not above black
 */
export function ssim(a: Float32Array, b: Float32Array, options: SsimOptions): number {
  const { window = "uniform", edges = "valid" } = options;
  const taps = TAPS[window];
  const count = taps.length ** 2;
  const isSample = (options.covariance ?? (window === "uniform" ? "sample" : "population")) === "sample";
  const covarianceFactor = isSample ? count / (count - 1) : 1;
  const { left, right, shape, peak } = comparedImages("SSIM", a, b, options);
  const [height, width, channels] = shape;
  const padding = edges === "zero" ? (taps.length - 1) / 2 : 0;
  if (Math.min(height, width) + 2 * padding < taps.length) {
    throw new RangeError(
      `Cannot compute SSIM of ${height} x ${width} pixels: the window needs at least ${taps.length} x ${taps.length}`,
    );
  }
  const c1 = (0.01 * peak) ** 2;
  const c2 = (0.03 * peak) ** 2;
  const size = [height + 2 * padding, width + 2 * padding, channels] as const;
  const local = (value: (index: number) => number): Float64Array =>
    windowMeans(padded(Float64Array.from(left, (_, index) => value(index)), shape, padding), size, taps);
  const at = (values: Float64Array, index: number): number => values[index] as number;
  const meanA = local((i) => at(left, i));
  const meanB = local((i) => at(right, i));
  const meanAA = local((i) => at(left, i) ** 2);
  const meanBB = local((i) => at(right, i) ** 2);
  const meanAB = local((i) => at(left, i) * at(right, i));
  let sum = 0;
  for (let i = 0; i < meanA.length; i++) {
    const [ma, mb] = [at(meanA, i), at(meanB, i)];
    const varianceA = covarianceFactor * (at(meanAA, i) - ma * ma);
    const varianceB = covarianceFactor * (at(meanBB, i) - mb * mb);
    const covariance = covarianceFactor * (at(meanAB, i) - ma * mb);
    sum += (2 * ma * mb + c1) * (2 * covariance + c2) / ((ma * ma + mb * mb + c1) * (varianceA + varianceB + c2));
  }
  return sum / meanA.length;
}

/** Weights along one axis, sum 1. */
const TAPS: Readonly<Record<"uniform" | "gaussian", readonly number[]>> = {
  uniform: new Array<number>(7).fill(1 / 7),
  gaussian: gaussianTaps(5, 1.5),
};

function gaussianTaps(radius: number, sigma: number): readonly number[] {
  const weights = Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-((k - radius) ** 2) / (2 * sigma ** 2)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** The image with a border of zeros. */
function padded(values: Float64Array, [height, width, channels]: Shape3, padding: number): Float64Array {
  if (padding === 0) return values;
  const across = (width + 2 * padding) * channels;
  const result = new Float64Array((height + 2 * padding) * across);
  for (let row = 0; row < height; row++) {
    const line = values.subarray(row * width * channels, (row + 1) * width * channels);
    result.set(line, (row + padding) * across + padding * channels);
  }
  return result;
}

/** Weighted means over all whole windows of [H, W, C], along the height and then along the width. */
function windowMeans(values: Float64Array, [height, width, channels]: Shape3, taps: readonly number[]): Float64Array {
  const rows = height - taps.length + 1;
  const columns = width - taps.length + 1;
  const along = new Float64Array(rows * width * channels);
  for (let i = 0; i < along.length; i++) along[i] = weightedMean(values, i, width * channels, taps);
  const means = new Float64Array(rows * columns * channels);
  for (let row = 0, to = 0; row < rows; row++) {
    const from = row * width * channels;
    for (let i = 0; i < columns * channels; i++) means[to++] = weightedMean(along, from + i, channels, taps);
  }
  return means;
}

type Shape3 = readonly [number, number, number];

function weightedMean(values: Float64Array, start: number, stride: number, taps: readonly number[]): number {
  let sum = 0;
  for (let k = 0; k < taps.length; k++) sum += (taps[k] as number) * (values[start + k * stride] as number);
  return sum;
}
