/** How two images become numbers to be compared: range, rounding, channels and border, by the habits of the field. */
import { elementCount, formatShape, type Shape } from "../engine/mod.ts";

/**
 * How values become 8-bit values, all limited to 0..255 first. `none`: they stay as they are. `round`: to nearest, ties
 * up, floor(v + 1/2), as torchvision saves pictures. `half-even`: to nearest, ties to even, as NumPy and PyTorch round.
 * `floor`: fractions cut off, as a cast to an integer type does; what the programs behind many published tables do.
 */
export type Rounding = "none" | "round" | "half-even" | "floor";

/**
 * Which channels are compared. `all`: those of the image. `luma`: of red, green and blue in 0..255 the one value
 * 16 + (65.481 R + 128.553 G + 24.966 B) / 255 (ITU-R BT.601), peak 255, as BasicSR computes it. `rounded-luma`: the
 * same, rounded to nearest, as MATLAB's rgb2ycbcr does for 8-bit pictures. Gray pictures are compared as they are.
 */
export type ComparedChannels = "all" | "luma" | "rounded-luma";

/** How images are compared. */
export interface ComparisonOptions {
  /** Shape of both images, [H, W, C]. */
  readonly shape: Shape;
  /** Values of black and white; default [-1, 1]. */
  readonly range?: readonly [low: number, high: number];
  /** Default "none". */
  readonly rounding?: Rounding;
  /** Whether values outside the range are limited to it where they are not rounded; default false. */
  readonly clamp?: boolean;
  /** Whether each image is first stretched so that its least value is black and its greatest white; default false. */
  readonly stretch?: boolean;
  /** Default "all". */
  readonly channels?: ComparedChannels;
  /** Pixels left out along every edge, at least 0; default 0. Some super-resolution tables leave out the scale. */
  readonly border?: number;
}

/** Values to be compared, black being 0, and the value of white. */
export interface ComparedImages {
  readonly left: Float64Array;
  readonly right: Float64Array;
  /** What is left of the images, [H, W, C]. */
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly peak: number;
}

/**
 * Brings two images to the unit in which they are compared: stretched, limited and rounded, reduced to luma, cropped, in
 * this order.
 * @param metric name for messages
 * @param a image [H, W, C]
 * @param b image [H, W, C]
 * @throws {TypeError} if an image does not have the shape, or luma is asked for of other than 1 or 3 channels;
 *   {RangeError} if white is not above black, or the border leaves nothing
 */
export function comparedImages(
  metric: string,
  a: Float32Array,
  b: Float32Array,
  options: ComparisonOptions,
): ComparedImages {
  const { shape, range: [low, high] = [-1, 1], channels: compared = "all", border = 0 } = options;
  const [height, width, channels] = checkImages(metric, a, b, shape);
  if (!(high > low)) {
    throw new RangeError(`Cannot compare images: black is ${low} and white is ${high}, white must be above black`);
  }
  if (!Number.isInteger(border) || border < 0 || 2 * border >= Math.min(height, width)) {
    throw new RangeError(
      `Cannot compute ${metric}: the border is ${border} pixels, an integer of at least 0 that leaves something of ` +
        `${height} x ${width} pixels is needed`,
    );
  }
  const isLuma = compared !== "all" && channels !== 1;
  if (isLuma && channels !== 3) {
    throw new TypeError(`Cannot compute ${metric}: luma is asked for of ${channels} channels, 1 or 3 are needed`);
  }
  const [left, right] = [a, b].map((image) => {
    const values = valuesOf(image, options);
    const whole = isLuma ? luma(values, peakOf(options), compared === "rounded-luma") : values;
    return cropped(whole, [height, width, isLuma ? 1 : channels], border);
  });
  return {
    left: left!,
    right: right!,
    shape: [height - 2 * border, width - 2 * border, isLuma ? 1 : channels],
    peak: isLuma ? 255 : peakOf(options),
  };
}

/**
 * Makes sure that two images have this shape.
 * @param metric name for the message
 * @param shape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image, or an image has another number of values
 */
export function checkImages(
  metric: string,
  a: Float32Array,
  b: Float32Array,
  shape: Shape,
): readonly [number, number, number] {
  const [height = 0, width = 0, channels = 0] = shape;
  if (shape.length !== 3 || elementCount(shape) === 0) {
    throw new TypeError(`Cannot compute ${metric}: the shape is ${formatShape(shape)}, [H, W, C] is needed`);
  }
  if (a.length !== elementCount(shape) || b.length !== elementCount(shape)) {
    throw new TypeError(
      `Cannot compute ${metric} of shape ${formatShape(shape)}: the images have ${a.length} and ${b.length} values, ` +
        `${elementCount(shape)} are needed`,
    );
  }
  return [height, width, channels];
}

/** White over black: 255 where values are rounded, 1 where they are stretched, else the length of the range. */
function peakOf({ range: [low, high] = [-1, 1], rounding = "none", stretch = false }: ComparisonOptions): number {
  return rounding !== "none" ? 255 : stretch ? 1 : high - low;
}

/** Half an f32 step of 8-bit values: without it a cut would turn some k of 2 k / 255 - 1 into k - 1. */
const FLOOR_SLACK = 255 * 2 ** -23;

const WHOLE: Readonly<Record<Exclude<Rounding, "none">, (value: number) => number>> = {
  "round": Math.round,
  "half-even": (value) => {
    const down = Math.floor(value);
    const isTie = value - down === 0.5;
    return isTie ? down + down % 2 : Math.round(value);
  },
  "floor": (value) => Math.floor(value + FLOOR_SLACK),
};

function valuesOf(
  image: Float32Array,
  { range: [low, high] = [-1, 1], rounding = "none", clamp = false, stretch = false }: ComparisonOptions,
): Float64Array {
  let [black, white] = [low, high];
  if (stretch) {
    black = image.reduce((least, value) => Math.min(least, value), Infinity);
    white = image.reduce((greatest, value) => Math.max(greatest, value), -Infinity);
    if (white === black) white = black + 1; // a flat image becomes black
  }
  const peak = rounding !== "none" ? 255 : stretch ? 1 : white - black;
  const share = peak === white - black ? 1 : peak / (white - black);
  const limited = (value: number): number => Math.min(Math.max(value, 0), peak);
  // Not by Float64Array.from: it makes a list of all numbers first, gigabytes for a photograph.
  const values = new Float64Array(image.length);
  const whole = rounding === "none" ? undefined : WHOLE[rounding];
  for (let i = 0; i < values.length; i++) {
    const value = image[i]! - black;
    if (whole) values[i] = limited(whole(limited(255 * value / (white - black))));
    else values[i] = clamp ? limited(value * share) : value * share;
  }
  return values;
}

function luma(values: Float64Array, peak: number, isRounded: boolean): Float64Array {
  return Float64Array.from({ length: values.length / 3 }, (_, pixel) => {
    const [red, green, blue] = values.subarray(3 * pixel, 3 * pixel + 3) as unknown as [number, number, number];
    const value = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / peak;
    return isRounded ? Math.round(value) : value;
  });
}

function cropped(
  values: Float64Array,
  [height, width, channels]: readonly [number, number, number],
  border: number,
): Float64Array {
  if (border === 0) return values;
  const across = (width - 2 * border) * channels;
  const inner = new Float64Array((height - 2 * border) * across);
  for (let row = border; row < height - border; row++) {
    const begin = (row * width + border) * channels;
    inner.set(values.subarray(begin, begin + across), (row - border) * across);
  }
  return inner;
}
