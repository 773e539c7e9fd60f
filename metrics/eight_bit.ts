/** How images become numbers to be compared: unrounded, or as the 8-bit values a file would hold. */

/** Whether values are compared unrounded and unclamped ("none"), or clamped and rounded or truncated to 0..255. */
export type Rounding = "none" | "round" | "floor";

/** What image values mean. */
export interface ValueOptions {
  /** Values of black and white; default [-1, 1]. */
  readonly range?: readonly [low: number, high: number];
  /** Default "none". Truncation is what the programs behind many published tables do. */
  readonly rounding?: Rounding;
}

/** Values to be compared, black being 0, and the value of white. */
export interface ComparableValues {
  readonly values: Float64Array;
  readonly peak: number;
}

/**
 * Brings an image to the unit in which it is compared.
 * @throws {RangeError} if white is not above black
 */
export function comparableValues(
  image: Float32Array,
  { range: [low, high] = [-1, 1], rounding = "none" }: ValueOptions,
): ComparableValues {
  if (!(high > low)) {
    throw new RangeError(`Cannot compare images: black is ${low} and white is ${high}, white must be above black`);
  }
  if (rounding === "none") return { values: Float64Array.from(image, (v) => v - low), peak: high - low };
  const whole = rounding === "round" ? Math.round : Math.floor;
  const toByte = (v: number): number => whole(Math.min(Math.max(255 * (v - low) / (high - low), 0), 255));
  return { values: Float64Array.from(image, toByte), peak: 255 };
}
