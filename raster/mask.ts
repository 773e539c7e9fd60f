/** Pictures as masks: which pixels are known, told from the content and not from exact values. */
import type { Image, Samples } from "./image.ts";
import { grayImage } from "./pixels.ts";

/** Known and missing pixels of a picture. */
export interface KnownPixels {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** [H, W]: 1 known, 0 missing. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Part of the pixels that is missing, 0 to 1. */
  readonly share: number;
}

/** A picture read as a mask. */
export interface MaskReading extends KnownPixels {
  /** What was taken as known. */
  readonly reading: { readonly keep: "white" | "black"; readonly missing: number };
  /** What the other convention would make missing. */
  readonly otherReading: { readonly keep: "white" | "black"; readonly missing: number };
  /** True if the picture holds two values only. */
  readonly twoValued: boolean;
  /** Clauses for the user. */
  readonly notes: readonly string[];
}

/** Values this near to an end of the range, as a part of it, are the end with the noise of a lossy coder. */
const NEAR_END = 0.1;

/** A mask has at least this part of its pixels near the ends; the picture of a scene has less. */
const LEAST_NEAR = 0.5;

/** Distance of colours that JPEG makes of one, and of colours that it mixes at an edge, of 255. */
const SAME_COLOUR = 40;
const MIXED_COLOUR = 128;

/**
 * Reads a picture as a mask, whatever its two values are: the luma, on white where it is transparent, is cut in the
 * middle between its smallest and largest value. Where colours differ and transparency has the two values, it is the mask,
 * and transparent pixels are missing.
 *
 * @param image The mask as a picture.
 * @param keep Which of the two values is known: the brighter or the darker one.
 * @returns Known pixels, both readings, and what should be said of them.
 * @throws RangeError If the picture has one value only, or looks like a scene.
 */
export function readAsMask(image: Image, keep: "white" | "black"): MaskReading {
  const notes: string[] = [];
  const values = maskValues(image, notes);
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low === high) throw new RangeError(`it has one value everywhere, so it keeps every pixel or none: draw the hole`);
  const range = high - low;
  let [between, far] = [0, 0];
  for (const value of values) {
    const at = (value - low) / range;
    if (at > 0 && at < 1) between++;
    if (at > NEAR_END && at < 1 - NEAR_END) far++;
  }
  if (far > (1 - LEAST_NEAR) * values.length) {
    throw new RangeError(
      `it looks like a picture and not like a mask: ${
        percent(far / values.length)
      } of its pixels are neither dark nor ` +
        "bright; make it black and white",
    );
  }
  if (far > 0) {
    notes.push(
      `the mask is not two-valued: ${far} of ${values.length} pixels are neither black nor white and were cut at half`,
    );
  }
  const full = 2 ** image.bitDepth - 1;
  if (range < 0.9 * full && image.channels === 1 && !image.alpha) {
    notes.push(`the mask has the values ${low} and ${high} of ${full}, taken as black and white`);
  }
  const data = new Float32Array(values.length);
  let known = 0;
  for (let pixel = 0; pixel < data.length; pixel++) {
    const white = 2 * values[pixel]! > low + high;
    data[pixel] = white === (keep === "white") ? 1 : 0;
    known += data[pixel]!;
  }
  const share = 1 - known / data.length;
  const other = keep === "white" ? "black" : "white";
  if (share > 0.5) {
    notes.push(
      `the mask replaces ${percent(share)} of the picture (${keep} is kept); with ${other} kept it would be ` +
        percent(1 - share),
    );
  }
  return {
    width: image.width,
    height: image.height,
    data,
    share,
    reading: { keep, missing: share },
    otherReading: { keep: other, missing: 1 - share },
    twoValued: between === 0,
    notes,
  };
}

/** The values of which a mask is cut: luma on white, or opacity. */
function maskValues(image: Image, notes: string[]): Samples | Float64Array {
  const { alpha, samples, channels } = image;
  const full = 2 ** image.bitDepth - 1;
  const luma = grayImage(image).samples;
  if (!alpha || alpha.every((value) => value === full)) return luma;
  const opaque = [...luma.keys()].filter((pixel) => 2 * alpha[pixel]! > full);
  const colours = new Set(opaque.map((pixel) => samples.subarray(pixel * channels, (pixel + 1) * channels).join()));
  if (colours.size > 2) {
    notes.push("the mask is taken from the transparency: transparent pixels are missing");
    return alpha;
  }
  // Strokes on a clear layer: bright ones are seen on black, all others on white.
  const bright = colours.size === 1 && 2 * luma[opaque[0]!]! > full;
  if (bright) notes.push("the mask has bright strokes on a clear layer, which is taken as black");
  return Float64Array.from(luma, (value, pixel) => {
    const opacity = alpha[pixel]! / full;
    return value * opacity + (bright ? 0 : full) * (1 - opacity);
  });
}

/**
 * The mask that a picture carries in its transparency.
 *
 * @param image The picture.
 * @returns Pixels less opaque than half are missing; nothing if there are none.
 * @throws RangeError If all are.
 */
export function maskFromAlpha(image: Image): KnownPixels | undefined {
  const { width, height, alpha } = image;
  const half = (2 ** image.bitDepth - 1) / 2;
  if (!alpha?.some((value) => value < half)) return undefined;
  return checked(
    { width, height },
    Float32Array.from(alpha, (value) => value < half ? 0 : 1),
    "it is transparent everywhere",
  );
}

/** Names that colours may be given by. */
const COLOURS: Readonly<Record<string, string>> = {
  red: "ff0000",
  green: "00ff00",
  lime: "00ff00",
  blue: "0000ff",
  yellow: "ffff00",
  magenta: "ff00ff",
  cyan: "00ffff",
  white: "ffffff",
  black: "000000",
};

/**
 * The mask that somebody painted into a picture in one colour.
 *
 * @param image The picture.
 * @param colour A name (red, green, blue, yellow, magenta, cyan, white, black) or hexadecimal, as `#ff0000` or `#f00`.
 * @returns Pixels of that colour are missing; after a lossy coder also what it mixed of the colour and its surroundings.
 * @throws RangeError If there is no such colour, or no pixel or every pixel has it.
 */
export function maskFromColour(image: Image, colour: string): KnownPixels {
  const { width, height, channels, samples } = image;
  const wanted = rgbOf(colour);
  const scale = 255 / (2 ** image.bitDepth - 1);
  const distance = Float64Array.from(
    { length: width * height },
    (_, pixel) =>
      Math.max(
        ...wanted.map((value, c) => Math.abs(samples[pixel * channels + (channels === 3 ? c : 0)]! * scale - value)),
      ),
  );
  const painted = distance.filter((value) => value <= SAME_COLOUR).length;
  if (painted === 0) {
    const nearest = Math.min(...[...new Set(distance)]);
    throw new RangeError(`no pixel is ${colour}: the nearest differs by ${Math.round(nearest)} of 255 levels`);
  }
  // A drawing program without smoothing, saved without loss, leaves the exact colour and nothing near it.
  const exact = distance.filter((value) => value === 0).length > 0.95 * painted;
  const hole = distance.map((value) => value <= (exact ? 0 : SAME_COLOUR) ? 1 : 0);
  const data = Float32Array.from(hole, (value, pixel) => {
    const edge = !exact && distance[pixel]! <= MIXED_COLOUR && isBeside(hole, pixel, width, height);
    return value === 1 || edge ? 0 : 1;
  });
  return checked({ width, height }, data, `it is ${colour} everywhere`);
}

/** Whether one of the eight neighbours is set. */
function isBeside(set: Float64Array, pixel: number, width: number, height: number): boolean {
  const [x, y] = [pixel % width, Math.floor(pixel / width)];
  for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
    for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
      if (set[row * width + column] === 1) return true;
    }
  }
  return false;
}

function rgbOf(colour: string): readonly number[] {
  const digits = (COLOURS[colour.toLowerCase()] ?? colour.replace(/^#/, "")).replace(/^(.)(.)(.)$/, "$1$1$2$2$3$3");
  if (!/^[0-9a-f]{6}$/i.test(digits)) {
    const names = Object.keys(COLOURS).join(", ");
    throw new RangeError(`"${colour}" is no colour: ${names} or hexadecimal such as #ff0000 is needed`);
  }
  return [0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16));
}

function checked(
  size: { readonly width: number; readonly height: number },
  data: Float32Array<ArrayBuffer>,
  uniform: string,
): KnownPixels {
  const share = data.filter((value) => value === 0).length / data.length;
  if (share === 1) throw new RangeError(`${uniform}, so no pixel is known`);
  return { ...size, data, share };
}

function percent(part: number): string {
  return `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`;
}
