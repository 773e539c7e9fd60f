/** What commands read before they start to work: pictures with their masks, and measurements. */
import type { MeasureFiles } from "../evaluation/mod.ts";
import { FileSource, type ImageFile, readImage, readMask, sha256Of, sha256OfFile } from "../io/mod.ts";
import type { OptionValues } from "../parameters/mod.ts";
import { readTaskFiles } from "./task_files.ts";
import {
  checkEnlarged,
  decodeMeasurement,
  maskFileOf,
  type PictureSource,
  pictureSource,
  type ReadMeasurement,
  type Task,
} from "../restoration/mod.ts";

/** What networks that measure are read from. */
export const NETWORK_FILES: Pick<MeasureFiles, "sha256" | "open"> = {
  sha256: sha256OfFile,
  open: (path) => FileSource.open(path),
};

/** A picture as it was read, and its file. */
export interface Source extends PictureSource {
  readonly file: ImageFile;
}

/**
 * Reads a picture, and the files that the options of its task name.
 * @param task what is wrong with it
 * @param isTruth whether it is a good picture, which is degraded
 * @throws {FileError} if a file cannot be read, or the mask has another shape
 * @throws {RangeError} if the result would be too large
 * @throws {PictureQuestion} as `pictureSource`
 */
export async function readSource(
  path: string,
  { task, options, isTruth }: { readonly task: Task; readonly options: OptionValues; readonly isTruth: boolean },
): Promise<Source> {
  const file = await readImage(path);
  checkEnlarged(path, file, isTruth ? 1 : task.scale);
  const named = maskFileOf(task, options);
  const mask = named && await readMask(named.path, { ...named, size: file });
  const files = await readTaskFiles(task, options);
  return { ...pictureSource(file, { name: path, task, options, isTruth, mask, files }), file };
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
