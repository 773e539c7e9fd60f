/** What commands read before they start to work: pictures with their masks, and measurements. */
import { hostTensor } from "../engine/mod.ts";
import { FileError, FileSource, type ImageFile, readImage, readMask, sha256Of } from "../io/mod.ts";
import { alphaRaster, colourRaster, fillUnderAlpha } from "../raster/mod.ts";
import type { OptionValues } from "../parameters/mod.ts";
import { readTaskFiles } from "./task_files.ts";
import {
  checkEnlarged,
  decodeMeasurement,
  maskFileOf,
  type PictureSource,
  type ReadMeasurement,
  type Task,
} from "../restoration/mod.ts";

/** A picture as it was read, and its file. */
export interface Source extends PictureSource {
  readonly file: ImageFile;
}

/**
 * Reads a picture, and the files that the options of its task name.
 * @param task what is wrong with it
 * @param enlargement how many times larger the result is along each side
 * @throws {FileError} if a file cannot be read, or the mask has another size
 * @throws {RangeError} if the result would be too large
 */
export async function readSource(
  path: string,
  { task, options, enlargement }: {
    readonly task: Task;
    readonly options: OptionValues;
    readonly enlargement: number;
  },
): Promise<Source> {
  const file = await readImage(path);
  const { channels, bitDepth, warnings, width, height } = file;
  checkEnlarged(path, file, enlargement);
  const alpha = alphaRaster(file);
  const colour = colourRaster(file);
  const named = maskFileOf(task, options);
  const mask = named && await readMask(named.path, { keep: named.keep });
  if (mask && (mask.width !== width || mask.height !== height)) {
    throw new FileError(
      `Cannot use mask "${named.path}": it has ${mask.width} x ${mask.height} pixels, "${path}" has ${width} x ` +
        `${height}; make a mask of the picture's size`,
    );
  }
  return {
    name: path,
    file,
    channels,
    bitDepth,
    colour: alpha ? fillUnderAlpha(colour, alpha) : colour,
    alpha,
    mask: mask && { parameter: named!.parameter, known: hostTensor(mask.data, [height, width]) },
    files: await readTaskFiles(task, options),
    notes: [...warnings, ...mask?.warnings ?? []].map(sentence),
  };
}

/** A clause of a reader as a sentence of its own. */
function sentence(clause: string): string {
  return clause.charAt(0).toUpperCase() + clause.slice(1);
}

/**
 * Reads a measurement.
 * @returns it, and the SHA-256 of its file, hexadecimal
 * @throws {FileError | CheckpointError} if it cannot be read or is none
 */
export async function readMeasurement(path: string): Promise<ReadMeasurement & { readonly sha256: string }> {
  using source = await FileSource.open(path);
  return { ...await decodeMeasurement(source), sha256: await sha256Of(source) };
}
