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
  const [height, width] = shape;
  const padding = edges === "zero" ? (taps.length - 1) / 2 : 0;
  if (Math.min(height, width) + 2 * padding < taps.length) {
    throw new RangeError(
      `Cannot compute SSIM of ${height} x ${width} pixels: the window needs at least ${taps.length} x ${taps.length}`,
    );
  }
  const c1 = (0.01 * peak) ** 2;
  const c2 = (0.03 * peak) ** 2;
  let sum = 0;
  let windows = 0;
  for (const means of windowRows(left, right, shape, { taps, padding })) {
    for (let i = 0; i < means.a.length; i++) {
      const [ma, mb] = [means.a[i]!, means.b[i]!];
      const varianceA = covarianceFactor * (means.aa[i]! - ma * ma);
      const varianceB = covarianceFactor * (means.bb[i]! - mb * mb);
      const covariance = covarianceFactor * (means.ab[i]! - ma * mb);
      sum += (2 * ma * mb + c1) * (2 * covariance + c2) / ((ma * ma + mb * mb + c1) * (varianceA + varianceB + c2));
    }
    windows += means.a.length;
  }
  return sum / windows;
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

/** Weighted means over windows that lie side by side, of both images, their squares and their product. */
interface WindowMeans {
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly aa: Float64Array;
  readonly bb: Float64Array;
  readonly ab: Float64Array;
}

/** The names of `WindowMeans`. */
const MEANS = ["a", "b", "aa", "bb", "ab"] as const;

/**
 * The means over all windows of two images [H, W, C] with a border of zeros, row by row from the top: of a photograph all
 * at once would take gigabytes. The arrays are overwritten by the next row.
 */
function* windowRows(
  left: Float64Array,
  right: Float64Array,
  [height, width, channels]: readonly [number, number, number],
  { taps, padding }: { readonly taps: readonly number[]; readonly padding: number },
): Generator<WindowMeans> {
  const line = width * channels;
  const margin = padding * channels;
  const lines = meansOf(line + 2 * margin);
  const means = meansOf(line + 2 * margin - (taps.length - 1) * channels);
  for (let top = -padding; top + taps.length <= height + padding; top++) {
    for (const name of MEANS) lines[name].fill(0);
    const { a, b, aa, bb, ab } = lines;
    for (const [k, tap] of taps.entries()) {
      const row = top + k;
      if (row < 0 || row >= height) continue;
      for (let i = 0; i < line; i++) {
        const [x, y] = [left[row * line + i]!, right[row * line + i]!];
        const at = margin + i;
        a[at]! += tap * x;
        b[at]! += tap * y;
        aa[at]! += tap * x * x;
        bb[at]! += tap * y * y;
        ab[at]! += tap * x * y;
      }
    }
    for (const name of MEANS) weightedMeans(lines[name], means[name], channels, taps);
    yield means;
  }
}

function meansOf(count: number): WindowMeans {
  const empty = (): Float64Array => new Float64Array(count);
  return { a: empty(), b: empty(), aa: empty(), bb: empty(), ab: empty() };
}

/** means[i] = sum over k of taps[k] values[i + k stride]. */
function weightedMeans(values: Float64Array, means: Float64Array, stride: number, taps: readonly number[]): void {
  means.fill(0);
  for (const [k, tap] of taps.entries()) {
    for (let i = 0; i < means.length; i++) means[i]! += tap * values[i + k * stride]!;
  }
}
