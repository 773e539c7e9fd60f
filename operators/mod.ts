/** Degradations: linear maps from images to measurements, found by name, and the noise of measurements. */
import type { Shape } from "../engine/mod.ts";
import type { LinearOperator } from "./operator.ts";
import type { OperatorOptions } from "./options.ts";
import { OPERATORS } from "./register.ts";

export { type LinearOperator, project, type SpectralForm } from "./operator.ts";
export { boxMask, type MissingBox, pictureMask, randomMask } from "./masks.ts";
export type { BlurFactors } from "./published_blur.ts";
export type { BlurVariant } from "./gaussian_blur.ts";
export type { BlurBoundary } from "./kernel_blur.ts";
export { gaussianKernel2d, motionKernel } from "./kernels_2d.ts";
export { composition, type CompositionInverse, type CompositionOptions } from "./composition.ts";
export { leastSquares } from "./least_squares.ts";
export { adjointOf, type OwnOperator, ownOperator, pullBack } from "./derived.ts";
export { coilMaps } from "./mri.ts";
export { jpegNoise, type JpegOptions, type JpegTables } from "./jpeg.ts";
export { addNoise, type MeasurementNoise, NOISES } from "./noise.ts";
export { type Sampling, samplingMask, type SamplingOptions, SAMPLINGS } from "./mri_masks.ts";
export type { OperatorEntry, OperatorExample, OperatorOptions } from "./options.ts";
export { OPERATORS } from "./register.ts";

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
