/** Whether borders of windows are seen in a picture. */
import { ReferenceRuntime } from "../../engine/mod.ts";
import { cutWindows } from "../../kernels/mod.ts";
import { type WindowForm, windowGrid } from "../../models/mod.ts";
import type { Raster } from "../../raster/mod.ts";

/** Rows and columns that begin a window. */
export interface Borders {
  /** First rows of windows, without that of the picture. */
  readonly rows: readonly number[];
  /** First columns, likewise. */
  readonly columns: readonly number[];
}

/**
 * Where windows begin at a timestep: windows are cut out of a picture whose values are the places of its pixels.
 * @param image [H, W]
 * @param side of a window
 */
export async function windowBorders(
  [height, width]: readonly [number, number],
  { side, form, timestep }: { readonly side: number; readonly form: WindowForm; readonly timestep: number },
): Promise<Borders> {
  const grid = windowGrid([height, width], side, form);
  const cpu = new ReferenceRuntime();
  const places = Float32Array.from({ length: height * width * 2 }, (_, i) => {
    const pixel = Math.floor(i / 2);
    return i % 2 === 0 ? Math.floor(pixel / width) : pixel % width;
  });
  const stage = cpu.stage("places", ({ x }: { readonly x: Parameters<typeof cutWindows>[0] }) => ({
    y: cutWindows(x, { ...grid, isTapered: false, ...(form === "shifted" ? { shift: timestep } : {}) }),
  }));
  const { y } = await stage({ x: cpu.upload(places, [1, height, width, 2]) }, {});
  const values = await y.read();
  const found = { rows: new Set<number>(), columns: new Set<number>() };
  // The second pixel is further on than the first only where the window begins inside the picture, not mirrored.
  const step = 2 * (side + 1);
  for (let window = 0; window < grid.windows; window++) {
    const at = window * side * side * 2;
    const [row, column] = [values[at]!, values[at + 1]!];
    if (values[at + step]! > row && row > 0) found.rows.add(row);
    if (values[at + step + 1]! > column && column > 0) found.columns.add(column);
  }
  return { rows: [...found.rows], columns: [...found.columns] };
}

/**
 * Mean squared difference of neighbours across borders, over that of other neighbours. What is enlarged by a factor has
 * other differences between its blocks than within them, so that only such places count as lie in the blocks as borders do.
 * @param period side of the blocks in pixels
 */
export function borderEnergy(
  { width, height, channels, data }: Raster,
  { rows, columns }: Borders,
  period: number,
): number {
  const sums = { border: 0, borders: 0, other: 0, others: 0 };
  const along = (borders: readonly number[]): (line: number, difference: number) => void => {
    const [isBorder, places] = [new Set(borders), new Set(borders.map((line) => line % period))];
    return (line, difference) => {
      if (isBorder.has(line)) [sums.border, sums.borders] = [sums.border + difference ** 2, sums.borders + 1];
      else if (places.has(line % period)) [sums.other, sums.others] = [sums.other + difference ** 2, sums.others + 1];
    };
  };
  const [addRow, addColumn] = [along(rows), along(columns)];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const i = (y * width + x) * channels + c;
        if (x > 0) addColumn(x, data[i]! - data[i - channels]!);
        if (y > 0) addRow(y, data[i]! - data[i - width * channels]!);
      }
    }
  }
  return sums.border / sums.borders / (sums.other / sums.others);
}
