import type { Shape } from "../../engine/mod.ts";
import { choice, data, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { blurDefaults, numbers, sigma, taps, threshold } from "../common_parameters.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import {
  BLUR_BOUNDARIES,
  blurBorder,
  type BlurBoundary,
  type ImagePart,
  measuredPart,
  measuredWithin,
} from "./border.ts";
import { centredFilter, filterMatrix, measuredFilter } from "./filter_matrix.ts";
import { checkImageShape, type LinearOperator } from "../operator.ts";
import { type BlurFactors, publishedBlur } from "./published_blur.ts";
import { separableOperator } from "./separable_operator.ts";
import type { Matrix } from "../matrix.ts";

const PARAMETERS = {
  /**
   * `true`: the blur that the kernel describes; `published`: what the code published with DDRM, DDNM and SSD computes;
   * `published_matched`: the same without its mistaken pairing of singular values and channels.
   */
  variant: choice(
    "true",
    ["true", "published", "published_matched"],
    { option: "blur-variant" },
    "the true blur, or what published code computes",
  ) as Parameter<BlurVariant>,
  sigma: sigma(15) as Parameter<number>,
  taps: taps(9) as Parameter<number>,
  /** For `true`; left open it is `reflect`, with the edge pixel repeated. */
  boundary: choice(
    undefined,
    BLUR_BOUNDARIES,
    { option: "blur-boundary" },
    "what lies outside, the other side, the mirrored picture (as of a picture that is degraded here) or nothing that is " +
      "known (as of one from a file)",
  ) as Parameter<BlurBoundary | undefined>,
  measured: measuredPart() as Parameter<ImagePart | undefined>,
  /** A larger one loses more of the picture, but A^+ amplifies errors of the measurement less. */
  threshold: threshold() as Parameter<number>,
  kernel: numbers(
    "taps of another kernel instead of the Gaussian, used as they are; an odd number of them for `true`",
  ) as Parameter<ArrayLike<number> | undefined>,
  kernelWidth: numbers(
    "taps along the width, where they are others than along the height",
  ) as Parameter<ArrayLike<number> | undefined>,
  /** Default: the order of the published program, whose sort is not stable: see `introsortDescending`. */
  permutation: numbers(
    "for `published`: position (row-major, of H x W) of the singular value at each place of the descending order",
  ) as Parameter<ArrayLike<number> | undefined>,
  /** The vectors of nearly equal singular values depend on rounding, and the published operator on them. */
  factors: factors(
    "for `published`, square images: the decomposition to use instead of one computed here",
  ) as Parameter<BlurFactors | undefined>,
  factorsWidth: factors(
    "the same for the factor along the width, where it is another one",
  ) as Parameter<BlurFactors | undefined>,
};

/** Which blur is meant; see the parameter. */
export type BlurVariant = "true" | "published" | "published_matched";

function factors(help: string): Parameter<BlurFactors | undefined> {
  const fits = (value: unknown): boolean =>
    typeof value === "object" && value !== null && ["u", "s", "v"].every((name) => name in value);
  return data<BlurFactors>({ needed: "u, s and v", fits }, help);
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
 * picture stays as it is; `boundary` lets it go on at the other side, or measure a part of the image alone. `published`
 * reproduces published tables: the last tap of an odd kernel is lost (nine taps act as eight, half a pixel off centre),
 * outside the picture lie zeros, and singular values meet the wrong coefficients (`publishedBlur`). `published_matched` has
 * the lost tap and the zeros, but pairs the values rightly.
 *
 * In all variants singular values of L and R below the threshold are set to zero, in A, A^T and A^+ alike: frequencies
 * that the blur all but removes count as removed, A A^+ A = A holds exactly, and A^+ amplifies by 1 / threshold^2 at
 * most.
 * @throws {TypeError} if the shape is not that of an image, or a permutation or factors of another size are given
 * @throws {RangeError} if a kernel does not fit, or parameters contradict each other
 */
function build(imageShape: Shape, values: ValuesOf<typeof PARAMETERS>): LinearOperator {
  const { variant, taps, sigma, boundary = "reflect", measured, permutation, factors, threshold } = values;
  const shape = checkImageShape("deblur_gauss", imageShape);
  const { kernel = gaussianKernel(taps, sigma), kernelWidth, factorsWidth } = values;
  checkKernel(kernel);
  if (kernelWidth) checkKernel(kernelWidth);
  if (variant !== "published" && [permutation, factors, factorsWidth].some(Boolean)) {
    throw new RangeError(
      `Cannot build operator "deblur_gauss": a permutation or factors were given for the variant "${variant}", ` +
        `only "published" depends on them; leave them out`,
    );
  }
  if (variant !== "true" && boundary !== "reflect") {
    throw new RangeError(
      `Cannot build operator "deblur_gauss": the variant "${variant}" has zeros outside the picture, the boundary ` +
        `"${boundary}" was given; leave it out, or take the variant "true"`,
    );
  }
  if (boundary === "unknown") return openBlur(shape, kernel, kernelWidth, { measured, threshold });
  const factorOf = variant === "true" ? centred(boundary) : truncated;
  const widthFactorOf = kernelWidth && factorOf(kernelWidth);
  return variant === "published"
    ? publishedBlur("deblur_gauss", shape, {
      factorOf: factorOf(kernel),
      widthFactorOf,
      permutation,
      factors,
      factorsWidth,
      threshold,
    })
    : separableOperator("deblur_gauss", shape, factorOf(kernel), { threshold, widthFactorOf });
}

/**
 * The blur of which only a part is measured, where the kernel lies within the image: a product of factors as well, so that
 * its decomposition is exact.
 */
function openBlur(
  shape: readonly [number, number, number],
  kernel: ArrayLike<number>,
  kernelWidth: ArrayLike<number> | undefined,
  { measured, threshold }: Pick<ValuesOf<typeof PARAMETERS>, "measured" | "threshold">,
): LinearOperator {
  const [down, across] = [kernel, kernelWidth ?? kernel].map(checkOdd) as [ArrayLike<number>, ArrayLike<number>];
  const [height, width] = shape;
  const part = measuredWithin("deblur_gauss", [height, width], [down.length, across.length], measured);
  const isShared = !kernelWidth && part.top === part.left && part.height === part.width;
  return separableOperator("deblur_gauss", shape, measuredFilter(down, { first: part.top, count: part.height }), {
    threshold,
    widthFactorOf: isShared ? undefined : measuredFilter(across, { first: part.left, count: part.width }),
  });
}

/** All taps, centred, at a border that is known. */
function centred(boundary: "circular" | "reflect"): (taps: ArrayLike<number>) => (extent: number) => Matrix {
  return (taps) => centredFilter(checkOdd(taps), boundary);
}

/** Makes sure that a kernel has a middle; returns it. */
function checkOdd(taps: ArrayLike<number>): ArrayLike<number> {
  if (taps.length % 2 === 1) return taps;
  throw new RangeError(
    `Cannot build operator "deblur_gauss": the kernel has ${taps.length} taps, ` +
      `an odd number is needed to centre it; add a tap`,
  );
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

/** The usual blur. */
export const deblurGauss: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "deblur_gauss",
  about: "the picture blurred by a separable kernel, a Gaussian unless one is given",
  parameters: PARAMETERS,
  build,
  border: ({ kernel, kernelWidth, taps, boundary }) => {
    const rows = kernel?.length ?? taps;
    return blurBorder([rows, kernelWidth?.length ?? rows], boundary);
  },
  examples: [
    { imageShape: [16, 24, 3], options: {} },
    { imageShape: [33, 20, 1], options: { taps: 5, sigma: 1.5, threshold: 0.15 } },
    { imageShape: [24, 24, 3], options: { variant: "published" } },
    { imageShape: [16, 25, 2], options: { variant: "published", kernel: [0.2, 0.5, 0.3] } },
    { imageShape: [32, 16, 3], options: { variant: "published_matched" } },
    { imageShape: [14, 17, 2], options: { kernel: [0.2, 0.5, 0.3], kernelWidth: [0.1, 0.2, 0.4, 0.2, 0.1] } },
    { imageShape: [12, 15, 2], options: { taps: 5, sigma: 1, boundary: "circular" } },
    { imageShape: [14, 17, 2], options: { taps: 5, sigma: 1, boundary: "unknown" } },
    { imageShape: [16, 16, 3], options: { variant: "published", taps: 9, sigma: 1, kernelWidth: [0.2, 0.5, 0.3] } },
  ],
  tasks: [{ name: "deblur", about: "sharpen a picture blurred by a Gaussian", kind: "deblurring" }],
  defaultsFor: blurDefaults,
});
