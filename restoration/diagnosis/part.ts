/** The part of a picture on which readings are tried. */
import { hostTensor } from "../../engine/mod.ts";
import { crop, type Raster, type Rectangle, rgbToGray, type Size } from "../../raster/mod.ts";
import type { PictureSource } from "../prepare.ts";

/** Blocks of a compression, with colours of half the resolution, repeat after so many pixels; so does a part. */
export const BLOCKS = 16;

/** EXIF orientations that turn rows or columns round: there blocks begin at the right or at the lower end. */
const FROM_RIGHT: readonly number[] = [2, 3, 6, 7];
const FROM_BELOW: readonly number[] = [3, 4, 7, 8];

/** A part with more missing pixels than this shows too little else. */
const MOST_MISSING = 0.5;

/**
 * The square that shows the most: the one with the largest sum of squared differences of neighbouring pixels, of those
 * with missing pixels where there are any. Its blocks of 16 pixels are those of the picture.
 * @param picture [H, W, C]
 * @param side of the square, a multiple of 16; shorter sides of the picture are taken whole
 * @param orientation EXIF orientation by which the picture was turned, where it comes from a JPEG file
 * @param known [H, W], 0 where pixels are missing
 */
export function richestPart(
  picture: Raster,
  side: number,
  { orientation = 1, known }: {
    readonly orientation?: number | undefined;
    readonly known?: ArrayLike<number> | undefined;
  } = {},
): Rectangle {
  const gray = picture.channels === 3 ? rgbToGray(picture) : picture;
  const columns = startsOf(picture.width, side, FROM_RIGHT.includes(orientation));
  const rows = startsOf(picture.height, side, FROM_BELOW.includes(orientation));
  const [width, height] = [Math.min(side, picture.width), Math.min(side, picture.height)];
  const all = rows.flatMap((y) => columns.map((x): Rectangle => ({ x, y, width, height })));
  const missing = all.map((part) => known ? missingShare(known, picture.width, part) : 0);
  const torn = all.filter((_, k) => missing[k]! > 0 && missing[k]! <= MOST_MISSING);
  const parts = torn.length > 0 ? torn : all;
  const shown = parts.map((part) => structureOf(gray, part));
  return parts[shown.indexOf(Math.max(...shown))]!;
}

/** Places where a part may begin: steps of half its side, and the last one, rounded to blocks. */
function startsOf(length: number, side: number, isReversed: boolean): readonly number[] {
  if (length <= side) return [0];
  const first = isReversed ? length % BLOCKS : 0;
  const last = first + Math.floor((length - side - first) / BLOCKS) * BLOCKS;
  // Less than a block is left beside a part.
  if (last < first) return [0];
  const step = Math.max(BLOCKS, Math.floor(side / 2 / BLOCKS) * BLOCKS);
  const count = Math.ceil((last - first) / step);
  return Array.from({ length: count + 1 }, (_, k) => Math.min(first + k * step, last));
}

/** The part of the pixels of a rectangle that is missing. */
function missingShare(known: ArrayLike<number>, columns: number, { x, y, width, height }: Rectangle): number {
  let count = 0;
  for (let row = y; row < y + height; row++) {
    for (let column = x; column < x + width; column++) if (known[row * columns + column] === 0) count++;
  }
  return count / (width * height);
}

function structureOf({ width, data }: Raster, part: Rectangle): number {
  let sum = 0;
  for (let y = part.y + 1; y < part.y + part.height; y++) {
    for (let x = part.x + 1; x < part.x + part.width; x++) {
      const at = y * width + x;
      sum += (data[at]! - data[at - 1]!) ** 2 + (data[at]! - data[at - width]!) ** 2;
    }
  }
  return sum;
}

/** A picture cut to a part of it, with what goes along pixel by pixel. */
export function partOfSource<S extends PictureSource>(source: S, part: Rectangle): S {
  const { colour, alpha, mask, compression } = source;
  const { width, height, channels }: Size & Pick<Raster, "channels"> = colour;
  const cut = (data: ArrayLike<number>): Float32Array<ArrayBuffer> =>
    crop({ width, height, channels: 1, data: Float32Array.from(data) }, part).data;
  const decoded = compression?.decoded;
  return {
    ...source,
    colour: crop({ width, height, channels, data: colour.data }, part),
    alpha: alpha && crop(alpha, part),
    mask: mask && { ...mask, known: hostTensor(cut(mask.known.data), [part.height, part.width]) },
    ...(compression ? { compression: { ...compression, ...(decoded ? { decoded: crop(decoded, part) } : {}) } } : {}),
  };
}
