/** Masks and blur kernels from files, read as the options --mask and --kernel read them. */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";
import {
  arrayPlanes,
  DecodeError,
  decodeNpy,
  type Image,
  kernelOfArray,
  kernelOfImage,
  kernelOfSumOne,
  kernelOfText,
  type KernelTaps,
  maskOfSize,
  planesAsImage,
  readAsMask,
  type Size,
} from "../../raster/mod.ts";
import { sentence } from "../../restoration/mod.ts";
import type { Mask } from "../protocol.ts";
import { decode } from "./decode.ts";

/** Largest text of a kernel in bytes. */
const MOST_TEXT = 64e6;

/**
 * Reads a mask, a picture of two values or a NumPy array: the brighter value is known.
 * @param size of the picture; a mask of the same shape and another size is resized to it
 * @returns the mask, and what should be said of it, as sentences
 * @throws {Error} if it cannot be read, looks like no mask, or has another shape
 */
export async function readMaskFile(
  file: File,
  size: Size,
): Promise<{ readonly mask: Mask; readonly notes: readonly string[] }> {
  return await refusing(`use mask "${file.name}"`, async () => {
    const image = isArray(file) ? planesAsImage(arrayPlanes(await arrayIn(file))) : await imageIn(file);
    const { width, height, data, notes } = maskOfSize(readAsMask(image, "white"), size);
    return { mask: { width, height, known: Uint8Array.from(data) }, notes: notes.map(sentence) };
  });
}

/**
 * Reads a blur kernel: a picture of it, a NumPy array, or a text with a row of numbers on each line.
 * @returns [h, w], of sum 1
 * @throws {Error} if it cannot be read, or its sum is not positive
 */
export async function readKernelFile(file: File): Promise<HostTensor> {
  return await refusing(`read kernel "${file.name}"`, async () => {
    const { width, height, data } = kernelOfSumOne(await tapsIn(file));
    return hostTensor(data, [height, width]);
  });
}

async function tapsIn(file: File): Promise<KernelTaps> {
  if (isArray(file)) return kernelOfArray(arrayPlanes(await arrayIn(file)));
  if (file.type.startsWith("image/")) return kernelOfImage(await imageIn(file));
  if (file.size > MOST_TEXT) throw new DecodeError(`it has ${file.size} bytes, at most ${MOST_TEXT} are read; crop it`);
  return kernelOfText(await file.text());
}

function isArray({ name }: File): boolean {
  return /\.npy$/i.test(name);
}

async function arrayIn(file: File): Promise<ReturnType<typeof decodeNpy>> {
  return decodeNpy(new Uint8Array(await file.arrayBuffer()));
}

async function imageIn(file: File): Promise<Image> {
  return (await decode(file, file.name)).decoded;
}

/** What a reader refuses is told with the name of the file. */
async function refusing<T>(action: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof RangeError)) throw error;
    throw new Error(`Cannot ${action}: ${error.message}`, { cause: error });
  }
}
