import { maskOfSize, type MaskReading, planesAsImage, readAsMask, readColourMask, type Size } from "../raster/mod.ts";
import { isArrayName, readNpyPlanes } from "./array_file.ts";
import { ImageError } from "./codecs/image.ts";
import { readImage, type ReadImageOptions } from "./image_file.ts";

/** A mask of known and missing pixels. */
export interface Mask extends Omit<MaskReading, "notes"> {
  /** Sentences for the user. */
  readonly warnings: readonly string[];
}

/** What `readMask` needs to know. */
export interface ReadMaskOptions extends ReadImageOptions {
  /** The colour of the pixels that are known and kept; the other colour marks what is missing. */
  readonly keep: "white" | "black";
  /** The colour in which missing pixels are painted, where they are: a name, or hexadecimal. */
  readonly colour?: string | undefined;
  /** Size of the picture; a mask of the same shape and another size is resized to it. */
  readonly size?: Size;
}

/**
 * Reads a mask, a picture of two values whatever they are, or a NumPy array; in a lossy file they may be noisy. The
 * brighter of them is white. Strokes on a clear layer count as a mask, and a picture with holes in its transparency too.
 *
 * @param path A picture, or an array with a name in .npy: [H, W] or [H, W, 1].
 * @param options Which colour is kept, the size of the picture, and limits.
 * @returns 1 where the picture is known, 0 where it is missing; where a resized pixel is missing in part it is missing.
 * @throws ImageError If the file cannot be read, has one value or too many, or the shape of another picture.
 */
export async function readMask(path: string, { keep, colour, size, ...limits }: ReadMaskOptions): Promise<Mask> {
  const image = isArrayName(path)
    ? { ...planesAsImage(await readNpyPlanes(path)), warnings: [] }
    : await readImage(path, limits);
  try {
    const reading = colour === undefined ? readAsMask(image, keep) : readColourMask(image, colour);
    const { notes, ...mask } = size ? maskOfSize(reading, size) : reading;
    return { ...mask, warnings: [...image.warnings, ...notes] };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ImageError(`Cannot use mask "${path}": ${error.message}`, { cause: error });
  }
}
