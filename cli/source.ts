/** What a command reads before it starts to work: the picture and its mask, on the host. */
import { type HostTensor, hostTensor } from "../engine/mod.ts";
import { FileError, type ImageFile, readImage, readMask } from "../io/mod.ts";
import { alphaRaster, colourRaster, fillUnderAlpha, type Raster, type Size } from "../raster/mod.ts";
import type { OperatorValues, Task } from "../operators/mod.ts";
import type { Arguments } from "./arguments.ts";
import { readTaskFiles } from "./task_files.ts";
import { type MaskFile, maskFileOf } from "../restoration/mod.ts";

/** What is known of a file, or of the picture that was measured for it. */
export interface PictureFile extends Pick<ImageFile, "width" | "height" | "channels" | "bitDepth" | "orientation"> {
  readonly format: ImageFile["format"] | "measurement";
}

/** A picture as it was read. */
export interface Source {
  readonly path: string;
  readonly file: PictureFile;
  /** Colour in [-1, 1], 1 or 3 channels as in the file; what transparent pixels hide is replaced by their surroundings. */
  readonly colour: Raster;
  /** [H, W, 1] in [-1, 1], if the file has transparency. */
  readonly alpha: Raster | undefined;
  readonly mask: SourceMask | undefined;
  /** What other files of the task hold, by the names of the parameters. */
  readonly files: OperatorValues;
  /** What the user should know of the files, as sentences. */
  readonly notes: readonly string[];
}

/** A mask as it was read. */
export interface SourceMask extends MaskFile {
  /** 1 where the picture is known, 0 where it is missing [H, W], of the picture's size. */
  readonly known: HostTensor;
}

/** Most pixels of a result, the limit of what can be read. */
const MOST_PIXELS = 64e6;

/**
 * Reads the picture, and the files that the options of the task name.
 * @param path the picture
 * @param task what is wrong with it
 * @param enlargement how many times larger the result is along each side
 * @throws {FileError} if a file cannot be read, the mask has another size, or the result would be too large
 */
export async function readSource(
  args: Arguments,
  path: string,
  { task, enlargement }: { readonly task: Task; readonly enlargement: number },
): Promise<Source> {
  const file = await readImage(path);
  checkEnlarged(path, file, enlargement);
  const alpha = alphaRaster(file);
  const colour = colourRaster(file);
  const { mask, notes } = await readKnownPixels(maskFileOf(task, args.values), path, file);
  return {
    path,
    file,
    colour: alpha ? fillUnderAlpha(colour, alpha) : colour,
    alpha,
    mask,
    files: await readTaskFiles(task, args.values),
    notes: [...file.warnings, ...notes].map(sentence),
  };
}

/**
 * Makes sure that a result does not become too large.
 * @param path the picture
 * @param size its size
 * @param enlargement how many times larger the result is along each side
 * @throws {FileError} if it has too many pixels
 */
export function checkEnlarged(path: string, size: Size, enlargement: number): void {
  const [width, height] = [size.width * enlargement, size.height * enlargement];
  if (width * height <= MOST_PIXELS) return;
  throw new FileError(
    `Cannot restore "${path}": enlarged x${enlargement} it has ${width} x ${height} pixels, at most ` +
      `${MOST_PIXELS / 1e6} megapixels are possible; cut it into parts or choose a smaller factor`,
  );
}

async function readKnownPixels(
  mask: MaskFile | undefined,
  picture: string,
  size: Size,
): Promise<{ readonly mask: SourceMask | undefined; readonly notes: readonly string[] }> {
  if (!mask) return { mask: undefined, notes: [] };
  const { path, keep } = mask;
  const { width, height, data, warnings } = await readMask(path, { keep });
  if (width !== size.width || height !== size.height) {
    throw new FileError(
      `Cannot use mask "${path}": it has ${width} x ${height} pixels, "${picture}" has ${size.width} x ` +
        `${size.height}; make a mask of the picture's size`,
    );
  }
  return { mask: { ...mask, known: hostTensor(data, [height, width]) }, notes: warnings };
}

/** A clause of a reader as a sentence of its own. */
function sentence(clause: string): string {
  return clause.charAt(0).toUpperCase() + clause.slice(1);
}
