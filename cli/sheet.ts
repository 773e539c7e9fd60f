/** Pictures side by side: measurement, A^+ y, result, and the ground truth where it is known. */
import { grayToRgb, type Raster, resize } from "../io/mod.ts";

/** Pixels between two pictures, and around them. */
const GAP = 8;

/** Least height of a picture on a sheet; smaller ones are enlarged by a whole factor, pixel by pixel. */
const LEAST_HEIGHT = 256;

/**
 * Lays pictures out in rows on white, all at the size of the first row's last picture.
 * @param rows rows of rasters with values in [-1, 1], 1 or 3 channels; small ones are enlarged by repeating pixels
 */
export function makeSheet(rows: readonly (readonly Raster[])[]): Raster {
  const model = rows[0]?.at(-1);
  if (!model) throw new TypeError("Cannot make a sheet: there is no picture");
  const factor = Math.max(1, Math.ceil(LEAST_HEIGHT / model.height));
  const cell = { width: model.width * factor, height: model.height * factor };
  const columns = Math.max(...rows.map((row) => row.length));
  const width = columns * (cell.width + GAP) + GAP;
  const height = rows.length * (cell.height + GAP) + GAP;
  const sheet: Raster = { width, height, channels: 3, data: new Float32Array(width * height * 3).fill(1) };
  for (const [j, row] of rows.entries()) {
    for (const [i, picture] of row.entries()) {
      paste(sheet, enlarge(grayToRgb(picture), cell), GAP + i * (cell.width + GAP), GAP + j * (cell.height + GAP));
    }
  }
  return sheet;
}

/** Brings a picture to a size: by repeating pixels where the factor is whole, resampled otherwise. */
function enlarge(picture: Raster, { width, height }: { width: number; height: number }): Raster {
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
