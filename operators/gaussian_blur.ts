import type { Shape } from "../engine/mod.ts";
import { filterMatrix } from "./filter_matrix.ts";
import { checkImageShape, type LinearOperator } from "./operator.ts";
import { type BlurFactors, publishedBlur } from "./published_blur.ts";
import { separableOperator, SINGULAR_THRESHOLD } from "./separable_operator.ts";
import type { Matrix } from "./spectrum.ts";

/**
 * Which blur is meant: `true`, the blur that the kernel describes; `published`, what the code published with DDRM, DDNM
 * and SSD computes; `published_matched`, the same without its mistaken pairing of singular values and channels.
 */
export type BlurVariant = "true" | "published" | "published_matched";

/** Parameters of `gaussianBlur`. */
export interface GaussianBlurOptions {
  /** Default `true`. */
  readonly variant?: BlurVariant;
  /** Number of taps of the Gaussian, an odd integer; default 9. */
  readonly taps?: number;
  /** Standard deviation of the Gaussian in pixels, greater than 0; default 15. */
  readonly sigma?: number;
  /** Taps of another kernel instead of the Gaussian, used as they are; an odd number of them for `true`. */
  readonly kernel?: ArrayLike<number>;
  /** Taps along the width, where they are others than along the height. */
  readonly kernelWidth?: ArrayLike<number>;
  /**
   * For `published`: position (row-major, of H x W) of the singular value at each place of the descending order.
   * Default: the order of the published program, whose sort is not stable: see `introsortDescending`.
   */
  readonly permutation?: ArrayLike<number>;
  /**
   * For `published`, square images: the singular value decomposition to use instead of one computed here in f64. The
   * vectors of nearly equal singular values depend on rounding, and the published operator on them.
   */
  readonly factors?: BlurFactors;
  /** The same for the factor along the width, where it is another one. */
  readonly factorsWidth?: BlurFactors;
  /**
   * Smallest singular value of a 1-D factor that is kept, 0 (all but exact zeros) to 1; default 0.03. A larger one loses
   * more of the picture, but A^+ amplifies errors of the measurement, such as rounding to 8 bits, less.
   */
  readonly threshold?: number;
}

/**
 * A Gaussian kernel with sum 1: exp(-(k - c)^2 / (2 sigma^2)) around the middle tap c.
 * @param taps number of taps, an odd integer
 * @param sigma standard deviation in pixels, greater than 0
 * @throws {RangeError} if a parameter is out of range
 */
export function gaussianKernel(taps: number, sigma: number): Float64Array {
  if (!Number.isSafeInteger(taps) || taps < 1 || taps % 2 !== 1 || !(sigma > 0)) {
    throw new RangeError(
      `Cannot build operator "deblur_gauss": the kernel has ${taps} taps and sigma ${sigma}, ` +
        `an odd number of taps and a sigma greater than 0 are needed; use 9 and 15`,
    );
  }
  const middle = (taps - 1) / 2;
  const weights = Float64Array.from({ length: taps }, (_, k) => Math.exp(-0.5 * ((k - middle) / sigma) ** 2));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * Measures the picture blurred along its height and its width: A(X) = L X R^T per channel.
 *
 * `true` keeps all taps, centred, and mirrors the picture at the border with the edge pixel repeated, so a constant
 * picture stays as it is. `published` reproduces published tables: the last tap of an odd kernel is lost (nine taps act
 * as eight, half a pixel off centre), outside the picture lie zeros, and singular values meet the wrong coefficients
 * (`publishedBlur`). `published_matched` has the lost tap and the zeros, but pairs the values rightly.
 *
 * In all variants singular values of L and R below the threshold are set to zero, in A, A^T and A^+ alike: frequencies
 * that the blur all but removes count as removed, A A^+ A = A holds exactly, and A^+ amplifies by 1 / threshold^2 at
 * most.
 * @param imageShape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image, or a permutation or factors of another size are given
 * @throws {RangeError} if a parameter is out of range
 */
export function gaussianBlur(imageShape: Shape, options: GaussianBlurOptions = {}): LinearOperator {
  const { variant = "true", taps = 9, sigma = 15, permutation, factors, threshold = SINGULAR_THRESHOLD } = options;
  const shape = checkImageShape("deblur_gauss", imageShape);
  const { kernel = gaussianKernel(taps, sigma), kernelWidth, factorsWidth } = options;
  checkKernel(kernel);
  if (kernelWidth) checkKernel(kernelWidth);
  if (!(threshold >= 0 && threshold <= 1)) {
    throw new RangeError(
      `Cannot build operator "deblur_gauss": the threshold is ${threshold}, a number from 0 to 1 is needed; ` +
        `use ${SINGULAR_THRESHOLD}, or more for noisy pictures`,
    );
  }
  if (variant !== "published" && [permutation, factors, factorsWidth].some(Boolean)) {
    throw new RangeError(
      `Cannot build operator "deblur_gauss": a permutation or factors were given for the variant "${variant}", ` +
        `only "published" depends on them; leave them out`,
    );
  }
  const factorOf = variant === "true" ? centred : truncated;
  const widthFactorOf = kernelWidth && factorOf(kernelWidth);
  switch (variant) {
    case "true":
    case "published_matched":
      return separableOperator("deblur_gauss", shape, factorOf(kernel), {
        threshold,
        ...(widthFactorOf ? { widthFactorOf } : {}),
      });
    case "published":
      return publishedBlur("deblur_gauss", shape, {
        factorOf: factorOf(kernel),
        threshold,
        ...(widthFactorOf ? { widthFactorOf } : {}),
        ...(permutation ? { permutation } : {}),
        ...(factors ? { factors } : {}),
        ...(factorsWidth ? { factorsWidth } : {}),
      });
    default:
      throw new RangeError(
        `Cannot build operator "deblur_gauss": the variant is "${variant satisfies never}", ` +
          `"true", "published" or "published_matched" is needed; use "true"`,
      );
  }
}

/** All taps, centred, at a mirrored border. */
function centred(taps: ArrayLike<number>): (extent: number) => Matrix {
  if (taps.length % 2 !== 1) {
    throw new RangeError(
      `Cannot build operator "deblur_gauss": the kernel has ${taps.length} taps, ` +
        `an odd number is needed to centre it; add a tap`,
    );
  }
  const start = -Math.floor(taps.length / 2);
  return (extent) => filterMatrix(extent, { taps, start, stride: 1, boundary: "reflect" });
}

/** The taps that the published code uses, between zeros. */
function truncated(taps: ArrayLike<number>): (extent: number) => Matrix {
  const half = Math.floor(taps.length / 2);
  const used = Array.from(taps).slice(0, 2 * half);
  return (extent) => filterMatrix(extent, { taps: used, start: -half, stride: 1, boundary: "zero" });
}

function checkKernel(kernel: ArrayLike<number>): void {
  const taps = Array.from(kernel);
  if (taps.length > 0 && taps.every(Number.isFinite) && taps.some((tap) => tap !== 0)) return;
  throw new RangeError(
    `Cannot build operator "deblur_gauss": the kernel is ${taps.length > 0 ? taps.join(", ") : "empty"}, ` +
      `finite taps that are not all 0 are needed; use nine taps of 1/9`,
  );
}
