/** The kernel of a uniform motion. */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";

/** Points of the line for each pixel of its length. */
const POINTS_PER_PIXEL = 16;

/**
 * A line that is drawn evenly, each point shared by the four pixels around it, sum 1.
 * @param length in pixels, greater than 0
 * @param angle in degrees, counterclockwise from the direction of rows
 * @returns [side, side], odd, its middle on the middle of the line
 */
export function lineKernel(length: number, angle: number): HostTensor {
  const reach = Math.ceil(length / 2) + 1;
  const side = 2 * reach + 1;
  const count = Math.max(2, Math.ceil(POINTS_PER_PIXEL * length));
  const [right, up] = [Math.cos(angle * Math.PI / 180), Math.sin(angle * Math.PI / 180)];
  const taps = new Float32Array(side * side);
  for (let k = 0; k < count; k++) {
    const along = ((k + 0.5) / count - 0.5) * length;
    const [x, y] = [reach + along * right, reach - along * up];
    const [column, row] = [Math.floor(x), Math.floor(y)];
    for (const [dy, dx] of [[0, 0], [0, 1], [1, 0], [1, 1]] as const) {
      const weight = (dx === 1 ? x - column : 1 - x + column) * (dy === 1 ? y - row : 1 - y + row);
      if (weight > 0) taps[(row + dy) * side + column + dx]! += weight / count;
    }
  }
  return hostTensor(taps, [side, side]);
}
