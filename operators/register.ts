/** The register of degradations: one entry for each, found by name. */
import { type HostTensor, hostTensor, type Shape } from "../engine/mod.ts";
import { averageDownsample } from "./average_downsample.ts";
import { bicubicDownsample } from "./bicubic_downsample.ts";
import { blockSensing } from "./block_sensing.ts";
import { colorization } from "./colorization.ts";
import { graySmall, oldPhoto } from "./composition.ts";
import { gaussianBlur } from "./gaussian_blur.ts";
import { identity } from "./identity.ts";
import { inpainting } from "./inpainting.ts";
import { kernelBlur } from "./kernel_blur.ts";
import { kernelDownsample } from "./kernel_super_resolution.ts";
import { gaussianKernel2d, motionKernel } from "./kernels_2d.ts";
import { boxMask, randomMask } from "./masks.ts";
import { magneticResonance } from "./mri.ts";
import { pictureResonance } from "./mri_picture.ts";
import { checkImageShape } from "./operator.ts";
import type { OperatorEntry, OperatorOptions } from "./options.ts";
import { outpainting } from "./outpainting.ts";
import { anisotropicBlur, uniformBlur } from "./separable_blur.ts";
import { tomography } from "./tomography.ts";
import { walshHadamard } from "./walsh_hadamard.ts";

/** A kernel without symmetry, for the examples. */
const SLANTED = hostTensor(Float32Array.of(0.1, 0.3, 0, 0.05, 0.25, 0.2, 0, 0.02, 0.08, 0.1, -0.2, 0.1), [3, 4]);

/** All degradations by name. */
export const OPERATORS: ReadonlyMap<string, OperatorEntry> = new Map<string, OperatorEntry>([
  ["sr_average", {
    description: "the mean of every block of scale x scale pixels",
    options: ["scale"],
    build: (imageShape, options) => averageDownsample(imageShape, { scale: needed("sr_average", options, "scale") }),
    examples: [
      { imageShape: [16, 24, 3], options: { scale: 2 } },
      { imageShape: [32, 48, 3], options: { scale: 16 } },
      { imageShape: [15, 9, 1], options: { scale: 3 } },
    ],
  }],
  ["sr_bicubic", {
    description: "the picture reduced by antialiased bicubic resampling",
    options: ["scale"],
    build: (imageShape, options) => bicubicDownsample(imageShape, { scale: needed("sr_bicubic", options, "scale") }),
    examples: [
      { imageShape: [16, 24, 3], options: { scale: 2 } },
      { imageShape: [32, 48, 3], options: { scale: 4 } },
      { imageShape: [48, 32, 3], options: { scale: 8 } },
      { imageShape: [32, 64, 1], options: { scale: 16 } },
    ],
  }],
  ["colorize", {
    description: "one gray value per pixel, a weighted mean of its channels",
    options: ["weights"],
    build: (imageShape, options) => colorization(imageShape, options),
    examples: [
      { imageShape: [16, 24, 3], options: {} },
      { imageShape: [5, 7, 2], options: { weights: [0.75, -0.5] } },
    ],
  }],
  ["inpaint", {
    description: "the known pixels: of a mask, or all but a box or a random share",
    options: ["mask", "box", "missing", "seed"],
    build: (imageShape, options) => inpainting(imageShape, { mask: chosenMask("inpaint", imageShape, options) }),
    examples: [
      { imageShape: [16, 24, 3], options: { box: { height: 8, width: 9 }, seed: 3 } },
      { imageShape: [7, 5, 3], options: { missing: 0.92, seed: 1 } },
    ],
  }],
  ["deblur_gauss", {
    description: "the picture blurred by a separable kernel, a Gaussian unless one is given",
    options: [
      "variant",
      "taps",
      "sigma",
      "kernel",
      "kernelWidth",
      "permutation",
      "factors",
      "factorsWidth",
      "threshold",
    ],
    build: (imageShape, options) => gaussianBlur(imageShape, options),
    examples: [
      { imageShape: [16, 24, 3], options: {} },
      { imageShape: [33, 20, 1], options: { taps: 5, sigma: 1.5, threshold: 0.15 } },
      { imageShape: [24, 24, 3], options: { variant: "published" } },
      { imageShape: [16, 25, 2], options: { variant: "published", kernel: [0.2, 0.5, 0.3] } },
      { imageShape: [32, 16, 3], options: { variant: "published_matched" } },
      { imageShape: [14, 17, 2], options: { kernel: [0.2, 0.5, 0.3], kernelWidth: [0.1, 0.2, 0.4, 0.2, 0.1] } },
      { imageShape: [16, 16, 3], options: { variant: "published", taps: 9, sigma: 1, kernelWidth: [0.2, 0.5, 0.3] } },
    ],
  }],
  ["identity", {
    description: "the picture itself",
    options: [],
    build: (imageShape) => identity(imageShape),
    examples: [{ imageShape: [16, 24, 3], options: {} }],
  }],
  ["deblur_uniform", {
    description: "the mean of taps x taps pixels around every pixel",
    options: ["taps", "threshold"],
    build: (imageShape, options) => uniformBlur(imageShape, options),
    examples: [
      { imageShape: [17, 24, 3], options: {} },
      { imageShape: [33, 20, 1], options: { taps: 5, threshold: 0.1 } },
    ],
  }],
  ["deblur_aniso", {
    description: "the picture blurred by a Gaussian that is narrow along the height and wide along the width",
    options: ["taps", "sigma", "sigmaWidth", "threshold"],
    build: (imageShape, options) => anisotropicBlur(imageShape, options),
    examples: [
      { imageShape: [17, 24, 3], options: {} },
      { imageShape: [20, 20, 2], options: { taps: 7, sigma: 0.7, sigmaWidth: 4, threshold: 0.1 } },
    ],
  }],
  ["deblur_kernel", {
    description: "the picture convolved with a kernel in two dimensions, a Gaussian unless one is given",
    options: ["psf", "taps", "sigma", "boundary", "threshold", "iterations"],
    build: (imageShape, { psf, taps = 61, sigma = 3, ...options }) =>
      kernelBlur("deblur_kernel", imageShape, { ...options, psf: psf ?? gaussianKernel2d(taps, sigma) }),
    examples: [
      { imageShape: [15, 22, 3], options: { taps: 5, sigma: 1.5 } },
      { imageShape: [16, 12, 1], options: { psf: SLANTED, threshold: 0.1 } },
      { imageShape: [9, 14, 2], options: { psf: SLANTED, boundary: "reflect", iterations: 4 } },
    ],
  }],
  ["deblur_motion", {
    description: "the picture blurred along the path of a shaken camera",
    options: ["taps", "intensity", "seed", "boundary", "threshold", "iterations"],
    build: (imageShape, { taps = 61, intensity = 0.5, seed = 0, ...options }) =>
      kernelBlur("deblur_motion", imageShape, { ...options, psf: motionKernel(taps, intensity, seed) }),
    examples: [
      { imageShape: [15, 22, 3], options: { taps: 9, seed: 5 } },
      { imageShape: [13, 20, 1], options: { taps: 7, intensity: 0.9, boundary: "reflect", iterations: 4 } },
    ],
  }],
  ["sr_kernel", {
    description: "every scale-th pixel of the picture convolved with a kernel in two dimensions",
    options: ["psf", "taps", "sigma", "scale", "threshold"],
    build: (imageShape, { psf, taps = 25, sigma = 1.6, threshold, ...options }) =>
      kernelDownsample("sr_kernel", imageShape, {
        psf: psf ?? gaussianKernel2d(taps, sigma),
        scale: needed("sr_kernel", options, "scale"),
        ...(threshold === undefined ? {} : { threshold }),
      }),
    examples: [
      { imageShape: [15, 21, 3], options: { scale: 3, taps: 7, sigma: 1.2 } },
      { imageShape: [16, 20, 1], options: { scale: 2, psf: SLANTED } },
      { imageShape: [20, 12, 2], options: { scale: 4, taps: 9, sigma: 5, threshold: 0.1 } },
    ],
  }],
  ["cs_hadamard", {
    description: "a share of the Walsh-Hadamard coefficients of every channel",
    options: ["ratio", "permutation", "seed"],
    build: (imageShape, options) => walshHadamard(imageShape, options),
    examples: [
      { imageShape: [16, 32, 3], options: {} },
      { imageShape: [8, 4, 1], options: { ratio: 0.6, seed: 4 } },
    ],
  }],
  ["cs_block", {
    description: "products of every block of pixels with random directions",
    options: ["block", "ratio", "seed"],
    build: (imageShape, options) => blockSensing(imageShape, options),
    examples: [
      { imageShape: [16, 24, 3], options: { block: 8 } },
      { imageShape: [9, 15, 2], options: { block: 3, ratio: 0.5, seed: 2 } },
    ],
  }],
  ["outpaint", {
    description: "the middle of the picture",
    options: ["keep"],
    build: (imageShape, options) => outpainting(imageShape, options),
    examples: [
      { imageShape: [15, 24, 3], options: {} },
      { imageShape: [7, 5, 1], options: { keep: 0.7 } },
    ],
  }],
  ["old_photo", {
    description: "a scratched, gray and small picture: known pixels, mean of the channels, mean of blocks",
    options: ["mask", "box", "missing", "seed", "scale", "inverse", "iterations"],
    build: (imageShape, { mask, box, missing, seed, ...options }) =>
      oldPhoto(imageShape, { ...options, mask: chosenMask("old_photo", imageShape, { mask, box, missing, seed }) }),
    examples: [
      { imageShape: [14, 18, 3], options: { missing: 0.3, seed: 1 } },
      { imageShape: [15, 9, 2], options: { box: { height: 7, width: 4 }, scale: 3, seed: 2 } },
      { imageShape: [14, 18, 3], options: { missing: 0.3, inverse: "factors" } },
    ],
  }],
  ["sr_gray", {
    description: "a gray and small picture: mean of the channels, mean of blocks",
    options: ["scale", "inverse", "iterations"],
    build: (imageShape, options) => graySmall(imageShape, options),
    examples: [
      { imageShape: [16, 24, 3], options: {} },
      { imageShape: [15, 9, 2], options: { scale: 3, iterations: 3 } },
    ],
  }],
  ["mri", {
    description: "some frequencies of a complex image (two channels), seen by one or more coils",
    options: ["mask", "sampling", "acceleration", "centre", "seed", "coils", "maps"],
    build: (imageShape, options) => magneticResonance(imageShape, options),
    examples: [
      { imageShape: [15, 20, 2], options: { centre: 0.2 } },
      { imageShape: [16, 12, 2], options: { sampling: "poisson_2d", acceleration: 3, seed: 1 } },
      { imageShape: [9, 14, 2], options: { sampling: "uniform_1d", coils: 3 } },
    ],
  }],
  ["mri_picture", {
    description: "some frequencies of the mean of the channels, taken for a real image, seen by one or more coils",
    options: ["mask", "sampling", "acceleration", "centre", "seed", "coils", "maps", "iterations"],
    build: (imageShape, options) => pictureResonance(imageShape, options),
    examples: [
      { imageShape: [15, 20, 3], options: { centre: 0.2 } },
      { imageShape: [16, 12, 1], options: { sampling: "poisson_2d", acceleration: 3, seed: 1 } },
      { imageShape: [8, 14, 3], options: { sampling: "gaussian_2d", acceleration: 1.5 } },
      { imageShape: [9, 14, 3], options: { sampling: "uniform_1d", coils: 3, iterations: 4 } },
    ],
  }],
  ["ct", {
    description: "sums along parallel rays, from few views or a limited arc",
    options: ["views", "arc"],
    build: (imageShape, options) => tomography(imageShape, options),
    examples: [
      { imageShape: [15, 22, 1], options: { views: 9 } },
      { imageShape: [12, 9, 3], options: { views: 7, arc: 60 } },
    ],
  }],
]);

function needed<K extends keyof OperatorOptions>(
  name: string,
  options: Pick<OperatorOptions, K>,
  key: K,
): NonNullable<OperatorOptions[K]> {
  const value = options[key];
  if (value === undefined || value === null) {
    throw new RangeError(
      `Cannot build operator "${name}": no ${key} was given, one is needed; add the option "${key}"`,
    );
  }
  return value;
}

/** The options that describe a mask, each of which may be absent. */
type MaskChoice = { readonly [K in "mask" | "box" | "missing" | "seed"]?: OperatorOptions[K] | undefined };

/** The mask that the options describe: exactly one of a mask, a box and a missing share. */
function chosenMask(
  name: string,
  imageShape: Shape,
  { mask, box, missing, seed = 0 }: MaskChoice,
): HostTensor {
  const given = [mask, box, missing].filter((choice) => choice !== undefined).length;
  if (given !== 1) {
    throw new RangeError(
      `Cannot build operator "${name}": ${given} of mask, box and missing were given, ` +
        `exactly one is needed; choose what is missing in one way`,
    );
  }
  const [height, width] = checkImageShape(name, imageShape);
  if (box !== undefined) return boxMask(height, width, box, seed);
  if (missing !== undefined) return randomMask(height, width, missing, seed);
  return mask!;
}
