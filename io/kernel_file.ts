/** Blur kernels from files: a picture of the kernel, an array, or a text with its numbers. */
import { type HostTensor, hostTensor } from "../engine/mod.ts";
import { colourRaster, rgbToGray } from "../raster/mod.ts";
import { isArrayName, readNpyPlanes } from "./array_file.ts";
import { FileError } from "./file_error.ts";
import { readImage } from "./image_file.ts";

/** Longest side of a kernel in pixels. */
const LONGEST = 1023;

/** Largest text in bytes; a million numbers in full precision take 25 MB. */
const MOST_BYTES = 64e6;

/**
 * Reads a kernel and scales it to sum 1. A picture counts black as 0 and the mean of its channels as the weight; a NumPy
 * array (.npy) holds the weights; any other file is a text of rows with numbers between blanks, commas or semicolons; lines that begin with #
 * are comments. The middle of the kernel is at (floor(h / 2), floor(w / 2)).
 * @returns [h, w]
 * @throws {FileError} if the file cannot be read, has no rectangle of finite numbers, or their sum is not positive
 */
export async function readKernel(path: string): Promise<HostTensor> {
  const { width, height, data } = isArrayName(path)
    ? await arrayTaps(path)
    : /\.(png|jpe?g|webp|avif)$/i.test(path)
    ? await pictureTaps(path)
    : await textTaps(path);
  if (Math.max(width, height) > LONGEST) {
    throw refused(path, `it has ${width} x ${height} numbers, at most ${LONGEST} x ${LONGEST} are possible; crop it`);
  }
  const sum = Array.from(data).reduce((a, b) => a + b, 0);
  const size = Array.from(data).reduce((a, b) => a + Math.abs(b), 0);
  if (!(sum > 1e-6 * size)) {
    throw refused(path, `its numbers add up to ${sum}, more than 0 is needed: a blur keeps the brightness`);
  }
  return hostTensor(Float32Array.from(data, (tap) => tap / sum), [height, width]);
}

interface Taps {
  readonly width: number;
  readonly height: number;
  readonly data: ArrayLike<number>;
}

async function pictureTaps(path: string): Promise<Taps> {
  const { width, height, data } = rgbToGray(colourRaster(await readImage(path)));
  return { width, height, data: Float64Array.from(data, (value) => Math.max(0, (value + 1) / 2)) };
}

async function arrayTaps(path: string): Promise<Taps> {
  const { channels, ...planes } = await readNpyPlanes(path);
  if (channels === 1) return planes;
  throw refused(path, "it is an array of three channels, [h, w] is needed; take their mean");
}

async function textTaps(path: string): Promise<Taps> {
  const rows = (await readText(path)).split(/\r?\n/).map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/[\s,;]+/).filter((word) => word !== ""));
  const width = rows[0]?.length ?? 0;
  if (width === 0) throw refused(path, "it holds no numbers; write one row of the kernel on each line");
  const data = rows.flatMap((row, index) => {
    if (row.length !== width) {
      throw refused(path, `row ${index + 1} has ${row.length} numbers, the first has ${width}; make them equally long`);
    }
    return row.map((word) => {
      const value = Number(word);
      if (Number.isFinite(value)) return value;
      throw refused(path, `row ${index + 1} holds ${JSON.stringify(word.slice(0, 40))}, a finite number is needed`);
    });
  });
  return { width, height: rows.length, data };
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await Deno.stat(path);
    if (size > MOST_BYTES) throw refused(path, `it has ${size} bytes, at most ${MOST_BYTES} are read; crop it`);
    return new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(path));
  } catch (error) {
    if (error instanceof FileError) throw error;
    const found = error instanceof Deno.errors.NotFound
      ? "there is no such file; check the path"
      : error instanceof TypeError
      ? "it is neither a PNG or JPEG by its name nor a text; write the numbers of the kernel, a row on each line"
      : (error as Error).message;
    throw refused(path, found);
  }
}

function refused(path: string, found: string): FileError {
  return new FileError(`Cannot read kernel "${path}": ${found}`);
}
