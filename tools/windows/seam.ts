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

/** How far on both sides of a border what it is compared with lies, in blocks. */
const BESIDE = [-2, -1, 1, 2];

/**
 * The energy of differences across borders, over that across the lines beside them. What is enlarged has other differences
 * between its blocks than within them, so that lines count that lie in the blocks as the border does; and what the scene
 * has there is taken off by a picture that knows nothing of windows: the geometric mean over borders of `E(b) / R(b)` over
 * that of `E(l) / R(l)`, E and R sums of squares across a line in both pictures.
 * @param reference the same picture, enlarged without windows
 * @param block side of the blocks in pixels
 * @returns 1 where borders are like other places, more where seams are seen, less where they are smoother; NaN where no
 *   border has lines beside it
 */
export function seamOf(picture: Raster, reference: Raster, borders: Borders, block: number): number {
  const logarithms = (["rows", "columns"] as const).flatMap((axis) => {
    const lines = axis === "rows" ? picture.height : picture.width;
    const energy = (line: number): number =>
      Math.log(squaresAcross(picture, axis, line) / squaresAcross(reference, axis, line));
    return borders[axis].flatMap((border) => {
      const beside = BESIDE.map((blocks) => border + blocks * block).filter((line) => line > 0 && line < lines);
      return beside.length === 0
        ? []
        : [energy(border) - beside.reduce((sum, line) => sum + energy(line), 0) / beside.length];
    });
  });
  return Math.exp(logarithms.reduce((sum, value) => sum + value, 0) / logarithms.length);
}

/** The sum of squared differences from a row or column to the one before. */
function squaresAcross({ width, height, channels, data }: Raster, axis: keyof Borders, line: number): number {
  const row = width * channels;
  const [lines, step, start, back] = axis === "rows"
    ? [width, channels, line * row, row]
    : [height, row, line * channels, channels];
  let sum = 0;
  for (let k = 0; k < lines; k++) {
    for (let c = 0; c < channels; c++) {
      const i = start + k * step + c;
      sum += (data[i]! - data[i - back]!) ** 2;
    }
  }
  return sum;
}
