import type { Raster, Size } from "./raster.ts";

/** Filter of `resize`: bicubic with a = -1/2 (Keys 1981), bilinear (a triangle), or the mean of the pixels
 * whose centres are in the covered area. */
export type ResizeFilter = "bicubic" | "bilinear" | "area";

/** A filter's half width in source pixels at scale 1, and its weight at a distance. */
interface Kernel {
  readonly support: number;
  weight(distance: number): number;
}

const KERNELS: Readonly<Record<ResizeFilter, Kernel>> = {
  // (a+2)|t|^3 - (a+3)|t|^2 + 1 up to 1, a|t|^3 - 5a|t|^2 + 8a|t| - 4a up to 2
  bicubic: {
    support: 2,
    weight: (distance) => {
      const t = Math.abs(distance);
      if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
      return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
    },
  },
  bilinear: { support: 1, weight: (distance) => Math.max(0, 1 - Math.abs(distance)) },
  // Half open, so that a sample on the border between two areas counts once.
  area: { support: 0.5, weight: (distance) => distance > -0.5 && distance <= 0.5 ? 1 : 0 },
};

/** For every output index: the first source index, and the weights from there on. */
interface Taps {
  readonly first: Int32Array;
  readonly weights: readonly Float64Array[];
}

/**
 * Resizes a picture with a separable, antialiased filter, in the convention of the Python Imaging Library:
 * out[i] = sum_j w_ij in[j] with w_ij = k((j + 1/2 - c_i) / s) / sum, c_i = (i + 1/2) r, r = source / target, s = max(1, r).
 * The kernel widens when shrinking, is cut at the border and its weights renormalised; columns first, then rows.
 *
 * @param raster Picture [H, W, C] of any range; bicubic can overshoot it.
 * @param size Wanted width and height in pixels, at least 1.
 * @param filter `"bicubic"` by default.
 * @returns The picture at the wanted size; the same object if the size is equal.
 * @throws RangeError If the size is not a positive whole number.
 */
export function resize(raster: Raster, size: Size, filter: ResizeFilter = "bicubic"): Raster {
  const { width, height } = size;
  if (![width, height].every((side) => Number.isSafeInteger(side) && side >= 1)) {
    throw new RangeError(`Cannot resize to ${width} x ${height} pixels: whole numbers from 1 are needed`);
  }
  const kernel = KERNELS[filter];
  const { channels } = raster;
  let { data } = raster;
  if (width === raster.width && height === raster.height) return raster;
  if (width !== raster.width) {
    data = filterAxis(data, [raster.height, raster.width, channels], makeTaps(raster.width, width, kernel));
  }
  if (height !== raster.height) {
    data = filterAxis(data, [1, raster.height, width * channels], makeTaps(raster.height, height, kernel));
  }
  return { width, height, channels, data };
}

/**
 * The largest size of the same aspect ratio that lies inside a box, rounded to whole pixels.
 *
 * @param size The picture.
 * @param box The box; the result touches it in at least one direction, also by enlarging.
 * @returns The size, both sides at least 1.
 */
export function fitWithin(size: Size, box: Size): Size {
  const scale = Math.min(box.width / size.width, box.height / size.height);
  return {
    width: Math.min(box.width, Math.max(1, Math.round(size.width * scale))),
    height: Math.min(box.height, Math.max(1, Math.round(size.height * scale))),
  };
}

function makeTaps(source: number, target: number, kernel: Kernel): Taps {
  const ratio = source / target;
  const scale = Math.max(1, ratio);
  const reach = kernel.support * scale;
  const first = new Int32Array(target);
  const weights = Array.from({ length: target }, (_, i) => {
    const middle = (i + 0.5) * ratio;
    const start = Math.max(0, Math.floor(middle - reach + 0.5));
    const end = Math.min(source, Math.floor(middle + reach + 0.5));
    first[i] = start;
    const line = Float64Array.from(
      { length: end - start },
      (_, j) => kernel.weight((start + j + 0.5 - middle) / scale),
    );
    const sum = line.reduce((total, weight) => total + weight, 0);
    return line.map((weight) => weight / sum);
  });
  return { first, weights };
}

/** Filters the middle axis of [outer, source, inner]; sums are f64. */
function filterAxis(
  data: Float32Array,
  [outer, source, inner]: readonly [number, number, number],
  { first, weights }: Taps,
): Float32Array<ArrayBuffer> {
  const target = weights.length;
  const out = new Float32Array(outer * target * inner);
  const sums = new Float64Array(inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < target; i++) {
      sums.fill(0);
      weights[i]!.forEach((weight, j) => {
        const from = (o * source + first[i]! + j) * inner;
        for (let k = 0; k < inner; k++) sums[k]! += weight * data[from + k]!;
      });
      out.set(sums, (o * target + i) * inner);
    }
  }
  return out;
}
