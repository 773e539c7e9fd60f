/** Parallel-beam projection of images and its exact adjoint, the pair of computed tomography. */
import { elementCount, hostTensor, type Op, type Shape, type Tensor, type TensorType } from "../../engine/mod.ts";
import {
  arePositive,
  type Image,
  movedBytes,
  refuseWanted,
  requireFit,
  requireRank,
  requireValues,
} from "../operands.ts";
import { pointwise, type PointwiseKernel } from "../pointwise/pointwise.ts";

function requireProjection(op: string, name: string, image: TensorType, directions: TensorType, layout: string): void {
  requireRank(op, name, image, 4, layout);
  const isPairs = directions.shape.length === 2 && directions.shape[1] === 2;
  requireFit(op, { directions }, isPairs, "[A, 2] is needed (cosine and sine)");
}

function requireExtents(op: string, extents: Readonly<Record<string, number>>): void {
  const fits = arePositive(Object.values(extents)) && Math.max(...Object.values(extents)) <= 65536;
  requireValues(op, extents, fits, "integers from 1 to 65536 are needed");
}

/** Where the centre of pixel (row, column) falls on a detector, in bins. */
const PLACE_WGSL = `fn place(row: f32, column: f32, direction: vec2f) -> f32 {
  return (column - 0.5 * f32(params.width - 1u)) * direction.x + (row - 0.5 * f32(params.height - 1u)) * direction.y +
    0.5 * f32(params.bins - 1u);
}`;

/** Visits the pixels that meet the detector bins, with bin and weight: f64 on the host. */
function visit(
  height: number,
  width: number,
  bins: number,
  directions: Float32Array,
  take: (view: number, bin: number, pixel: number, weight: number) => void,
): void {
  for (let view = 0; 2 * view < directions.length; view++) {
    const [cosine, sine] = [directions[2 * view]!, directions[2 * view + 1]!];
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const place = (column - (width - 1) / 2) * cosine + (row - (height - 1) / 2) * sine + (bins - 1) / 2;
        const bin = Math.floor(place);
        const share = place - bin;
        const pixel = row * width + column;
        if (bin >= 0 && bin < bins) take(view, bin, pixel, 1 - share);
        if (bin + 1 >= 0 && bin + 1 < bins) take(view, bin + 1, pixel, share);
      }
    }
  }
}

/** Attributes of `radon`. */
export interface RadonAttrs {
  /** Bins of the detector. */
  readonly bins: number;
}

/** Directions of the examples. */
function exampleDirections(views: number): ReturnType<typeof hostTensor> {
  const data = new Float32Array(2 * views);
  for (let view = 0; view < views; view++) {
    data[2 * view] = Math.cos(0.1 + 0.7 * view);
    data[2 * view + 1] = Math.sin(0.1 + 0.7 * view);
  }
  return hostTensor(data, [views, 2]);
}

/** Definition of `radon`. */
export const radonOp: Op<RadonAttrs> = pointwise<RadonAttrs>({
  name: "radon",
  inputs: ["x", "directions"],
  shape([x, directions], { bins }): Shape {
    requireProjection("radon", "x", x!, directions!, "[N, H, W, C]");
    requireExtents("radon", { bins });
    return [x!.shape[0]!, directions!.shape[0]!, bins, x!.shape[3]!];
  },
  // Mapping: an invocation sums one bin of one view and channel. Along the axis that the ray crosses steeply it visits
  // every line of pixels, and of each line the four pixels that can lie within one bin of the ray.
  kernel({ inputs: [x, directions], attrs: { bins } }): PointwiseKernel {
    const [, height, width, channels] = x!.shape as Image;
    return {
      params: { height, width, channels, bins, views: directions!.shape[0]! },
      declarations: PLACE_WGSL,
      body: `let cell = i / params.channels;
let c = i - cell * params.channels;
let line = cell / params.bins;
let bin = f32(cell - line * params.bins);
let image = line / params.views;
let view = line - image * params.views;
let direction = vec2f(directions[2u * view], directions[2u * view + 1u]);
let steep = abs(direction.x) >= abs(direction.y);
let count = select(params.width, params.height, steep);
let extent = select(params.height, params.width, steep);
let slope = select(direction.y, direction.x, steep);
var sum = 0.0;
for (var k = 0u; k < count; k += 1u) {
  let start = select(place(0.0, f32(k), direction), place(f32(k), 0.0, direction), steep);
  let nearest = i32(floor((bin - start) / slope));
  for (var q = -1; q <= 2; q += 1) {
    let at = nearest + q;
    if (at < 0 || at >= i32(extent)) { continue; }
    let row = select(u32(at), k, steep);
    let column = select(k, u32(at), steep);
    let weight = 1.0 - abs(place(f32(row), f32(column), direction) - bin);
    if (weight > 0.0) {
      sum += weight * x[((image * params.height + row) * params.width + column) * params.channels + c];
    }
  }
}
y[i] = sum;`,
    };
  },
  software: {
    reference({ inputs, outputs, attrs: { bins } }, [x, directions]): readonly Float32Array[] {
      const [images, height, width, channels] = inputs[0]!.shape as Image;
      const sums = new Float64Array(elementCount(outputs[0]!.shape));
      const views = directions!.length / 2;
      visit(height, width, bins, directions!, (view, bin, pixel, weight) => {
        for (let image = 0; image < images; image++) {
          for (let c = 0; c < channels; c++) {
            sums[((image * views + view) * bins + bin) * channels + c]! += weight *
              x![(image * height * width + pixel) * channels + c]!;
          }
        }
      });
      return [Float32Array.from(sums)];
    },
  },
  gradient({ inputs: [x, directions] }, [dy], wanted): readonly Tensor[] {
    refuseWanted("radon", "directions", wanted[1]);
    const [, height, width] = x!.shape as Image;
    return [backProject(dy!, directions!, { height, width })];
  },
  cost: (call) => ({
    flops: 4 * elementCount(call.inputs[0]!.shape) * call.inputs[1]!.shape[0]!,
    bytes: movedBytes(call),
  }),
  examples: [
    { inputs: [[2, 7, 9, 3], exampleDirections(5)], attrs: { bins: 13 } },
    { inputs: [[1, 12, 5, 1], exampleDirections(9)], attrs: { bins: 8 } },
  ],
});

/**
 * Parallel projections: y[n, a, d, c] = sum over pixels of x max(0, 1 - |s - d|), where the pixel's centre, counted from
 * the middle of the picture in columns u and rows v, falls at s = u cos(a) + v sin(a) on a detector centred on the same
 * middle. A bin is as wide as a pixel.
 * @param x [N, H, W, C], f32
 * @param directions [A, 2], cosine and sine of every view
 * @param bins number of detector bins, 1 to 65536
 * @returns [N, A, bins, C]
 * @throws {TypeError} if a shape does not fit
 * @throws {RangeError} if the number of bins is out of range
 */
export function radon(x: Tensor, directions: Tensor, bins: number): Tensor {
  return radonOp([x, directions], { bins })[0]!;
}

/** Attributes of `backProject`. */
export interface BackProjectAttrs {
  /** Rows of the image. */
  readonly height: number;
  /** Columns of the image. */
  readonly width: number;
}

/** Definition of `backProject`. */
export const backProjectOp: Op<BackProjectAttrs> = pointwise<BackProjectAttrs>({
  name: "backProject",
  inputs: ["y", "directions"],
  outputs: ["x"],
  shape([y, directions], { height, width }): Shape {
    requireProjection("backProject", "y", y!, directions!, "[N, A, D, C]");
    requireExtents("backProject", { height, width });
    const fits = directions!.shape[0] === y!.shape[1];
    requireFit("backProject", { y, directions }, fits, "one direction for every view is needed");
    return [y!.shape[0]!, height, width, y!.shape[3]!];
  },
  // Mapping: an invocation sums one pixel and channel over all views, neighbouring invocations neighbouring pixels.
  kernel({ inputs: [y], attrs: { height, width } }): PointwiseKernel {
    const [, views, bins, channels] = y!.shape as Image;
    return {
      params: { height, width, channels, bins, views },
      declarations: PLACE_WGSL,
      body: `let pixel = i / params.channels;
let c = i - pixel * params.channels;
let line = pixel / params.width;
let column = f32(pixel - line * params.width);
let image = line / params.height;
let row = f32(line - image * params.height);
var sum = 0.0;
for (var view = 0u; view < params.views; view += 1u) {
  let at = place(row, column, vec2f(directions[2u * view], directions[2u * view + 1u]));
  let low = floor(at);
  let share = at - low;
  let bin = i32(low);
  let base = (image * params.views + view) * params.bins;
  if (bin >= 0 && bin < i32(params.bins)) {
    sum += (1.0 - share) * y[(base + u32(bin)) * params.channels + c];
  }
  if (bin >= -1 && bin + 1 < i32(params.bins)) {
    sum += share * y[(base + u32(bin + 1)) * params.channels + c];
  }
}
x[i] = sum;`,
    };
  },
  software: {
    reference({ inputs, attrs: { height, width } }, [y, directions]): readonly Float32Array[] {
      const [images, views, bins, channels] = inputs[0]!.shape as Image;
      const sums = new Float64Array(images * height * width * channels);
      visit(height, width, bins, directions!, (view, bin, pixel, weight) => {
        for (let image = 0; image < images; image++) {
          for (let c = 0; c < channels; c++) {
            sums[(image * height * width + pixel) * channels + c]! += weight *
              y![((image * views + view) * bins + bin) * channels + c]!;
          }
        }
      });
      return [Float32Array.from(sums)];
    },
  },
  gradient({ inputs: [y, directions] }, [dx], wanted): readonly Tensor[] {
    refuseWanted("backProject", "directions", wanted[1]);
    return [radon(dx!, directions!, y!.shape[2]!)];
  },
  cost: (call) => ({
    flops: 4 * elementCount(call.outputs[0]!.shape) * call.inputs[1]!.shape[0]!,
    bytes: movedBytes(call),
  }),
  examples: [
    { inputs: [[2, 5, 13, 3], exampleDirections(5)], attrs: { height: 7, width: 9 } },
    { inputs: [[1, 9, 8, 1], exampleDirections(9)], attrs: { height: 12, width: 5 } },
  ],
});

/**
 * The adjoint of `radon`: x[n, h, w, c] = sum over views and bins of y max(0, 1 - |s - d|).
 * @param y [N, A, D, C], f32
 * @param directions [A, 2], cosine and sine of every view
 * @param size height and width of the images
 * @returns [N, height, width, C]
 * @throws {TypeError} if a shape does not fit
 * @throws {RangeError} if height or width is out of range
 */
export function backProject(y: Tensor, directions: Tensor, size: BackProjectAttrs): Tensor {
  return backProjectOp([y, directions], size)[0]!;
}
