/** Separable blurs other than the Gaussian one: uniform, and with another width along each axis. */
import type { Shape } from "../engine/mod.ts";
import { filterMatrix } from "./filter_matrix.ts";
import { gaussianKernel } from "./gaussian_blur.ts";
import { checkImageShape, type LinearOperator } from "./operator.ts";
import { type Matrix } from "./spectrum.ts";
import { separableOperator } from "./separable_operator.ts";

/** Parameters of `uniformBlur`. */
export interface UniformBlurOptions {
  /** Number of taps, an odd integer; default 9. */
  readonly taps?: number;
  /** Smallest singular value of a 1-D factor that is kept, 0 to 1; default 0.03. */
  readonly threshold?: number;
}

/** Parameters of `anisotropicBlur`. */
export interface AnisotropicBlurOptions extends UniformBlurOptions {
  /** Standard deviation along the height in pixels; default 1. */
  readonly sigma?: number;
  /** Standard deviation along the width in pixels; default 20. */
  readonly sigmaWidth?: number;
}

/** A centred kernel at a border that is mirrored with the edge pixel repeated. */
function reflecting(taps: ArrayLike<number>): (extent: number) => Matrix {
  return (extent) =>
    filterMatrix(extent, { taps, start: -Math.floor(taps.length / 2), stride: 1, boundary: "reflect" });
}

function checkThreshold(name: string, threshold: number | undefined): void {
  if (threshold === undefined || (threshold >= 0 && threshold <= 1)) return;
  throw new RangeError(
    `Cannot build operator "${name}": the threshold is ${threshold}, a number from 0 to 1 is needed; use 0.03`,
  );
}

/**
 * Measures the mean of taps x taps pixels around every pixel; the picture is mirrored at the border.
 * @param imageShape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image
 * @throws {RangeError} if a parameter is out of range
 */
export function uniformBlur(imageShape: Shape, { taps = 9, threshold }: UniformBlurOptions = {}): LinearOperator {
  const shape = checkImageShape("deblur_uniform", imageShape);
  if (!Number.isSafeInteger(taps) || taps < 1 || taps % 2 !== 1) {
    throw new RangeError(
      `Cannot build operator "deblur_uniform": the kernel has ${taps} taps, an odd number is needed; use 9`,
    );
  }
  checkThreshold("deblur_uniform", threshold);
  const kernel = new Float64Array(taps).fill(1 / taps);
  return separableOperator("deblur_uniform", shape, reflecting(kernel), threshold === undefined ? {} : { threshold });
}

/**
 * Measures the picture blurred by a Gaussian that is narrow along the height and wide along the width; the picture is
 * mirrored at the border.
 * @param imageShape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image
 * @throws {RangeError} if a parameter is out of range
 */
export function anisotropicBlur(
  imageShape: Shape,
  { taps = 9, sigma = 1, sigmaWidth = 20, threshold }: AnisotropicBlurOptions = {},
): LinearOperator {
  const shape = checkImageShape("deblur_aniso", imageShape);
  checkThreshold("deblur_aniso", threshold);
  return separableOperator("deblur_aniso", shape, reflecting(gaussianKernel(taps, sigma)), {
    ...(threshold === undefined ? {} : { threshold }),
    widthFactorOf: reflecting(gaussianKernel(taps, sigmaWidth)),
  });
}
