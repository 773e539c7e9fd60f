import { type MaskReading, readAsMask, readColourMask, resize, type Size } from "../raster/mod.ts";
import { isArrayName, planesAsImage, readNpyPlanes } from "./array_file.ts";
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

/** Sides may differ by this much from one shape, as a part and in pixels. */
const SAME_SHAPE = { part: 0.02, pixels: 2 };

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
  let reading: MaskReading;
  try {
    reading = colour === undefined ? readAsMask(image, keep) : readColourMask(image, colour);
  } catch (error) {
    if (error instanceof RangeError) {
      throw new ImageError(`Cannot use mask "${path}": ${error.message}`, { cause: error });
    }
    throw error;
  }
  const { notes, ...mask } = reading;
  const warnings = [...image.warnings, ...notes];
  if (!size || (size.width === mask.width && size.height === mask.height)) return { ...mask, warnings };
  checkShape(path, mask, size);
  const { data } = resize({ ...mask, channels: 1 }, size, "area");
  const known = data.map((part) => part > 0.999 ? 1 : 0);
  const share = known.filter((value) => value === 0).length / known.length;
  if (share === 1) throw new ImageError(`Cannot use mask "${path}": made as large as the picture it keeps no pixel`);
  warnings.push(`the mask has ${mask.width} x ${mask.height} pixels and is resized to ${size.width} x ${size.height}`);
  return { ...mask, ...size, data: known, share, reading: { keep, missing: share }, warnings };
}

function checkShape(path: string, mask: Size, size: Size): void {
  const scale = Math.sqrt((size.width * size.height) / (mask.width * mask.height));
  const fits = (["width", "height"] as const).every((side) => {
    const difference = Math.abs(mask[side] * scale - size[side]);
    return difference <= Math.max(SAME_SHAPE.pixels * Math.max(1, scale), SAME_SHAPE.part * size[side]);
  });
  if (fits) return;
  throw new ImageError(
    `Cannot use mask "${path}": it has ${mask.width} x ${mask.height} pixels, the picture has ${size.width} x ` +
      `${size.height}, which is another shape; make a mask of the picture's size`,
  );
}
