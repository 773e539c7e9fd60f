/** JPEG compression as a degradation of pictures: the loss of `jpegNoise`, recorded, with a gradient past the rounding. */
import { constant, type HostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import {
  add,
  averagePool,
  clamp,
  concatChannels,
  copy,
  fill,
  gatherElements,
  linear,
  mul,
  reciprocal,
  roundStraight,
  separable,
  sliceChannels,
  upsampleNearest,
  weightedSum,
} from "../../kernels/mod.ts";
import { choice, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { nonlinearEntry, type OperatorEntry } from "../entry.ts";
import { BLOCK, COSINE, jpegSteps, type JpegTables, MIDDLE, TO_PLANES, UNIT } from "./jpeg.ts";
import { pixelPlaces, pixelValues } from "../layout.ts";
import { checkImageShape, type NonlinearOperator, nonlinearOperator } from "../operator.ts";
import { matrix, matrixTensor, transpose } from "../matrix.ts";

const PARAMETERS = {
  quality: number(60, { min: 1, max: 100 }, "quality of the compression") as Parameter<number>,
  tables: choice<JpegTables>(
    "published",
    ["published", "standard"],
    { programsOnly: true },
    "which way round the quantisation tables are used",
  ) as Parameter<JpegTables>,
};

/** Back from luminance and the two chrominances to red, green and blue, one column for each. */
const FROM_PLANES = [[1, 1, 1], [0, -0.344136, 1.772], [1.402, -0.714136, 0]] as const;

/** A picture of blocks: their cosine transform and its inverse along one side. */
function cosines(extent: number): { readonly forward: HostTensor; readonly inverse: HostTensor } {
  const blocks = matrix(extent, extent, (row, column) => {
    if (Math.floor(row / BLOCK) !== Math.floor(column / BLOCK)) return 0;
    return COSINE[(row % BLOCK) * BLOCK + column % BLOCK]!;
  });
  return { forward: matrixTensor(blocks), inverse: matrixTensor(transpose(blocks)) };
}

/** Rounds the cosine coefficients of the 8 x 8 blocks of planes [N, H, W, C] to multiples of steps [64]. */
function quantized(planes: Tensor, steps: Float64Array): Tensor {
  const [, height, width, channels] = planes.shape as readonly [number, number, number, number];
  const [rows, columns] = [cosines(height), cosines(width)];
  const spacing = pixelValues(
    [height, width, channels],
    (row, column) => steps[(row % BLOCK) * BLOCK + column % BLOCK]!,
  );
  const coefficients = separable(constant(rows.forward), planes, constant(columns.forward));
  const rounded = mul(roundStraight(mul(coefficients, reciprocal(constant(spacing)))), constant(spacing));
  return separable(constant(rows.inverse), rounded, constant(columns.inverse));
}

/** Where the elements of a picture are in one of other sides; beyond it there is nothing. */
function corner([height, width]: Shape, to: Shape): HostTensor {
  return pixelPlaces(to, width!, (row, column) => row < height! && column < width! ? [row, column] : undefined);
}

/**
 * Compresses pictures as `jpegNoise` does. The gradient goes straight through the rounding of the coefficients, and stops
 * where the result is clamped.
 * @param imageShape [H, W, C], C = 1 (as equal red, green and blue) or 3
 * @throws {TypeError} if the shape is another one
 */
function build(imageShape: Shape, options: ValuesOf<typeof PARAMETERS>): NonlinearOperator {
  const [height, width, channels] = checkImageShape("jpeg", imageShape);
  const shape = [height, width, channels];
  if (channels !== 1 && channels !== 3) {
    throw new TypeError(
      `Cannot build operator "jpeg": the image has ${channels} channels, 1 or 3 are needed; use a picture`,
    );
  }
  const { luminance, chrominance } = jpegSteps(options);
  const up = (extent: number): number => Math.ceil(extent / UNIT) * UNIT;
  const padded = [up(height), up(width), channels];
  const isPadded = padded.some((extent, axis) => extent !== shape[axis]);
  const colours = (rows: readonly (readonly number[])[]): HostTensor =>
    matrixTensor(matrix(3, 3, (row, column) => rows[row]![column]!));
  const [toPlanes, fromPlanes] = [colours(TO_PLANES), colours(FROM_PLANES)];
  const shifted = (x: Tensor, by: number): Tensor => add(x, fill(x.shape, by));
  const light = (plane: Tensor): Tensor => shifted(quantized(shifted(plane, -MIDDLE), luminance), MIDDLE);
  const compressed = (levels: Tensor): Tensor => {
    if (channels === 1) return light(levels);
    const planes = linear(levels, constant(toPlanes));
    const small = quantized(averagePool(sliceChannels(planes, 1, 3), 2), chrominance);
    const all = concatChannels(light(sliceChannels(planes, 0, 1)), upsampleNearest(small, 2));
    return linear(all, constant(fromPlanes));
  };
  return nonlinearOperator({
    name: "jpeg",
    imageShape: shape,
    measurementShape: shape,
    forward(x): Tensor {
      const levels = weightedSum([[127.5, shifted(x, 1)]]);
      const whole = isPadded ? gatherElements(levels, constant(corner(shape, padded))) : levels;
      const result = clamp(compressed(whole), 0, 255);
      const cut = isPadded ? gatherElements(result, constant(corner(padded, shape))) : result;
      return shifted(weightedSum([[1 / 127.5, cut]]), -1);
    },
    estimate: copy,
  });
}

/** JPEG compression. */
export const jpeg: OperatorEntry<NonlinearOperator, typeof PARAMETERS> = nonlinearEntry({
  name: "jpeg",
  about: "the picture compressed as JPEG",
  parameters: PARAMETERS,
  build,
  examples: [
    { imageShape: [16, 32, 3], options: {} },
    { imageShape: [13, 21, 3], options: { quality: 30, tables: "standard" } },
    { imageShape: [16, 24, 1], options: { quality: 10 } },
  ],
  tasks: [{ name: "jpeg", about: "repair a picture compressed as JPEG", kind: "deblurring", form: "picture" }],
});
