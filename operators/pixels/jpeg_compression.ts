/** JPEG compression as a degradation of pictures: a file's own tables, or the published loss of `jpegNoise`. */
import { constant, type HostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { add, clamp, concatChannels, copy, fill, linear, roundStraight, sub, weightedSum } from "../../kernels/mod.ts";
import { choice, data, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { nonlinearEntry, type OperatorEntry, type TaskContext } from "../entry.ts";
import { jpegSteps, type JpegTables, MIDDLE, TO_PLANES } from "./jpeg.ts";
import { isPartial, type JpegFile, type JpegPlane, jpegTransform } from "./jpeg_blocks.ts";
import { checkImageShape, type NonlinearOperator, nonlinearOperator } from "../operator.ts";
import { matrix, matrixTensor } from "../matrix.ts";

/** Which compression is meant. */
export const JPEG_PARAMETERS = {
  quality: number(60, { min: 1, max: 100 }, "quality of the compression") as Parameter<number>,
  tables: choice<JpegTables>(
    "published",
    ["published", "standard", "whole"],
    { programsOnly: true },
    "which way round the quantisation tables are used, or in whole steps as programs write them",
  ) as Parameter<JpegTables>,
  file: data<JpegFile>(
    { needed: "planes, color and place of a JPEG file", fits: isFile },
    "how a file was compressed, instead of a quality",
  ) as Parameter<JpegFile | undefined>,
};

const PARAMETERS = JPEG_PARAMETERS;

function isFile(value: unknown): boolean {
  return typeof value === "object" && value !== null && "planes" in value && "place" in value && "color" in value;
}

/** Back from luminance and the two chrominances to red, green and blue, one column for each. */
const FROM_PLANES = [[1, 1, 1], [0, -0.344136, 1.772], [1.402, -0.714136, 0]] as const;

/**
 * Coefficients of a picture may lie so far from the stored ones, in steps. Half a step would do, but for rounding: what
 * is projected must be rounded to the same coefficients when it is compressed again, also from 8 bits.
 */
const HALF = 0.45;

/** Projections in turn where blocks reach beyond the picture, whose border then belongs to what is compressed. */
const ROUNDS = 4;

/** The compression that parameters describe, of pictures [height, width]. */
export function compressionOf(
  [height, width]: readonly [number, number, number],
  { quality, tables, file }: ValuesOf<typeof PARAMETERS>,
): JpegFile {
  if (file) return file;
  const { luminance, chrominance } = jpegSteps({ quality, tables });
  const colours: JpegPlane = { steps: chrominance, reduction: [2, 2] };
  return {
    planes: [{ steps: luminance, reduction: [1, 1] }, colours, colours],
    color: "ycbcr",
    place: { top: 0, left: 0, height, width, orientation: 1 },
  };
}

/**
 * Compresses pictures: levels 0 .. 255 become luminance and chrominance, chrominance is averaged over the pixels of one
 * of its samples, cosine coefficients of 8 x 8 blocks are rounded to multiples of the steps, and all is undone. The
 * gradient goes straight through the rounding. Beyond the picture, blocks hold 0 as in `jpegNoise`; of files, the pixels
 * at the border.
 *
 * `project` brings the coefficients of x to within half a step of those of y, which are the stored ones where y is the
 * decoded picture, each value repeated over the pixels of its sample.
 * @param imageShape [H, W, C], C = 1 (as equal red, green and blue) or 3
 * @throws {TypeError} if the shape is another one
 */
function build(imageShape: Shape, options: ValuesOf<typeof PARAMETERS>): NonlinearOperator {
  const sides = checkImageShape("jpeg", imageShape);
  const channels = sides[2];
  if (channels !== 1 && channels !== 3) {
    throw new TypeError(
      `Cannot build operator "jpeg": the image has ${channels} channels, 1 or 3 are needed; use a picture`,
    );
  }
  const { planes: all, color, place } = compressionOf(sides, options);
  const planes = all.slice(0, channels);
  const isOwn = options.file !== undefined;
  const padding = isOwn || options.tables === "whole" ? "edge" : "zero";
  const isConverted = color !== "rgb" && channels === 3;
  const transforms = planes.map((plane, channel) =>
    // Chrominances lie around 0.
    jpegTransform(sides, plane, place, { channel, middle: isConverted && channel > 0 ? 0 : MIDDLE, padding })
  );
  const colours = (rows: readonly (readonly number[])[]): HostTensor =>
    matrixTensor(matrix(3, 3, (row, column) => rows[row]![column]!));
  const [toPlanes, fromPlanes] = [colours(TO_PLANES), colours(FROM_PLANES)];
  const planesOf = (x: Tensor): Tensor => {
    const levels = weightedSum([[127.5, add(x, fill(x.shape, 1))]]);
    return isConverted ? linear(levels, constant(toPlanes)) : levels;
  };
  const coefficients = (x: Tensor): readonly Tensor[] => {
    const levels = planesOf(x);
    return transforms.map(({ toCoefficients }) => toCoefficients(levels));
  };
  /** Planes as colours; a gray file has one for all. */
  const joined = (each: readonly Tensor[]): Tensor => {
    const three = each.length < channels ? [each[0]!, each[0]!, each[0]!] : each;
    const whole = three.reduce((some, next) => concatChannels(some, next));
    return isConverted && each.length === 3 ? linear(whole, constant(fromPlanes)) : whole;
  };
  /** What is wrong with coefficients, in the picture: nothing as far as they would be rounded to those of y. */
  const excess = (x: Tensor, stored: readonly Tensor[], half: number): Tensor => {
    const beyond = coefficients(x).map((found, channel) => {
      const distance = sub(found, stored[channel]!);
      return transforms[channel]!.toDifference(sub(distance, clamp(distance, -half, half)));
    });
    return weightedSum([[1 / 127.5, joined(beyond)]]);
  };
  const rounds = planes.some((plane) => isPartial(plane, place)) ? ROUNDS : 1;
  const gray = matrixTensor(matrix(3, 3, (row) => TO_PLANES[row]![0]));
  return nonlinearOperator({
    name: "jpeg",
    imageShape: sides,
    measurementShape: sides,
    forward(x): Tensor {
      const levels = joined(
        coefficients(x).map((found, channel) => transforms[channel]!.toPlane(roundStraight(found))),
      );
      // What a file holds may decode to values out of range.
      return add(weightedSum([[1 / 127.5, isOwn ? levels : clamp(levels, 0, 255)]]), fill(x.shape, -1));
    },
    estimate: copy,
    project(x, y, to = "nearest"): Tensor {
      const half = to === "nearest" ? HALF : 0;
      const stored = coefficients(y).map(roundStraight);
      let image = planes.length < channels ? linear(x, constant(gray)) : x;
      for (let round = 0; round < rounds; round++) image = sub(image, excess(image, stored, half));
      return image;
    },
  });
}

/** JPEG compression. */
export const jpeg: OperatorEntry<NonlinearOperator, typeof PARAMETERS> = nonlinearEntry({
  name: "jpeg",
  about: "the picture compressed as JPEG",
  parameters: PARAMETERS,
  build,
  projects: true,
  examples: [
    { imageShape: [16, 32, 3], options: {} },
    { imageShape: [13, 21, 3], options: { quality: 30, tables: "standard" } },
    { imageShape: [16, 24, 1], options: { quality: 10 } },
    { imageShape: [16, 16, 3], options: { quality: 25, tables: "whole" } },
  ],
  tasks: [{
    name: "jpeg",
    about: "repair a picture compressed as JPEG",
    kind: "compression",
    isLocal: true,
  }],
  defaultsFor: ({ jpeg }: TaskContext) => jpeg ? { file: jpeg } : {},
});
