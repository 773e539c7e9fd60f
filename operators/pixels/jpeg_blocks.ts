/** The coefficients that a JPEG file stores, as maps of tensors: blocks of one colour plane to cosines and back. */
import { constant, hostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { gatherElements, linear, NO_ELEMENT } from "../../kernels/mod.ts";
import { matrix, matrixTensor } from "../matrix.ts";
import { BLOCK, COSINE } from "./jpeg.ts";

/** One colour plane of a file. */
export interface JpegPlane {
  /** Its 64 quantisation steps, row by row of vertical frequency. */
  readonly steps: ArrayLike<number>;
  /** How many times fewer rows and columns it has than the picture. */
  readonly reduction: readonly [rows: number, columns: number];
}

/** Where the blocks of a file lie on the image of an operator. */
export interface JpegPlace {
  /** First row of the picture on the image. */
  readonly top: number;
  /** First column. */
  readonly left: number;
  /** Rows of the picture, upright. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
  /** EXIF orientation, 1 to 8, by which the stored picture was turned upright; blocks begin at the stored corner. */
  readonly orientation: number;
}

/** How a file was compressed, and where it lies on the image of the operator. */
export interface JpegFile {
  /** Luminance alone, or three planes. */
  readonly planes: readonly JpegPlane[];
  /** Of what space three planes are. */
  readonly color: "gray" | "rgb" | "ycbcr";
  /** Where its blocks lie. */
  readonly place: JpegPlace;
}

/** A plane as coefficients in units of their steps, and back. */
export interface JpegTransform {
  /** From one plane of images [N, H, W, C] to [N, blocks, 64]. */
  toCoefficients(planes: Tensor): Tensor;
  /** To the plane [N, H, W, 1]; 0 where the picture is not. */
  toPlane(coefficients: Tensor): Tensor;
  /** The same of differences of coefficients, which know no middle. */
  toDifference(coefficients: Tensor): Tensor;
}

/** Which plane of an image, and how it is seen. */
export interface JpegView {
  /** Its channel. */
  readonly channel: number;
  /** The level around which its values lie. */
  readonly middle: number;
  /** What blocks hold beyond the picture: the pixel at its border, as encoders write it, or 0. */
  readonly padding: "edge" | "zero";
}

/**
 * The transform of one plane: means of reduction[0] x reduction[1] pixels, the orthonormal DCT-II of blocks of 8 x 8 of
 * them, and division by the steps. The inverse repeats each value over its pixels, so that `toCoefficients` undoes it.
 * @param imageShape [H, W, C] of the planes
 */
export function jpegTransform(
  [height = 0, width = 0, channels = 0]: Shape,
  { steps, reduction: [down, across] }: JpegPlane,
  place: JpegPlace,
  { channel, middle, padding }: JpegView,
): JpegTransform {
  const { rows, columns } = stored(place);
  const [tall, wide] = [BLOCK * down, BLOCK * across];
  const size = tall * wide;
  const perRow = Math.ceil(columns / wide);
  const count = Math.ceil(rows / tall) * perRow;
  const split = new Uint32Array(count * size);
  const join = new Uint32Array(height * width).fill(NO_ELEMENT);
  for (let i = 0; i < split.length; i++) {
    const [block, p] = [Math.floor(i / size), i % size];
    const row = Math.floor(block / perRow) * tall + Math.floor(p / wide);
    const column = (block % perRow) * wide + p % wide;
    const isInside = row < rows && column < columns;
    const [y, x] = upright(Math.min(row, rows - 1), Math.min(column, columns - 1), place);
    const pixel = y * width + x;
    split[i] = isInside || padding === "edge" ? pixel * channels + channel : NO_ELEMENT;
    if (isInside) join[pixel] = i;
  }
  const wave = (coefficient: number, p: number): number =>
    COSINE[Math.floor(coefficient / BLOCK) * BLOCK + Math.floor(Math.floor(p / wide) / down)]! *
    COSINE[(coefficient % BLOCK) * BLOCK + Math.floor((p % wide) / across)]!;
  const forward = matrixTensor(matrix(size, 64, (p, k) => wave(k, p) / (down * across * steps[k]!)));
  const inverse = matrixTensor(matrix(64, size, (k, p) => wave(k, p) * steps[k]!));
  // A constant m has one coefficient, 8 m.
  const lower = hostTensor(Float32Array.from(steps, (step, k) => k === 0 ? -BLOCK * middle / step : 0), [64]);
  const raise = hostTensor(new Float32Array(size).fill(middle), [size]);
  const [intoBlocks, intoPlane] = [hostTensor(split, [count, size]), hostTensor(join, [height, width, 1])];
  const plane = (c: Tensor, bias?: Tensor): Tensor =>
    gatherElements(linear(c, constant(inverse), bias), constant(intoPlane));
  return {
    toCoefficients: (planes) =>
      linear(gatherElements(planes, constant(intoBlocks)), constant(forward), constant(lower)),
    toPlane: (c) => plane(c, constant(raise)),
    toDifference: (c) => plane(c),
  };
}

/** Whether some block reaches beyond the picture. */
export function isPartial({ reduction: [down, across] }: JpegPlane, place: JpegPlace): boolean {
  const { rows, columns } = stored(place);
  return rows % (BLOCK * down) !== 0 || columns % (BLOCK * across) !== 0;
}

/** Size as stored. */
function stored({ height, width, orientation }: JpegPlace): { readonly rows: number; readonly columns: number } {
  return orientation >= 5 ? { rows: width, columns: height } : { rows: height, columns: width };
}

/** The stored row and column of a row and column on the image; beyond the picture it goes on. */
export function storedPlace(y: number, x: number, place: JpegPlace): readonly [row: number, column: number] {
  const { rows, columns } = stored(place);
  const { top, left, orientation } = place;
  const [r, c] = orientation >= 5 ? [x - left, y - top] : [y - top, x - left];
  return [
    [3, 4, 6, 7].includes(orientation) ? rows - 1 - r : r,
    [2, 3, 7, 8].includes(orientation) ? columns - 1 - c : c,
  ];
}

/** Row and column on the image of a stored row and column (EXIF 2.32, tag 0x0112). */
function upright(row: number, column: number, place: JpegPlace): readonly [row: number, column: number] {
  const { rows, columns } = stored(place);
  const { top, left, orientation } = place;
  const r = [3, 4, 6, 7].includes(orientation) ? rows - 1 - row : row;
  const c = [2, 3, 7, 8].includes(orientation) ? columns - 1 - column : column;
  return orientation >= 5 ? [top + c, left + r] : [top + r, left + c];
}
