/** Whether a kernel undoes the blur of a picture: what comes of it must look like a picture. */
import type { HostTensor } from "../../engine/mod.ts";
import { mirrored } from "./mirrored.ts";
import type { Plane } from "./patch_spectrum.ts";

/** Steps of conjugate gradients: enough that a wrong kernel makes waves, too few that rounding to 8 bits does. */
const STEPS = 12;

/** A tap of a kernel that is not 0, and how far it is from the middle. */
interface Tap {
  readonly down: number;
  readonly right: number;
  readonly weight: number;
}

/** The sums of weight x[from] at every pixel, y[to] = sum of weight x[from]; of the adjoint, x[from] = sum of weight y[to]. */
function convolved(
  x: Float64Array,
  { width, height }: Plane,
  { taps, isAdjoint }: { readonly taps: readonly Tap[]; readonly isAdjoint: boolean },
): Float64Array {
  const sums = new Float64Array(x.length);
  for (const { down, right, weight } of taps) {
    const columns = Int32Array.from({ length: width }, (_, column) => mirrored(column - right, width));
    for (let row = 0; row < height; row++) {
      const [to, from] = [row * width, mirrored(row - down, height) * width];
      if (isAdjoint) { for (let k = 0; k < width; k++) sums[from + columns[k]!]! += weight * x[to + k]!; }
      else for (let k = 0; k < width; k++) sums[to + k]! += weight * x[from + columns[k]!]!;
    }
  }
  return sums;
}

const squareOf = (values: Float64Array): number => values.reduce((sum, value) => sum + value * value, 0);

/**
 * A plane with a blur taken off: conjugate gradients on A^T A x = A^T y from x = y, A the convolution with a kernel at a
 * mirrored border, as that of `deblur_kernel`.
 * @param y values [H, W]
 * @param kernel [side, side], odd, sum 1
 */
export function unblurred(y: Plane, kernel: HostTensor): Plane {
  const side = kernel.shape[0]!;
  const middle = (side - 1) / 2;
  const taps = Array.from(kernel.data, (weight, i) => ({
    down: Math.floor(i / side) - middle,
    right: i % side - middle,
    weight,
  })).filter(({ weight }) => weight !== 0);
  const forward = (x: Float64Array): Float64Array => convolved(x, y, { taps, isAdjoint: false });
  const adjoint = (x: Float64Array): Float64Array => convolved(x, y, { taps, isAdjoint: true });
  const x = Float64Array.from(y.data);
  const blurred = forward(x);
  const residual = x.map((value, i) => value - blurred[i]!);
  let direction = adjoint(residual);
  let square = squareOf(direction);
  for (let step = 0; step < STEPS && square > 0; step++) {
    const image = forward(direction);
    const length = square / squareOf(image);
    for (let i = 0; i < x.length; i++) {
      x[i]! += length * direction[i]!;
      residual[i]! -= length * image[i]!;
    }
    const gradient = adjoint(residual);
    const next = squareOf(gradient);
    direction = gradient.map((value, i) => value + next / square * direction[i]!);
    square = next;
  }
  return { ...y, data: Float32Array.from(x) };
}

/**
 * How evenly the differences of neighbours are spread, mean |d| / rms d from 0 to 1 (Krishnan et al., Blind Deconvolution
 * Using a Normalized Sparsity Measure, 2011): pictures have few large ones, the waves of a wrong kernel are everywhere.
 * @param plane of at least two pixels that differ
 */
export function slopeSpread({ width, height, data }: Plane): number {
  let [sum, squares, count] = [0, 0, 0];
  for (let i = 0; i < width * height; i++) {
    for (const next of [i % width < width - 1 ? i + 1 : i, i < width * (height - 1) ? i + width : i]) {
      if (next === i) continue;
      const difference = Math.abs(data[next]! - data[i]!);
      [sum, squares, count] = [sum + difference, squares + difference ** 2, count + 1];
    }
  }
  return sum / Math.sqrt(squares * count);
}
