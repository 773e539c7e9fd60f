/** Square windows of images: cutting them out, and adding them up at their places. */
import {
  type Coefficient,
  defineOp,
  type Dispatch,
  elementCount,
  formatShape,
  type Op,
  type Target,
  type Tensor,
  type TensorType,
  valueOf,
} from "../../engine/mod.ts";
import { requireF32, requireRank } from "../operands.ts";
import { elementwise, integerCoefficient } from "../text/wgsl.ts";

/** Where windows lie on an image [H, W]. Windows count row by row; a few of them, one after the other, are one batch. */
export interface WindowGrid {
  /** Extents of the image. */
  readonly image: readonly [height: number, width: number];
  /** Side of a window in pixels, at most the sides of the image. */
  readonly side: number;
  /** Pixels from one window to the next along both axes, half a side to a whole one. */
  readonly stride: number;
  /** Windows along both axes. */
  readonly count: readonly [rows: number, columns: number];
  /** First row and column of the first window; windows may reach beyond the image by less than a side. */
  readonly origin: readonly [row: number, column: number];
  /**
   * An integer that moves all windows up and left, rows and columns apart: equal integers equally, others evenly over the
   * distances for which all windows show something of the image, and all of the image is shown.
   */
  readonly shift?: Coefficient;
  /** The windows that are meant. */
  readonly first: number;
  /** How many follow from the first on. */
  readonly windows: number;
  /** What lies beyond the image: `mirror`, the image without its edge pixels once more; `nothing`, zeros. */
  readonly border: "mirror" | "nothing";
  /** Whether windows count less towards the neighbours that they overlap with, so that all together count 1. */
  readonly isTapered: boolean;
}

/** Odd factors that spread consecutive integers over 16 bits. */
const SPREAD = [0x9e3779b1, 0x85ebca77] as const;

/** The least and the greatest distance by which windows may be moved along an axis. */
function distances({ image, side, stride, count, origin }: WindowGrid, axis: 0 | 1): readonly [number, number] {
  const last = origin[axis] + (count[axis] - 1) * stride;
  return [Math.max(0, last - image[axis] + 1), Math.min(side - 1 + origin[axis], last + side - image[axis])];
}

/** By how many pixels an integer moves the windows along an axis. */
function distance(grid: WindowGrid, axis: 0 | 1, scalars: Readonly<Record<string, number>>): number {
  if (grid.shift === undefined) return 0;
  const [least, most] = distances(grid, axis);
  const spread = Math.imul(valueOf(grid.shift, scalars) >>> 0, SPREAD[axis]) >>> 16;
  return least + spread % (most - least + 1);
}

function checkGrid(op: string, grid: WindowGrid): void {
  const { image, side, stride, count, origin, first, windows } = grid;
  const total = count[0] * count[1];
  const isWithin = ([0, 1] as const).every((axis) => {
    const [least, most] = distances(grid, axis);
    return grid.shift === undefined ? least === 0 : least <= most;
  });
  const fits = isWithin && [side, stride, ...count, ...origin, first, windows].every(Number.isSafeInteger) &&
    side >= 1 &&
    side <= Math.min(...image) && 2 * stride >= side && stride <= side && Math.min(...count) >= 1 && first >= 0 &&
    windows >= 1 && first + windows <= total && origin.every((place) => place <= 0 && place > -side);
  if (fits) return;
  throw new RangeError(
    `Cannot build ${op}: windows of ${side} pixels every ${stride} pixels from [${origin}] on, ${windows} from number ` +
      `${first} of ${count[0]} x ${
        count[1]
      }, do not lie on an image of [${image}]; at most its sides, overlapping by ` +
      "at most half, and beginning within it are needed",
  );
}

/** Weight of pixel k of a window along one axis, from 0 to 1. */
function taper(k: number, index: number, count: number, { side, stride, isTapered }: WindowGrid): number {
  const overlap = side - stride;
  if (!isTapered || overlap === 0) return 1;
  const rising = index > 0 && k < overlap ? (k + 0.5) / overlap : 1;
  const falling = index < count - 1 && k >= stride ? (side - k - 0.5) / overlap : 1;
  return rising * falling;
}

/** Place k of a line of n pixels that is mirrored at its ends, at most once. */
function mirrored(k: number, n: number): number {
  return k < 0 ? -k : k >= n ? 2 * n - 2 - k : k;
}

/** Calls back for every pixel of every window that shows something of the image. */
function forEachPixel(
  grid: WindowGrid,
  scalars: Readonly<Record<string, number>>,
  visit: (windowPixel: number, imagePixel: number, weight: number) => void,
): void {
  const { image: [height, width], side, stride, count, origin, first, windows, border } = grid;
  const moved = [distance(grid, 0, scalars), distance(grid, 1, scalars)];
  for (let k = 0; k < windows; k++) {
    const index = [Math.floor((first + k) / count[1]), (first + k) % count[1]] as const;
    const [top, left] = [0, 1].map((axis) => index[axis]! * stride + origin[axis]! - moved[axis]!) as [number, number];
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const [row, column] = [top + y, left + x];
        const isOutside = row < 0 || column < 0 || row >= height || column >= width;
        if (isOutside && border === "nothing") continue;
        const pixel = mirrored(row, height) * width + mirrored(column, width);
        visit(
          (k * side + y) * side + x,
          pixel,
          taper(y, index[0], count[0], grid) * taper(x, index[1], count[1], grid),
        );
      }
    }
  }
}

/** What both kernels read of a grid. */
function gridParams({ image, side, stride, count, first, windows }: WindowGrid): Readonly<Record<string, number>> {
  return { height: image[0], width: image[1], side, stride, rows: count[0], columns: count[1], first, windows };
}

/** WGSL: the place of a window, its weight at a pixel, and the mirrored place of a pixel. */
function declarations(grid: WindowGrid, target: Target): string {
  const { origin, shift, side, stride, isTapered } = grid;
  const moved = ([0, 1] as const).map((axis) => {
    if (shift === undefined) return `${origin[axis]}`;
    const [least, most] = distances(grid, axis);
    const spread = `(${integerCoefficient(shift, target)}.x * ${SPREAD[axis]}u) >> 16u`;
    return `${origin[axis] - least} - i32((${spread}) % ${most - least + 1}u)`;
  });
  const ramp = isTapered && stride < side;
  return `fn place_of(index: vec2u) -> vec2i { return vec2i(index * params.stride) + vec2i(${moved[0]}, ${moved[1]}); }
fn mirrored(k: i32, n: i32) -> i32 { return select(select(k, 2 * n - 2 - k, k >= n), -k, k < 0); }
fn taper(k: u32, index: u32, count: u32) -> f32 {
${
    ramp
      ? `  let overlap = params.side - params.stride;
  let rising = select(1.0, (f32(k) + 0.5) / f32(overlap), index > 0u && k < overlap);
  let falling = select(1.0, (f32(params.side - k) - 0.5) / f32(overlap), index < count - 1u && k >= params.stride);
  return rising * falling;`
      : "  return 1.0;"
  }
}`;
}

/** Definition of `cutWindows`. */
export const cutWindowsOp: Op<WindowGrid> = defineOp<WindowGrid>({
  name: "cutWindows",
  infer(inputs, grid): readonly TensorType[] {
    requireF32("cutWindows", inputs, ["x"]);
    const x = inputs[0]!;
    requireRank("cutWindows", "x", x, 4, "[N, H, W, C]");
    checkGrid("cutWindows", grid);
    const [batch = 0, height, width, channels = 0] = x.shape;
    if (height !== grid.image[0] || width !== grid.image[1]) {
      throw new TypeError(
        `Cannot build cutWindows: x has shape ${formatShape(x.shape)}, images of [${grid.image}] are needed`,
      );
    }
    return [{ shape: [batch * grid.windows, grid.side, grid.side, channels], dtype: "f32" }];
  },
  reference({ inputs, attrs }, [x], scalars): readonly Float32Array[] {
    const [batch = 0, height = 0, width = 0, channels = 0] = inputs[0]!.shape;
    const perItem = attrs.windows * attrs.side ** 2 * channels;
    const y = new Float32Array(batch * perItem);
    forEachPixel(attrs, scalars, (to, from, weight) => {
      for (let n = 0; n < batch; n++) {
        for (let c = 0; c < channels; c++) {
          y[n * perItem + to * channels + c] = weight * x![(n * height * width + from) * channels + c]!;
        }
      }
    });
    return [y];
  },
  lower({ inputs, outputs, attrs }, target): readonly Dispatch[] {
    const x = inputs[0]!;
    return [
      elementwise("cutWindows", target, {
        read: { x },
        write: { y: outputs[0]! },
        params: { ...gridParams(attrs), channels: x.shape[3]! },
        declarations: declarations(attrs, target),
        body: `let c = i % params.channels;
let pixel = i / params.channels;
let inside = vec2u(pixel / params.side % params.side, pixel % params.side);
let window = pixel / (params.side * params.side);
let k = params.first + window % params.windows;
let index = vec2u(k / params.columns, k % params.columns);
let place = place_of(index) + vec2i(inside);
let weight = taper(inside.x, index.x, params.rows) * taper(inside.y, index.y, params.columns);
let extent = vec2i(i32(params.height), i32(params.width));
let at = vec2u(vec2i(mirrored(place.x, extent.x), mirrored(place.y, extent.y)));
let value = weight * x[((window / params.windows * params.height + at.x) * params.width + at.y) * params.channels + c];
${
          attrs.border === "mirror"
            ? "y[i] = value;"
            : "y[i] = select(0.0, value, all(place >= vec2i(0)) && all(place < extent));"
        }`,
      }),
    ];
  },
  vjp: ({ attrs }, [dy]) => [addWindows(dy!, attrs)],
  cost: ({ outputs: [y] }) => ({ flops: elementCount(y!.shape), bytes: 8 * elementCount(y!.shape) }),
  examples: [
    {
      inputs: [[2, 7, 9, 3]],
      attrs: grid([7, 9], { side: 4, count: [3, 3], shift: { scalar: "t" } }),
      scalars: { t: 5 },
    },
    { inputs: [[1, 10, 7, 2]], attrs: { ...grid([10, 7], { side: 4, stride: 3, count: [3, 2] }), isTapered: true } },
    {
      inputs: [[1, 6, 6, 1]],
      attrs: {
        ...grid([6, 6], { side: 4, count: [3, 3], shift: { scalar: "t" } }),
        border: "nothing",
        first: 2,
        windows: 5,
      },
      scalars: { t: 991 },
    },
  ],
});

/**
 * Windows of images: y[n windows + k, i, j, c] = w x[n, r, s, c] with the place (r, s) of pixel (i, j) of window k and
 * its weight w, which is 1 where windows are not tapered.
 * @param x [N, H, W, C], f32
 * @param grid where the windows lie
 * @returns [N windows, side, side, C]
 * @throws {TypeError} if x is no stack of images of the grid; {RangeError} if the grid does not fit the image
 */
export function cutWindows(x: Tensor, grid: WindowGrid): Tensor {
  return cutWindowsOp([x], grid)[0]!;
}

/** Definition of `addWindows`. */
export const addWindowsOp: Op<WindowGrid> = defineOp<WindowGrid>({
  name: "addWindows",
  infer(inputs, grid): readonly TensorType[] {
    requireF32("addWindows", inputs, ["x"]);
    const x = inputs[0]!;
    requireRank("addWindows", "x", x, 4, "[N windows, side, side, C]");
    checkGrid("addWindows", grid);
    const [batch = 0, height, width, channels = 0] = x.shape;
    if (height !== grid.side || width !== grid.side || batch % grid.windows !== 0) {
      throw new TypeError(
        `Cannot build addWindows: x has shape ${formatShape(x.shape)}, [N x ${grid.windows}, ${grid.side}, ` +
          `${grid.side}, C] is needed`,
      );
    }
    return [{ shape: [batch / grid.windows, ...grid.image, channels], dtype: "f32" }];
  },
  reference({ outputs, attrs }, [x], scalars): readonly Float32Array[] {
    const [batch = 0, height = 0, width = 0, channels = 0] = outputs[0]!.shape;
    const perItem = attrs.windows * attrs.side ** 2 * channels;
    const sums = new Float64Array(elementCount(outputs[0]!.shape));
    forEachPixel(attrs, scalars, (from, to, weight) => {
      for (let n = 0; n < batch; n++) {
        for (let c = 0; c < channels; c++) {
          sums[(n * height * width + to) * channels + c]! += weight * x![n * perItem + from * channels + c]!;
        }
      }
    });
    return [Float32Array.from(sums)];
  },
  // Mapping: an invocation sums one element of the image over the windows that show it, at its place and mirrored.
  lower({ inputs, outputs, attrs }, target): readonly Dispatch[] {
    const y = outputs[0]!;
    const images = attrs.border === "mirror" ? 3 : 1;
    return [
      elementwise("addWindows", target, {
        read: { x: inputs[0]! },
        write: { y },
        params: { ...gridParams(attrs), channels: y.shape[3]! },
        declarations: `${declarations(attrs, target)}
// The image of a place in one of the mirrors, itself for 0; below all windows where there is none.
fn image_of(k: i32, n: i32, mirror: u32) -> i32 {
  if (mirror == 0u) { return k; }
  if (mirror == 1u) { return select(-k, -1000000, k == 0); }
  return select(2 * n - 2 - k, -1000000, k == n - 1);
}`,
        body: `let c = i % params.channels;
let pixel = i / params.channels;
let at = vec2i(vec2u(pixel / params.width % params.height, pixel % params.width));
let item = pixel / (params.width * params.height);
let start = place_of(vec2u(0u));
let side = i32(params.side);
let stride = i32(params.stride);
var sum = 0.0;
for (var up = 0u; up < ${images}u; up += 1u) {
  let row = image_of(at.x, i32(params.height), up) - start.x;
  for (var ky = max(0, (row - side + stride) / stride); ky < i32(params.rows) && ky * stride <= row; ky += 1) {
    if (row < 0 || row - ky * stride >= side) { continue; }
    for (var over = 0u; over < ${images}u; over += 1u) {
      let column = image_of(at.y, i32(params.width), over) - start.y;
      for (var kx = max(0, (column - side + stride) / stride); kx < i32(params.columns) && kx * stride <= column; kx += 1) {
        let k = u32(ky) * params.columns + u32(kx);
        if (column < 0 || column - kx * stride >= side || k < params.first || k >= params.first + params.windows) { continue; }
        let inside = vec2u(vec2i(row - ky * stride, column - kx * stride));
        let weight = taper(inside.x, u32(ky), params.rows) * taper(inside.y, u32(kx), params.columns);
        let window = item * params.windows + k - params.first;
        sum += weight * x[((window * params.side + inside.x) * params.side + inside.y) * params.channels + c];
      }
    }
  }
}
y[i] = sum;`,
      }),
    ];
  },
  vjp: ({ attrs }, [dy]) => [cutWindows(dy!, attrs)],
  cost: ({ inputs: [x], outputs: [y] }) => ({
    flops: 2 * elementCount(x!.shape),
    bytes: 4 * (elementCount(x!.shape) + elementCount(y!.shape)),
  }),
  examples: [
    {
      inputs: [[18, 4, 4, 3]],
      attrs: grid([7, 9], { side: 4, count: [3, 3], shift: { scalar: "t" } }),
      scalars: { t: 5 },
    },
    {
      inputs: [[6, 4, 4, 2]],
      attrs: { ...grid([10, 7], { side: 4, stride: 3, count: [3, 2] }), isTapered: true, border: "nothing" },
    },
    {
      inputs: [[5, 4, 4, 1]],
      attrs: { ...grid([6, 6], { side: 4, count: [3, 3], shift: { scalar: "t" } }), first: 2, windows: 5 },
      scalars: { t: 991 },
    },
  ],
});

/**
 * Windows added up at their places, the adjoint of `cutWindows`: y[n, r, s, c] = sum of w x[n windows + k, i, j, c] over
 * the pixels (i, j) of windows k that show the place (r, s).
 * @param x [N windows, side, side, C], f32
 * @param grid where the windows lie
 * @returns [N, H, W, C]
 * @throws {TypeError} if x holds no windows of the grid; {RangeError} if the grid does not fit the image
 */
export function addWindows(x: Tensor, grid: WindowGrid): Tensor {
  return addWindowsOp([x], grid)[0]!;
}

/** All windows of an image with mirrored border, from its corner on; a function declaration, for the examples above. */
function grid(
  image: readonly [number, number],
  { side, stride = side, count, shift }: Pick<WindowGrid, "side" | "count" | "shift"> & { readonly stride?: number },
): WindowGrid {
  const all = count[0] * count[1];
  const common = { image, side, stride, count, origin: [0, 0], first: 0, windows: all, border: "mirror" } as const;
  return { ...common, isTapered: false, ...(shift === undefined ? {} : { shift }) };
}
