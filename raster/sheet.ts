/** Pictures side by side: measurement, A^+ y, result, and the ground truth where it is known; or rows of them. */
import { grayToRgb } from "./pixels.ts";
import type { Raster, Size } from "./raster.ts";
import { resize } from "./resize.ts";

/** Pixels between two pictures, and around them. */
const GAP = 8;

/** Least height of a picture on a sheet; smaller ones are enlarged by a whole factor, pixel by pixel. */
const LEAST_HEIGHT = 256;

/**
 * Lays pictures out on white, all at the size of the largest one, or a multiple of it if that is small.
 * @param rows rasters with values in [-1, 1], 1 or 3 channels, row by row; small ones are enlarged by repeating pixels,
 * and where there is none a place stays empty
 * @param leastHeight of a picture on the sheet
 * @param gap pixels between two pictures, and around them
 * @returns a raster with 3 channels
 */
export function makeSheet(
  rows: readonly (readonly (Raster | undefined)[])[],
  leastHeight = LEAST_HEIGHT,
  gap = GAP,
): Raster {
  const [first, ...others] = rows.flat().filter((picture) => picture !== undefined);
  if (!first) throw new TypeError("Cannot make a sheet: there is no picture, at least one is needed");
  const largest = others.reduce((a, b) => b.height >= a.height ? b : a, first);
  const factor = Math.max(1, Math.ceil(leastHeight / largest.height));
  const cell = { width: largest.width * factor, height: largest.height * factor };
  const width = Math.max(...rows.map((row) => row.length)) * (cell.width + gap) + gap;
  const height = rows.length * (cell.height + gap) + gap;
  const sheet: Raster = { width, height, channels: 3, data: new Float32Array(width * height * 3).fill(1) };
  for (const [down, row] of rows.entries()) {
    for (const [across, picture] of row.entries()) {
      if (!picture) continue;
      const [left, top] = [gap + across * (cell.width + gap), gap + down * (cell.height + gap)];
      paste(sheet, enlarge(grayToRgb(picture), cell), left, top);
    }
  }
  return sheet;
}

/** Brings a picture to a size: by repeating pixels where the factor is whole, resampled otherwise. */
function enlarge(picture: Raster, { width, height }: Size): Raster {
  if (width % picture.width !== 0 || height % picture.height !== 0) return resize(picture, { width, height });
  const data = new Float32Array(width * height * 3);
  const across = width / picture.width;
  const down = height / picture.height;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = 3 * (Math.floor(y / down) * picture.width + Math.floor(x / across));
      data.set(picture.data.subarray(from, from + 3), 3 * (y * width + x));
    }
  }
  return { width, height, channels: 3, data };
}

function paste(sheet: Raster, picture: Raster, left: number, top: number): void {
  for (let y = 0; y < picture.height; y++) {
    const row = picture.data.subarray(3 * y * picture.width, 3 * (y + 1) * picture.width);
    sheet.data.set(row, 3 * ((top + y) * sheet.width + left));
  }
}
