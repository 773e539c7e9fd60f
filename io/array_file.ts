/** Arrays of NumPy from files. */
import { type ArrayPlanes, arrayPlanes, DecodeError, decodeNpy, type Raster, type StoredArray } from "../raster/mod.ts";
import { FileError } from "./file_error.ts";
import { FileSource } from "./file_source.ts";

/** Most bytes of a file: a picture of 64 megapixels in three channels of 64 bits. */
const MOST_BYTES = 1.6e9;

/**
 * Whether a file is meant as an array, by its name.
 *
 * @param path Path or name.
 * @returns True for names that end in .npy.
 */
export function isArrayName(path: string): boolean {
  return /\.npy$/i.test(path);
}

/**
 * Reads an array that NumPy saved; nothing in it is run.
 *
 * @param path Path of a .npy file.
 * @returns Shape and values, as `decodeNpy` gives them.
 * @throws FileError If it is not such a file, is cut short, or holds other values (complex, text, objects, dates).
 */
export async function readNpy(path: string): Promise<StoredArray> {
  using source = await FileSource.open(path);
  const { size } = source;
  if (size > MOST_BYTES) {
    throw new FileError(`Cannot read "${path}": it has ${size} bytes, at most ${MOST_BYTES} are read`);
  }
  const bytes = await source.read(0, size);
  return named(`Cannot read "${path}"`, () => decodeNpy(bytes));
}

/**
 * Reads an array as a plane or a picture; axes of one are passed over where they are not rows and columns.
 *
 * @param path Path of a .npy file.
 * @returns [H, W], [H, W, 1] or [H, W, 3].
 * @throws FileError If it cannot be read, has another shape, or holds what is no number.
 */
export async function readNpyPlanes(path: string): Promise<ArrayPlanes> {
  const array = await readNpy(path);
  return named(`Cannot read "${path}" as a picture`, () => arrayPlanes(array));
}

/** What a decoder gives; what it refuses is told with the name of the file. */
function named<T>(action: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) throw new FileError(`${action}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Values that stand for black and white where the type says it. */
const RANGES: Readonly<Record<string, readonly [low: number, high: number]>> = {
  b1: [0, 1],
  u1: [0, 255],
  u2: [0, 65535],
};

/**
 * Reads an array as a picture: x = 2 (v - low) / (high - low) - 1.
 *
 * @param path Path of a .npy file.
 * @param range Values of black and white; 0 and the largest value by default for truth values and for whole numbers
 * without sign of 8 and 16 bits. Needed for all other types.
 * @returns [H, W, 1] or [H, W, 3]; values beyond the range are kept.
 * @throws FileError If it cannot be read, has another shape, or its range is not known.
 */
export async function readNpyPicture(path: string, range?: readonly [low: number, high: number]): Promise<Raster> {
  const { dtype, data, ...size } = await readNpyPlanes(path);
  const ends = range ?? RANGES[dtype];
  if (!ends || !(ends[1] > ends[0])) {
    const [low, high] = data.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    throw new FileError(
      `Cannot read "${path}" as a picture: values of the type ${dtype} do not say what is black and white; state their ` +
        `range, such as 0 to 1 or -1 to 1 (found are ${low} to ${high})`,
    );
  }
  const [low, high] = ends;
  return { ...size, data: Float32Array.from(data, (value) => 2 * (value - low) / (high - low) - 1) };
}
