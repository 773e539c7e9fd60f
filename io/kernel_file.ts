/** Blur kernels from files: a picture of the kernel, an array, or a text with its numbers. */
import { type HostTensor, hostTensor } from "../engine/mod.ts";
import {
  DecodeError,
  kernelOfArray,
  kernelOfImage,
  kernelOfSumOne,
  kernelOfText,
  type KernelTaps,
} from "../raster/mod.ts";
import { isArrayName, readNpyPlanes } from "./array_file.ts";
import { FileError } from "./file_error.ts";
import { readImage } from "./image_file.ts";

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
  try {
    const { width, height, data } = kernelOfSumOne(await readTaps(path));
    return hostTensor(data, [height, width]);
  } catch (error) {
    if (error instanceof DecodeError) throw refused(path, error.message);
    throw error;
  }
}

async function readTaps(path: string): Promise<KernelTaps> {
  if (isArrayName(path)) return kernelOfArray(await readNpyPlanes(path));
  if (/\.(png|jpe?g|webp|avif)$/i.test(path)) return kernelOfImage(await readImage(path));
  return kernelOfText(await readText(path));
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
