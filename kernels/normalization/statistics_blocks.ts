/** The blocks of an image whose statistics are kept apart, and what these are. */
import { elementCount, type HostTensor, hostTensor, type Shape, type TensorType } from "../../engine/mod.ts";
import { blockCount, type Blocks } from "./group_norm_kernels.ts";

/** Side in pixels of the blocks whose statistics are kept apart: the tiles of a Winograd convolution. */
export const STATISTICS_BLOCK = 4;

/** The blocks of an image [N, H, W, C]. */
export function blocksOf([, height = 1, width = 1]: Shape): Blocks {
  return { height, width, blockHeight: STATISTICS_BLOCK, blockWidth: STATISTICS_BLOCK };
}

/** Pixels of a block of an image: fewer at its edges. */
export function blockPixels(block: number, height: number, width: number): number {
  const across = Math.ceil(width / STATISTICS_BLOCK);
  return Math.min(STATISTICS_BLOCK, height - Math.floor(block / across) * STATISTICS_BLOCK) *
    Math.min(STATISTICS_BLOCK, width - (block % across) * STATISTICS_BLOCK);
}

/** Type of the statistics of an image [N, H, W, C]: [3, N, blocks, C]. */
export function statisticsType({ shape }: TensorType): TensorType {
  return { shape: [3, shape[0]!, blockCount(blocksOf(shape)), shape[3]!], dtype: "f32" };
}

/** Statistics of an image of the shape [N, H, W, C] on the CPU; see `imageStatistics`. */
export function statisticsOf(x: Float32Array, shape: Shape): Float32Array {
  const [images = 1, height = 1, width = 1, channels = 1] = shape;
  const across = Math.ceil(width / STATISTICS_BLOCK);
  const blocks = blockCount(blocksOf(shape));
  const count = images * blocks * channels;
  const result = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) {
    const c = i % channels;
    const block = Math.floor(i / channels);
    const image = Math.floor(block / blocks);
    const inside = block % blocks;
    const top = Math.floor(inside / across) * STATISTICS_BLOCK;
    const left = (inside % across) * STATISTICS_BLOCK;
    const values: number[] = [];
    for (let row = top; row < Math.min(height, top + STATISTICS_BLOCK); row++) {
      for (let column = left; column < Math.min(width, left + STATISTICS_BLOCK); column++) {
        values.push(x[((image * height + row) * width + column) * channels + c]!);
      }
    }
    const k = values[0]!;
    const mean = values.reduce((sum, value) => sum + (value - k), 0) / values.length;
    result[i] = k;
    result[count + i] = mean;
    result[2 * count + i] = values.reduce((sum, value) => sum + (value - k - mean) ** 2, 0);
  }
  return result;
}

/** Statistics of an image of distinct values, for the examples: statistics must be possible ones. */
export function exampleStatistics(shape: Shape): HostTensor {
  const x = Float32Array.from({ length: elementCount(shape) }, (_, i) => 2 + Math.sin(i * i));
  return hostTensor(statisticsOf(x, shape), statisticsType({ shape, dtype: "f32" }).shape);
}
