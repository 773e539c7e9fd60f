/**
 * The statistics of blocks of pixels that group normalisation begins with. Sums run in a fixed order, so equal inputs
 * give equal bits, and are taken relative to an element near by: where the mean is far greater than the spread, a
 * plain sum of squares would lose all digits of the variance.
 */
import type { Dispatch, Target, Tensor } from "../../engine/mod.ts";
import { elementwise } from "../text/wgsl.ts";

/** How an image is cut into the blocks whose statistics are kept apart; those at the edges hold fewer pixels. */
export interface Blocks {
  /** Size of one image in pixels. */
  readonly height: number;
  readonly width: number;
  /** Size of a block in pixels. */
  readonly blockHeight: number;
  readonly blockWidth: number;
}

/** Number of blocks of one image. */
export function blockCount({ height, width, blockHeight, blockWidth }: Blocks): number {
  return Math.ceil(height / blockHeight) * Math.ceil(width / blockWidth);
}

/**
 * First element k, mean of (x - k), and sum of squared deviations from the mean of each block and channel.
 * Mapping: an invocation takes one channel of one block; neighbouring invocations take neighbouring channels.
 * @param x [N, height, width, C], or any shape of as many elements
 * @param partial [3, N, blocks, C], written
 */
export function statisticsKernel(x: Tensor, partial: Tensor, blocks: Blocks, target: Target): Dispatch {
  const [, images = 1, count = 1, channels = 1] = partial.shape;
  return elementwise("groupNorm.statistics", target, {
    read: { x },
    write: { partial },
    count: images * count * channels,
    params: { channels, blocks: count, across: Math.ceil(blocks.width / blocks.blockWidth), ...blocks },
    body: `let block = i / params.channels;
let c = i - block * params.channels;
let image = block / params.blocks;
let inside = block - image * params.blocks;
let down = inside / params.across;
let top = down * params.blockHeight;
let left = (inside - down * params.across) * params.blockWidth;
let bottom = min(top + params.blockHeight, params.height);
let right = min(left + params.blockWidth, params.width);
let start = image * params.height;
let k = x[((start + top) * params.width + left) * params.channels + c];
var sum = 0.0;
var squares = 0.0;
for (var row = start + top; row < start + bottom; row += 1u) {
  for (var column = left; column < right; column += 1u) {
    let d = x[(row * params.width + column) * params.channels + c] - k;
    sum += d;
    squares = fma(d, d, squares);
  }
}
let mean = sum / f32((bottom - top) * (right - left));
partial[i] = k;
partial[params.count + i] = mean;
partial[2u * params.count + i] = max(fma(-sum, mean, squares), 0.0);`,
  });
}
