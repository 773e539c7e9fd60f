/** Pictures side by side: measurement, A^+ y, result, and the ground truth where it is known. */
import { grayToRgb, type Raster, resize, type Size } from "../io/mod.ts";

/** Pixels between two pictures, and around them. */
const GAP = 8;

/** Least height of a picture on a sheet; smaller ones are enlarged by a whole factor, pixel by pixel. */
const LEAST_HEIGHT = 256;

/**
 * Lays pictures out in a row on white, all at the size of the last one, or a multiple of it if that is small.
 * @param pictures rasters with values in [-1, 1], 1 or 3 channels; small ones are enlarged by repeating pixels
 * @returns a raster with 3 channels
 */
export function makeSheet(pictures: readonly Raster[]): Raster {
  const last = pictures.at(-1);
  if (!last) throw new TypeError("Cannot make a sheet: there is no picture, at least one is needed");
  const factor = Math.max(1, Math.ceil(LEAST_HEIGHT / last.height));
  const cell = { width: last.width * factor, height: last.height * factor };
  const width = pictures.length * (cell.width + GAP) + GAP;
  const height = cell.height + 2 * GAP;
  const sheet: Raster = { width, height, channels: 3, data: new Float32Array(width * height * 3).fill(1) };
  for (const [i, picture] of pictures.entries()) {
    paste(sheet, enlarge(grayToRgb(picture), cell), GAP + i * (cell.width + GAP), GAP);
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
