/** The register of degradations: one entry for each, found by name. */
import type { HostTensor, Shape } from "../engine/mod.ts";
import { averageDownsample } from "./average_downsample.ts";
import { bicubicDownsample } from "./bicubic_downsample.ts";
import { colorization } from "./colorization.ts";
import { type BlurVariant, gaussianBlur, type GaussianBlurOptions } from "./gaussian_blur.ts";
import { identity } from "./identity.ts";
import { inpainting } from "./inpainting.ts";
import { boxMask, type MissingBox, randomMask } from "./masks.ts";
import { checkImageShape, type LinearOperator } from "./operator.ts";

export { type LinearOperator, project, type SpectralForm } from "./operator.ts";
export { boxMask, type MissingBox, pictureMask, randomMask } from "./masks.ts";
export type { BlurFactors } from "./published_blur.ts";
export type { BlurVariant };

/** Parameters of all operators; each entry of the register lists those that it takes. */
export interface OperatorOptions extends GaussianBlurOptions {
  /** Reduction along each side, for super-resolution. */
  readonly scale?: number;
  /** One weight per channel, for colorization. */
  readonly weights?: readonly number[];
  /** 1 where the picture is known, 0 where it is missing, [H, W], [H, W, 1] or [H, W, C], for inpainting. */
  readonly mask?: HostTensor;
  /** A missing box, for inpainting. */
  readonly box?: MissingBox;
  /** Share of missing pixels, 0 to 1, for inpainting. */
  readonly missing?: number;
  /** Seed of a box without a corner and of missing pixels, an integer from 0 to 2^32 - 1; default 0. */
  readonly seed?: number;
}

/** A small case for the law tests. */
export interface OperatorExample {
  readonly imageShape: Shape;
  readonly options: OperatorOptions;
}

/** One degradation of the register. */
export interface OperatorEntry {
  /** What it measures, in a line. */
  readonly description: string;
  /** The parameters it takes. */
  readonly options: readonly (keyof OperatorOptions)[];
  /** Builds it for images of one shape [H, W, C]. */
  build(imageShape: Shape, options: OperatorOptions): LinearOperator;
  /** Small odd cases for the law tests. */
  readonly examples: readonly OperatorExample[];
}

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
    build: (imageShape, options) => inpainting(imageShape, { mask: chosenMask(imageShape, options) }),
    examples: [
      { imageShape: [16, 24, 3], options: { box: { height: 8, width: 9 }, seed: 3 } },
      { imageShape: [7, 5, 3], options: { missing: 0.92, seed: 1 } },
    ],
  }],
  ["deblur_gauss", {
    description: "the picture blurred by a separable kernel, a Gaussian unless one is given",
    options: ["variant", "taps", "sigma", "kernel", "permutation", "factors", "threshold"],
    build: (imageShape, options) => gaussianBlur(imageShape, options),
    examples: [
      { imageShape: [16, 24, 3], options: {} },
      { imageShape: [33, 20, 1], options: { taps: 5, sigma: 1.5, threshold: 0.15 } },
      { imageShape: [24, 24, 3], options: { variant: "published" } },
      { imageShape: [16, 25, 2], options: { variant: "published", kernel: [0.2, 0.5, 0.3] } },
      { imageShape: [32, 16, 3], options: { variant: "published_matched" } },
    ],
  }],
  ["identity", {
    description: "the picture itself",
    options: [],
    build: (imageShape) => identity(imageShape),
    examples: [{ imageShape: [16, 24, 3], options: {} }],
  }],
]);

/**
 * Builds an operator by its name in the register.
 * @param name a name of `OPERATORS`
 * @param imageShape [H, W, C]
 * @param options parameters that the operator takes; undefined ones count as absent
 * @throws {RangeError} if there is no such operator, a parameter is needed, not taken or out of range
 * @throws {TypeError} if a shape does not fit
 */
export function createOperator(name: string, imageShape: Shape, options: OperatorOptions = {}): LinearOperator {
  const entry = OPERATORS.get(name);
  if (!entry) {
    throw new RangeError(
      `Cannot build operator "${name}": there is none of that name, one of ${
        Array.from(OPERATORS.keys()).join(", ")
      } ` +
        `is needed; choose one of them`,
    );
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined).map(([key]) => key);
  const foreign = given.find((key) => !entry.options.some((known) => known === key));
  if (foreign !== undefined) {
    throw new RangeError(
      `Cannot build operator "${name}": it does not take "${foreign}", ` +
        `it takes ${entry.options.length > 0 ? entry.options.join(", ") : "no options"}; leave "${foreign}" out`,
    );
  }
  return entry.build(imageShape, options);
}

function needed<K extends keyof OperatorOptions>(
  name: string,
  options: OperatorOptions,
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

/** The mask that the options describe: exactly one of a mask, a box and a missing share. */
function chosenMask(imageShape: Shape, { mask, box, missing, seed = 0 }: OperatorOptions): HostTensor {
  const given = [mask, box, missing].filter((choice) => choice !== undefined).length;
  if (given !== 1) {
    throw new RangeError(
      `Cannot build operator "inpaint": ${given} of mask, box and missing were given, ` +
        `exactly one is needed; choose what is missing in one way`,
    );
  }
  const [height, width] = checkImageShape("inpaint", imageShape);
  if (box !== undefined) return boxMask(height, width, box, seed);
  if (missing !== undefined) return randomMask(height, width, missing, seed);
  return mask!;
}
