/** The kernel that turns a picture into its blurred one: least squares with taps of at least 0 that sum to 1. */

/** A gray plane. */
export interface GrayPlane {
  readonly width: number;
  readonly height: number;
  /** [H, W] */
  readonly data: ArrayLike<number>;
}

/** Steps of the accelerated descent. */
const STEPS = 40;

/** Steps that find the largest eigenvalue of the normal matrix. */
const POWER_STEPS = 12;

/** Most rows and columns that are looked at, in the middle: more pixels than that tell nothing new. */
const MOST = 128;

/**
 * min over k >= 0, sum k = 1 of sum |D y - k * D x|^2 + w t |k - k0|^2, D the differences to the right and downwards, t the
 * mean of the diagonal of the normal matrix; by projected descent with momentum (Beck and Teboulle, A Fast Iterative
 * Shrinkage-Thresholding Algorithm for Linear Inverse Problems, 2009).
 * @param x the picture; y its blurred one, of the same size
 * @param kernel k0 [K, K], K odd, sum 1
 * @param setting.pull w, at least 0
 * @param setting.margin pixels at all borders of y that were not measured, at least half the kernel
 * @returns [K, K]
 * @throws {RangeError} if nothing is left between the margins
 */
export function fitKernel(
  x: GrayPlane,
  y: GrayPlane,
  kernel: Float32Array,
  { pull, margin }: { readonly pull: number; readonly margin: number },
): Float32Array {
  const side = Math.round(Math.sqrt(kernel.length));
  const reach = (side - 1) / 2;
  const places = placesOf(y, Math.max(margin, reach + 1));
  const [dx, dy] = [x, y].map(differences) as [readonly Float64Array[], readonly Float64Array[]];
  const offsets = Array.from(kernel, (_, j) => (Math.floor(j / side) - reach) * x.width + (j % side) - reach);
  // What k * D x is at the places, and the sums of a residual with what each tap takes.
  const forward = (k: ArrayLike<number>): readonly Float64Array[] =>
    dx.map((plane) => {
      const out = new Float64Array(places.length);
      offsets.forEach((offset, j) => {
        const tap = k[j]!;
        if (tap !== 0) { for (let i = 0; i < places.length; i++) out[i]! += tap * plane[places[i]! - offset]!; }
      });
      return out;
    });
  const adjoint = (residuals: readonly Float64Array[]): Float64Array =>
    Float64Array.from(offsets, (offset) => {
      let sum = 0;
      residuals.forEach((residual, d) => {
        const plane = dx[d]!;
        for (let i = 0; i < places.length; i++) sum += residual[i]! * plane[places[i]! - offset]!;
      });
      return sum;
    });
  const diagonal = dx.reduce((sum, plane) => places.reduce((all, at) => all + plane[at]! ** 2, sum), 0);
  const weight = pull * diagonal;
  const largest = largestEigenvalue((k) => adjoint(forward(k)), kernel.length) + weight;
  if (!(largest > 0)) return Float32Array.from(kernel);
  let current = Float64Array.from(kernel);
  let ahead = current;
  for (let step = 0, momentum = 1; step < STEPS; step++) {
    const made = forward(ahead);
    const residuals = made.map((plane, d) => plane.map((value, i) => value - dy[d]![places[i]!]!));
    const gradient = adjoint(residuals);
    const next = ontoSimplex(ahead.map((tap, j) => tap - (gradient[j]! + weight * (tap - kernel[j]!)) / largest));
    const following = (1 + Math.sqrt(1 + 4 * momentum ** 2)) / 2;
    ahead = next.map((tap, j) => tap + (momentum - 1) / following * (tap - current[j]!));
    [current, momentum] = [next, following];
  }
  return Float32Array.from(current);
}

/** The pixels between the margins, at most so many rows and columns of the middle. */
function placesOf({ width, height }: GrayPlane, margin: number): Int32Array {
  const along = (size: number): readonly [first: number, count: number] => {
    const count = Math.min(MOST, size - 2 * margin);
    return [Math.floor((size - count) / 2), count];
  };
  const [[left, columns], [top, rows]] = [along(width), along(height)];
  if (columns < 1 || rows < 1) {
    throw new RangeError(
      `Cannot fit a kernel to ${width}x${height} pixels: ${margin} at each border were not measured; a larger picture or ` +
        "a smaller kernel is needed",
    );
  }
  return Int32Array.from(
    { length: rows * columns },
    (_, i) => (top + Math.floor(i / columns)) * width + left + i % columns,
  );
}

/** Differences to the right and downwards, 0 at the last column and row. */
function differences({ width, height, data }: GrayPlane): readonly Float64Array[] {
  const along = (step: number, isLast: (i: number) => boolean): Float64Array =>
    Float64Array.from({ length: width * height }, (_, i) => isLast(i) ? 0 : data[i + step]! - data[i]!);
  return [along(1, (i) => i % width === width - 1), along(width, (i) => i >= width * (height - 1))];
}

/** The largest eigenvalue of a matrix that is symmetric and has none below 0, somewhat above it. */
function largestEigenvalue(apply: (vector: Float64Array) => Float64Array, size: number): number {
  let vector = new Float64Array(size).fill(1 / Math.sqrt(size));
  let length = 0;
  for (let step = 0; step < POWER_STEPS; step++) {
    const image = apply(vector);
    length = Math.sqrt(image.reduce((sum, value) => sum + value ** 2, 0));
    if (length === 0) return 0;
    vector = image.map((value) => value / length);
  }
  return 1.05 * length;
}

/** The nearest vector with values of at least 0 that sum to 1 (Held, Wolfe, Crowder, Validation of Subgradient Optimization, 1974). */
export function ontoSimplex(values: Float64Array): Float64Array<ArrayBuffer> {
  const sorted = Float64Array.from(values).sort().reverse();
  let [sum, shift] = [0, 0];
  for (let k = 0; k < sorted.length; k++) {
    sum += sorted[k]!;
    const own = (sum - 1) / (k + 1);
    if (sorted[k]! > own) shift = own;
  }
  return Float64Array.from(values, (value) => Math.max(0, value - shift));
}
