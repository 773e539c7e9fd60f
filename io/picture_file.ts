/** Pictures of files as tensors. */
import { formatShape, type HostTensor, hostTensor } from "../engine/mod.ts";
import {
  alphaRaster,
  colourRaster,
  crop,
  fillUnderAlpha,
  grayToRgb,
  type Raster,
  resize,
  toImage,
} from "../raster/mod.ts";
import { isArrayName, readNpyPicture } from "./array_file.ts";
import { readImage, type ReadImageOptions } from "./image_file.ts";
import { writeImage, type WriteImageOptions } from "./write_image.ts";

/** How a picture is read. */
export interface ReadPictureOptions extends ReadImageOptions {
  /** Side of the square that is made of the middle of the picture, in pixels; by default it keeps its size. */
  readonly side?: number;
  /** Values of black and white in a NumPy array; see `readNpyPicture`. */
  readonly range?: readonly [low: number, high: number];
}

/**
 * Reads a file as a picture of three colours: PNG, JPEG, WebP, AVIF, or an array with a name in .npy. What is transparent
 * is filled from what is around it.
 * @returns [H, W, 3], values in [-1, 1]
 * @throws {ImageError} if the file is missing, damaged, too large or no picture
 * @throws {RangeError} if the side is no positive integer
 */
export async function readPicture(
  path: string,
  { side, range, ...options }: ReadPictureOptions = {},
): Promise<HostTensor> {
  const whole = grayToRgb(isArrayName(path) ? await readNpyPicture(path, range) : await readOpaque(path, options));
  const { data, height, width } = side === undefined ? whole : square(whole, side);
  return hostTensor(data, [height, width, 3]);
}

/** The colours of a picture, those of transparent pixels from around them. */
async function readOpaque(path: string, options: ReadImageOptions): Promise<Raster> {
  const image = await readImage(path, options);
  const alpha = alphaRaster(image);
  return alpha ? fillUnderAlpha(colourRaster(image), alpha) : colourRaster(image);
}

function square(raster: Raster, side: number): Raster {
  if (!Number.isSafeInteger(side) || side < 1) {
    throw new RangeError(`Cannot read a picture with side ${side}: a positive integer is needed`);
  }
  const least = Math.min(raster.width, raster.height);
  const [x, y] = [raster.width, raster.height].map((extent) => Math.floor((extent - least) / 2)) as [number, number];
  const middle = crop(raster, { x, y, width: least, height: least });
  return resize(middle, { width: side, height: side }, side < least ? "area" : "bicubic");
}

/**
 * Writes a picture of 8 bits as PNG, JPEG or WebP, by the ending of the name; the file appears complete or not at all.
 * Values beyond [-1, 1] are clamped.
 * @param picture [H, W, C] or [1, H, W, C], C 1 or 3
 * @throws {TypeError} if it is of another shape
 * @throws {FileError} if it cannot be written, or its name has another ending
 */
export async function writePicture(path: string, picture: HostTensor, options: WriteImageOptions = {}): Promise<void> {
  const shape = picture.shape.length === 4 && picture.shape[0] === 1 ? picture.shape.slice(1) : picture.shape;
  const [height = 0, width = 0, channels = 0] = shape;
  if (shape.length !== 3 || (channels !== 1 && channels !== 3) || !(picture.data instanceof Float32Array)) {
    throw new TypeError(
      `Cannot write "${path}": the picture is ${formatShape(picture.shape)}, one of [H, W, 1] or [H, W, 3] is needed`,
    );
  }
  await writeImage(path, toImage({ width, height, channels, data: Float32Array.from(picture.data) }), options);
}
