/**
 * The map V from coefficients to images as the published SVD operators lay it out. Their coefficients are vectors in an
 * order of their own, and their bases are whatever the decomposition gave, so recorded noise means something only with
 * the factors of the file.
 */
import { elementCount, type Shape } from "../../engine/mod.ts";
import type { ReferenceFile, StoredTensor } from "../reference_file.ts";
import { NotSupportedError } from "../row.ts";

/** V c for a vector of coefficients of one image, as an image [H, W, C]. */
export type PublishedBasis = (coefficients: Float32Array) => Float32Array;

/**
 * The basis of an operator of a file.
 * @param name what the file calls the operator
 * @param imageShape [H, W, C]
 * @throws {NotSupportedError} if its layout is not known
 * @throws {CheckpointError} if a factor is missing
 */
export async function publishedBasis(file: ReferenceFile, name: string, imageShape: Shape): Promise<PublishedBasis> {
  const [height, width, channels] = imageShape as [number, number, number];
  const pixels = height * width;
  if (/denois|identity/i.test(name)) return (c) => interleave(c, channels);
  if (/inpaint|mask/i.test(name)) {
    const places = await maskedPlaces(file, pixels, channels);
    return (c) => scatter(c, places);
  }
  const twofold = factorName(file, name, "V1");
  if (/blur/i.test(name) && file.has(twofold)) {
    const [left, right] = [await file.read(twofold), await file.read(factorName(file, name, "V2"))];
    const order = Array.from(await file.readNumbers(factorName(file, name, "perm")));
    return (c) => separable(left.data, scatterPixels(c, order, channels), imageShape, right.data);
  }
  const v = await file.read(factorName(file, name, "V"));
  if (/color/i.test(name)) {
    return (c) => perPixel(v.data, interleave(c, channels), channels);
  }
  if (/bicubic|srconv/i.test(name)) {
    const small = Math.min(...(await file.read(factorName(file, name, "U"))).shape);
    const order = [...keptFirst(width, small), ...rest(pixels, small * width)];
    return (c) => separable(v.data, scatterPixels(c, order, channels), imageShape);
  }
  if (/blur/i.test(name)) {
    const order = Array.from(await file.readNumbers(factorName(file, name, "perm")));
    return (c) => separable(v.data, scatterPixels(c, order, channels), imageShape);
  }
  if (/average|pool|block|superresolution/i.test(name)) {
    const scale = Math.round(Math.sqrt(v.shape[0]!));
    return (c) => blocks(v.data, c, { height, width, channels, scale });
  }
  throw new NotSupportedError(`the layout of the coefficients of "${name}" is not known`);
}

/** A batch of vectors of coefficients as a batch of images [N, H, W, C]. */
export function imagesOf(basis: PublishedBasis, { data, shape }: StoredTensor, imageShape: Shape): StoredTensor {
  const size = elementCount(imageShape);
  const batch = shape[0]!;
  const images = new Float32Array(batch * size);
  for (let n = 0; n < batch; n++) images.set(basis(data.slice(n * size, (n + 1) * size)), n * size);
  return { data: images, shape: [batch, ...imageShape] };
}

function factorName(file: ReferenceFile, operator: string, part: string): string {
  const names = [`svd.${part}`, `${operator}.${part}`, part];
  return names.find((name) => file.has(name)) ?? names[0]!;
}

/** [C, pixels] -> [pixels, C]. */
function interleave(data: Float32Array, channels: number): Float32Array {
  const pixels = data.length / channels;
  return data.map((_, i) => data[(i % channels) * pixels + Math.floor(i / channels)]!);
}

/** Entry i of the vector goes to place `places[i]`. */
function scatter(data: Float32Array, places: readonly number[]): Float32Array {
  const image = new Float32Array(data.length);
  data.forEach((value, i) => image[places[i]!] = value);
  return image;
}

/** Groups of one value a channel: group i goes to pixel `order[i]`. */
function scatterPixels(data: Float32Array, order: readonly number[], channels: number): Float32Array {
  return scatter(data, order.flatMap((pixel) => Array.from({ length: channels }, (_, c) => pixel * channels + c)));
}

/** Known places in ascending order, then the missing ones, channel after channel. */
async function maskedPlaces(file: ReferenceFile, pixels: number, channels: number): Promise<readonly number[]> {
  const [name] = file.names(/(^|\.)mask$/);
  const mask = await file.readNumbers(name ?? "mask");
  const isKnown = (pixel: number): boolean => mask[pixel] === 1;
  const all = Array.from({ length: pixels * channels }, (_, place) => place);
  const missing = Array.from(
    { length: channels },
    (_, channel) => all.filter((place) => place % channels === channel && !isKnown(Math.floor(place / channels))),
  );
  return [...all.filter((place) => isKnown(Math.floor(place / channels))), ...missing.flat()];
}

/** The matrix [C, C] applied to the channels of every pixel. */
function perPixel(matrix: Float32Array, image: Float32Array, channels: number): Float32Array {
  return image.map((_, i) => {
    const [pixel, row] = [Math.floor(i / channels), i % channels];
    let sum = 0;
    for (let k = 0; k < channels; k++) sum += matrix[row * channels + k]! * image[pixel * channels + k]!;
    return sum;
  });
}

/** Pixels of the rows below `small`: first their columns below `small`, then the others. */
function keptFirst(width: number, small: number): readonly number[] {
  const rows = Array.from({ length: small }, (_, row) => row);
  const columns = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
  return [[0, small], [small, width]].flatMap(([from, to]) =>
    rows.flatMap((row) => columns(from!, to!).map((column) => row * width + column))
  );
}

function rest(total: number, from: number): readonly number[] {
  return Array.from({ length: total - from }, (_, i) => from + i);
}

/** V X W^T of every channel of a square image. */
function separable(
  v: Float32Array,
  image: Float32Array,
  [extent, , channels]: Shape,
  w: Float32Array = v,
): Float32Array {
  const [n, c] = [extent!, channels!];
  const along = (matrix: Float32Array, x: Float64Array, stride: number, other: number): Float64Array => {
    const y = new Float64Array(x.length);
    for (let line = 0; line < n; line++) {
      for (let k = 0; k < n; k++) {
        for (let channel = 0; channel < c; channel++) {
          let sum = 0;
          for (let j = 0; j < n; j++) sum += matrix[k * n + j]! * x[j * stride + line * other + channel]!;
          y[k * stride + line * other + channel] = sum;
        }
      }
    }
    return y;
  };
  return Float32Array.from(along(w, along(v, Float64Array.from(image), n * c, c), c, n * c));
}

/** Blocks of scale x scale pixels: first the leading coefficient of all, then for each block its others. */
function blocks(
  v: Float32Array,
  data: Float32Array,
  { height, width, channels, scale }: {
    readonly height: number;
    readonly width: number;
    readonly channels: number;
    readonly scale: number;
  },
): Float32Array {
  const [rows, columns, size] = [height / scale, width / scale, scale * scale];
  const count = channels * rows * columns;
  const image = new Float32Array(data.length);
  for (let block = 0; block < count; block++) {
    const channel = Math.floor(block / (rows * columns));
    const [top, left] = [Math.floor(block / columns) % rows, block % columns];
    for (let place = 0; place < size; place++) {
      let sum = v[place * size]! * data[block]!;
      for (let k = 1; k < size; k++) sum += v[place * size + k]! * data[count + block * (size - 1) + k - 1]!;
      const row = top * scale + Math.floor(place / scale);
      const column = left * scale + place % scale;
      image[(row * width + column) * channels + channel] = sum;
    }
  }
  return image;
}
