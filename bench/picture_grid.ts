/** Pictures of one size as a grid, for looking at many of them. */
import { writePng } from "../io/mod.ts";
import { type Raster, toImage } from "../raster/mod.ts";

/** Pixels between two pictures. */
const GAP = 2;

/**
 * The pictures of a batch as rasters with values clamped to [-1, 1].
 * @param batch [N, H, W, C] as it lies in memory
 * @param shape [H, W, C]
 */
export function rastersOf(batch: Float32Array, shape: readonly number[]): readonly Raster[] {
  const [height = 0, width = 0, channels = 0] = shape;
  const each = height * width * channels;
  return Array.from({ length: batch.length / each }, (_, index) => ({
    width,
    height,
    channels: channels as Raster["channels"],
    data: batch.slice(index * each, (index + 1) * each).map((v) => Math.min(Math.max(v, -1), 1)),
  }));
}

/**
 * Writes pictures row by row as one PNG, on white.
 * @param path the PNG
 * @param pictures of one size, three channels
 * @param columns pictures in a row
 */
export async function writeGrid(path: string, pictures: readonly Raster[], columns: number): Promise<void> {
  const { width = 0, height = 0 } = pictures[0] ?? {};
  const rows = Math.ceil(pictures.length / columns);
  const across = columns * (width + GAP) - GAP;
  const down = rows * (height + GAP) - GAP;
  const grid: Raster = { width: across, height: down, channels: 3, data: new Float32Array(across * down * 3).fill(1) };
  for (const [index, picture] of pictures.entries()) {
    const left = (index % columns) * (width + GAP);
    const top = Math.floor(index / columns) * (height + GAP);
    for (let y = 0; y < height; y++) {
      grid.data.set(picture.data.subarray(3 * y * width, 3 * (y + 1) * width), 3 * ((top + y) * across + left));
    }
  }
  await writePng(path, toImage(grid));
}
