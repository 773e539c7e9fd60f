/** The median around every pixel. */
import { mirrored } from "./mirrored.ts";
import type { Plane } from "./patch_spectrum.ts";

/** Levels that values are rounded to. */
const LEVELS = 256;

/**
 * The median over (2 r + 1)^2 pixels around each, mirrored at the border, by a histogram that moves along the row (Huang,
 * Yang, Tang, A Fast Two-Dimensional Median Filtering Algorithm, 1979).
 * @param plane values [H, W] in [-1, 1], which are rounded to 256 levels
 * @param radius r in pixels, at least 1
 * @returns [H, W]
 */
export function runningMedian({ width, height, data }: Plane, radius: number): Float32Array {
  const levels = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    levels[i] = Math.min(LEVELS - 1, Math.max(0, Math.round((data[i]! + 1) * 127.5)));
  }
  const medians = new Float32Array(width * height);
  const half = (2 * radius + 1) ** 2 >> 1;
  const offsets = Array.from({ length: 2 * radius + 1 }, (_, k) => k - radius);
  for (let y = 0; y < height; y++) {
    const counts = new Int32Array(LEVELS);
    const rows = offsets.map((offset) => mirrored(y + offset, height) * width);
    // Below the median are `below` of the pixels.
    let [median, below] = [0, 0];
    const count = (x: number, change: number): void => {
      const column = mirrored(x, width);
      for (const row of rows) {
        const level = levels[row + column]!;
        counts[level]! += change;
        if (level < median) below += change;
      }
    };
    for (const offset of offsets) count(offset, 1);
    for (let x = 0; x < width; x++) {
      if (x > 0) {
        count(x - radius - 1, -1);
        count(x + radius, 1);
      }
      while (below > half) below -= counts[--median]!;
      while (below + counts[median]! <= half) below += counts[median++]!;
      medians[y * width + x] = median / 127.5 - 1;
    }
  }
  return medians;
}
