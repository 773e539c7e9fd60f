/** Dust of a brightness that is known: small pieces with sharp borders. */
import { connected, neighbours, type Relief } from "./thin_lines.ts";

/**
 * Fewest and most pixels of a spot, and the part of the picture's shorter side that it is wide at most: what is larger may
 * be an eye or a window of that brightness.
 */
const SIZE = { least: 3, most: 40, part: 1 / 16 };

/** What lies outside of a border is looked at so far from it, in pixels. */
const BESIDE = 3;

/** Part of the border that must be sharp. */
const SHARP = 0.85;

/**
 * Pieces of a relief that are as bright or dark as said, and lie over a picture: all around them s falls within three
 * pixels.
 * @param level least s
 * @param contrast by how much it falls at least
 * @param isOpen which pixels may be of one
 * @returns places of the pixels of each
 */
export function spotsOf(
  { level }: Pick<Relief, "level">,
  { width, height }: { readonly width: number; readonly height: number },
  { level: least, contrast, isOpen }: {
    readonly level: number;
    readonly contrast: number;
    readonly isOpen: (pixel: number) => boolean;
  },
): readonly (readonly number[])[] {
  const isOf = (pixel: number): boolean => level[pixel]! >= least && isOpen(pixel);
  const most = Math.min(SIZE.most, (Math.min(width, height) * SIZE.part) ** 2);
  const pieces = connected({ width, height }, { isStart: isOf, goesOn: (_, to) => isOf(to) });
  return pieces.filter((pixels) => {
    if (pixels.length < SIZE.least || pixels.length > most) return false;
    const inside = new Set(pixels);
    const border = pixels.filter((pixel) => neighbours(pixel, width, height).some((beside) => !inside.has(beside)));
    const sharp = border.filter((pixel) => level[pixel]! - lowestNear(level, pixel, { width, height }) >= contrast);
    return sharp.length >= SHARP * border.length;
  });
}

/** The least s within a few pixels along rows and columns. */
function lowestNear(
  level: Float32Array,
  pixel: number,
  { width, height }: { readonly width: number; readonly height: number },
): number {
  const [x, y] = [pixel % width, Math.floor(pixel / width)];
  const places = [[BESIDE, 0], [-BESIDE, 0], [0, BESIDE], [0, -BESIDE]] as const;
  return places.reduce((lowest, [right, down]) => {
    const [column, row] = [x + right, y + down];
    const isInside = column >= 0 && row >= 0 && column < width && row < height;
    return isInside ? Math.min(lowest, level[row * width + column]!) : lowest;
  }, Infinity);
}
