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

/** A picture under strokes has at least this part of its pixels between the ends; a mask has less. */
const LEAST_BETWEEN = 0.1;

/** Strokes are of a colour whose channels differ by this much of 255, which scenes seldom have. */
const SATURATED = 190;

/** Least part of the pixels that strokes cover, and of all that are so saturated. */
const STROKES = { picture: 0.001, saturated: 0.8 };

/** Largest distance of colours that lossy coding or smoothing makes of one, of 255. */
const SAME_COLOUR = 40;

/** Part of the pixels beside the exact colour that are near to it where edges are smooth or the coding lossy. */
const SMOOTH_PART = 0.02;

/**
 * Reads a picture as a mask, whatever its two values are: the luma, on white where it is transparent, is cut in the
 * middle between its smallest and largest value. Where colours differ and transparency has the two values, it is the mask,
 * and transparent pixels are missing. In a scene with strokes of one saturated colour the strokes are missing.
 *
 * @param image The mask as a picture.
 * @param keep Which of the two values is known: the brighter or the darker one.
 * @returns Known pixels, both readings, and what should be said of them.
 * @throws RangeError If no pixel is known, or the picture looks like a scene.
 */
export function readAsMask(image: Image, keep: "white" | "black"): MaskReading {
  const notes: string[] = [];
  const values = maskValues(image, notes);
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const full = 2 ** image.bitDepth - 1;
  if (low === high) return uniformMask(image, 2 * low > full ? "white" : "black", keep);
  const range = high - low;
  const isFar = (value: number): boolean => value > low + NEAR_END * range && value < high - NEAR_END * range;
  let [between, far] = [0, 0];
  for (const value of values) {
    if (value > low && value < high) between++;
    if (isFar(value)) far++;
  }
  const strokes = far > LEAST_BETWEEN * values.length ? strokeColour(image) : undefined;
  if (strokes !== undefined) {
    const reading = readColourMask(image, strokes, [`the mask is what is painted in ${strokes}`]);
    const under = values.filter((value, pixel) => reading.data[pixel] === 1 && isFar(value)).length;
    if (under > LEAST_BETWEEN * values.length) return reading;
  }
  if (far > (1 - LEAST_NEAR) * values.length) {
    throw new RangeError(
      `it looks like a picture and not like a mask: ${
        percent(far / values.length)
      } of its pixels are neither dark nor ` +
        "bright; make it black and white, or give --mask-colour COLOUR if it is painted over in one colour",
    );
  }
  if (far > 0) {
    notes.push(
      `the mask is not two-valued: ${far} of ${values.length} pixels are neither black nor white and were cut at half`,
    );
  }
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
      `the mask replaces ${percent(share)} of the picture (${keep} is kept); with ${other} kept (--mask-keep ` +
        `${other}) it would be ${percent(1 - share)}`,
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

/**
 * Reads a picture as a mask whose missing pixels were painted in one colour.
 *
 * @param image The picture with strokes, or strokes alone.
 * @param colour As of `maskFromColour`.
 * @param notes Clauses for the user that go along.
 * @returns Known pixels; they count as white.
 * @throws RangeError As `maskFromColour`.
 */
export function readColourMask(image: Image, colour: string, notes: readonly string[] = []): MaskReading {
  const known = maskFromColour(image, colour);
  return {
    ...known,
    reading: { keep: "white", missing: known.share },
    otherReading: { keep: "black", missing: 1 - known.share },
    twoValued: false,
    notes,
  };
}

/** A mask that keeps every pixel, which is said; one that keeps none is refused. */
function uniformMask({ width, height }: Image, colour: "white" | "black", keep: "white" | "black"): MaskReading {
  const other = keep === "white" ? "black" : "white";
  const found = `it is ${colour} everywhere: with ${colour} kept it keeps every pixel, with ${
    colour === "white" ? "black" : "white"
  } kept none`;
  if (colour !== keep) throw new RangeError(`${found} (--mask-keep ${other} is the other reading); draw the hole`);
  return {
    ...{ width, height, data: new Float32Array(width * height).fill(1), share: 0, twoValued: true },
    reading: { keep, missing: 0 },
    otherReading: { keep: other, missing: 1 },
    notes: [`the mask marks nothing as missing: ${found}`],
  };
}

/** The values of which a mask is cut: luma on white, or opacity. */
function maskValues(image: Image, notes: string[]): Samples | Float64Array {
  const { alpha } = image;
  const full = 2 ** image.bitDepth - 1;
  const luma = grayImage(image).samples;
  if (!alpha || alpha.every((value) => value === full)) return luma;
  const colours = opaqueColours(image, alpha);
  const opaque = alpha.filter((value) => 2 * value > full).length;
  if (colours.size > 2 || (colours.size === 1 && 2 * opaque > alpha.length)) {
    notes.push("the mask is taken from the transparency: transparent pixels are missing");
    return alpha;
  }
  // Strokes on a clear layer: white ones are seen on black, dark and coloured ones on white.
  const bright = colours.size === 1 && isWhitish(image, [...colours.values()][0]!);
  if (bright) notes.push("the mask has white strokes on a clear layer, which is taken as black");
  return Float64Array.from(luma, (value, pixel) => {
    const opacity = alpha[pixel]! / full;
    return value * opacity + (bright ? 0 : full) * (1 - opacity);
  });
}

/** Whether a pixel is nearer to white than to black or to a colour. */
function isWhitish({ samples, channels, bitDepth }: Image, pixel: number): boolean {
  const colour = samples.subarray(pixel * channels, (pixel + 1) * channels);
  return 2 * Math.min(...colour) > 2 ** bitDepth - 1;
}

/** Colours of opaque pixels, each with the first pixel that has it; at most three, for more do not count. */
function opaqueColours({ samples, channels, bitDepth }: Image, alpha: Samples): ReadonlyMap<number, number> {
  const half = (2 ** bitDepth - 1) / 2;
  const colours = new Map<number, number>();
  for (let pixel = 0; pixel < alpha.length && colours.size < 3; pixel++) {
    if (alpha[pixel]! <= half) continue;
    let colour = 0;
    for (let c = 0; c < channels; c++) colour = colour * 65536 + samples[pixel * channels + c]!;
    if (!colours.has(colour)) colours.set(colour, pixel);
  }
  return colours;
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
 * @returns Pixels of that colour are missing; where edges are smooth or the coding was lossy also those beside them.
 * @throws RangeError If there is no such colour, or no pixel or every pixel has it.
 */
export function maskFromColour(image: Image, colour: string): KnownPixels {
  const { width, height, channels, samples } = image;
  const wanted = rgbOf(colour);
  const scale = 255 / (2 ** image.bitDepth - 1);
  const distance = new Float64Array(width * height);
  for (let pixel = 0; pixel < distance.length; pixel++) {
    for (let c = 0; c < 3; c++) {
      const value = samples[pixel * channels + (channels === 3 ? c : 0)]! * scale;
      distance[pixel] = Math.max(distance[pixel]!, Math.abs(value - wanted[c]!));
    }
  }
  const painted = distance.filter((value) => value <= SAME_COLOUR).length;
  if (painted === 0) {
    const nearest = distance.reduce((a, b) => Math.min(a, b));
    throw new RangeError(`no pixel is ${colour}: the nearest differs by ${Math.round(nearest)} of 255 levels`);
  }
  const exact = distance.map((value) => value === 0 ? 1 : 0);
  let [beside, near] = [0, 0];
  for (let pixel = 0; pixel < exact.length; pixel++) {
    if (exact[pixel] === 1 || !isBeside(exact, pixel, width, height)) continue;
    beside++;
    if (distance[pixel]! <= SAME_COLOUR) near++;
  }
  // A hard brush, saved without loss, leaves the exact colour and beside it what was there.
  const hard = exact.includes(1) && near <= SMOOTH_PART * beside;
  const hole = hard ? exact : distance.map((value) => value <= SAME_COLOUR ? 1 : 0);
  const data = Float32Array.from(
    hole,
    (value, pixel) => value === 1 || (!hard && isBeside(hole, pixel, width, height)) ? 0 : 1,
  );
  return checked({ width, height }, data, `it is ${colour} everywhere`);
}

/** The saturated colour, hexadecimal, that strokes over a picture have; undefined if no single one stands out. */
function strokeColour({ channels, samples, bitDepth }: Image): string | undefined {
  if (channels !== 3) return undefined;
  const counts = new Map<number, number>();
  for (let i = 0; i < samples.length; i += 3) {
    const [r, g, b] = [0, 1, 2].map((c) => samples[i + c]! >> (bitDepth - 8)) as [number, number, number];
    if (Math.max(r, g, b) - Math.min(r, g, b) < SATURATED) continue;
    const colour = r << 16 | g << 8 | b;
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const [colour] = [...counts].reduce((a, b) => b[1] > a[1] ? b : a, [0, 0]);
  let [saturated, alike] = [0, 0];
  for (const [other, count] of counts) {
    saturated += count;
    const apart = [16, 8, 0].map((shift) => Math.abs((other >> shift & 255) - (colour >> shift & 255)));
    if (Math.max(...apart) <= SAME_COLOUR) alike += count;
  }
  const least = Math.max(1, STROKES.picture * samples.length / 3, STROKES.saturated * saturated);
  return alike < least ? undefined : `#${colour.toString(16).padStart(6, "0")}`;
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

/** A part of a whole, 0 to 1, in words: `5.6 %`, `12 %`. */
export function percent(part: number): string {
  return `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`;
}
