/** Degradations: linear maps from images to measurements, found by name, and the noise of measurements. */
import type { Shape } from "../engine/mod.ts";
import { NONLINEAR_OPERATORS } from "./nonlinear_register.ts";
import type { LinearOperator, Operator } from "./operator.ts";
import type { OperatorOptions } from "./options.ts";
import { OPERATORS } from "./register.ts";

export {
  type Degradation,
  estimate,
  isLinear,
  type LinearOperator,
  type NonlinearOperator,
  type Operator,
  project,
  type SpectralForm,
} from "./operator.ts";
export { boxMask, type MissingBox, pictureMask, randomMask } from "./masks.ts";
export { cubic } from "./bicubic_downsample.ts";
export type { BlurFactors } from "./published_blur.ts";
export type { BlurVariant } from "./gaussian_blur.ts";
export type { BlurBoundary } from "./kernel_blur.ts";
export { gaussianKernel2d, motionKernel } from "./kernels_2d.ts";
export { composition, type CompositionInverse, type CompositionOptions } from "./composition.ts";
export { leastSquares } from "./least_squares.ts";
export { adjointOf, type OwnOperator, ownOperator, pullBack } from "./derived.ts";
export { type BlurLayer, type BlurNetwork, smearingLights } from "./blur_network.ts";
export { NONLINEAR_OPERATORS, type NonlinearEntry } from "./nonlinear_register.ts";
export { coilMaps } from "./mri.ts";
export { jpegNoise, type JpegOptions, type JpegTables } from "./jpeg.ts";
export { addNoise, type MeasurementNoise, NOISES } from "./noise.ts";
export { type Sampling, samplingMask, type SamplingOptions, SAMPLINGS } from "./mri_masks.ts";
export type { OperatorEntry, OperatorExample, OperatorOptions } from "./options.ts";
export { OPERATORS } from "./register.ts";

/**
 * Builds a linear operator by its name in the register.
 * @param name a name of `OPERATORS`
 * @param imageShape [H, W, C]
 * @param options parameters that the operator takes; undefined ones count as absent
 * @throws {RangeError} if there is no such operator, a parameter is needed, not taken or out of range
 * @throws {TypeError} if a shape does not fit
 */
export function createOperator(name: string, imageShape: Shape, options: OperatorOptions = {}): LinearOperator {
  return built(OPERATORS, name, imageShape, options);
}

/**
 * Builds an operator by its name in one of the registers.
 * @param name a name of `OPERATORS` or `NONLINEAR_OPERATORS`
 * @param imageShape [H, W, C]
 * @param options parameters that the operator takes; undefined ones count as absent
 * @throws {RangeError} if there is no such operator, a parameter is needed, not taken or out of range
 * @throws {TypeError} if a shape does not fit
 */
export function createDegradation(name: string, imageShape: Shape, options: OperatorOptions = {}): Operator {
  return built(new Map<string, Entry<Operator>>([...OPERATORS, ...NONLINEAR_OPERATORS]), name, imageShape, options);
}

/** What building takes from an entry of a register. */
interface Entry<A> {
  readonly options: readonly (keyof OperatorOptions)[];
  build(imageShape: Shape, options: OperatorOptions): A;
}

function built<A>(
  register: ReadonlyMap<string, Entry<A>>,
  name: string,
  imageShape: Shape,
  options: OperatorOptions,
): A {
  const entry = register.get(name);
  if (!entry) {
    const known = Array.from(register.keys()).join(", ");
    throw new RangeError(
      `Cannot build operator "${name}": there is none of that name, one of ${known} is needed; choose one of them`,
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
