/** Kernels of blurs that are uniform within a disc or a square. */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";

/** Points of a pixel along one side, by which the part of it within a disc is found. */
const POINTS = 16;

/**
 * A disc, as a lens out of focus makes it: every pixel weighs as much as lies within, sum 1.
 * @param radius in pixels, greater than 0
 * @returns [side, side], odd, its middle on the middle of the disc
 */
export function discKernel(radius: number): HostTensor {
  const reach = Math.ceil(radius - 0.5);
  return uniform(reach, (right, down) => {
    let within = 0;
    for (let k = 0; k < POINTS ** 2; k++) {
      const x = right + (k % POINTS + 0.5) / POINTS - 0.5;
      const y = down + (Math.floor(k / POINTS) + 0.5) / POINTS - 0.5;
      if (Math.hypot(x, y) <= radius) within++;
    }
    return within;
  });
}

/**
 * A square along rows and columns, as programs make it.
 * @param length of its side in pixels, greater than 0
 * @returns [side, side], odd, its middle on the middle of the square
 */
export function squareKernel(length: number): HostTensor {
  const reach = Math.ceil((length - 1) / 2);
  const within = (offset: number): number => Math.min(1, Math.max(0, (length + 1) / 2 - Math.abs(offset)));
  return uniform(reach, (right, down) => within(right) * within(down));
}

/** Weights of the pixels up to some distance from the middle, made to sum to 1. */
function uniform(reach: number, weight: (right: number, down: number) => number): HostTensor {
  const side = 2 * reach + 1;
  const weights = Array.from({ length: side * side }, (_, i) => weight(i % side - reach, Math.floor(i / side) - reach));
  const sum = weights.reduce((all, one) => all + one, 0);
  return hostTensor(Float32Array.from(weights, (one) => one / sum), [side, side]);
}
