/** The pictures of an evaluation, and the files that its options name, brought to the network's size. */
import type { HostTensor } from "../engine/mod.ts";
import type { OperatorValues } from "../operators/mod.ts";
import type { OptionValues } from "../parameters/mod.ts";
import { grayToRgb, type Raster, type Size } from "../raster/mod.ts";
import {
  type Canvas,
  type MaskFile,
  maskFileOf,
  maskOntoCanvas,
  offCanvas,
  ontoCanvas,
  planCanvas,
  type Task,
} from "../restoration/mod.ts";

/** A good picture, which is degraded and restored. */
export interface StudyPicture {
  /** What tables call it. */
  readonly name: string;
  /** SHA-256 of its file, or of what else tells it from others. */
  readonly sha256: string;
  /** Its colours with 1 or 3 channels, values in [-1, 1]. */
  read(): Promise<Raster>;
  /** The bytes of its file; what is to be restored on other machines has them. */
  bytes?(): Promise<Uint8Array<ArrayBuffer>>;
}

/** What reads the files that options of tasks name, such as kernels and masks. */
export interface TaskFiles {
  /** SHA-256 of a file, as 64 hexadecimal digits. */
  sha256(path: string): Promise<string>;
  /**
   * A mask [H, W]: 1 where the picture is known, 0 where it is missing.
   * @param file with what says which of its pixels are known
   * @param size of the picture, which a mask of another size is brought to
   */
  mask(file: MaskFile, size: Size): Promise<HostTensor>;
  /** What the other files of a task hold, by the names of the parameters. */
  values(task: Task, options: OptionValues): Promise<OperatorValues>;
}

/** Files of evaluations whose options name none. */
export const NO_FILES: TaskFiles = {
  sha256: noFile,
  mask: ({ path }) => noFile(path),
  values: () => Promise.resolve({}),
};

function noFile(path: string): never {
  throw new TypeError(`Cannot read "${path}": the evaluation was given nothing that reads files; give it "files"`);
}

/** A picture at the size that the network works on. */
export interface Prepared {
  readonly canvas: Canvas;
  /** [H, W, 3] of the padded canvas in [-1, 1]. */
  readonly padded: Raster;
  /** The picture without padding, the ground truth. */
  readonly truth: Raster;
  /** The mask of the padded canvas, by the name of its parameter; nothing where the task has none. */
  readonly known: OperatorValues;
}

/** How pictures are prepared for a task. */
export interface PrepareOptions {
  readonly task: Task;
  readonly options: OptionValues;
  /** Sides of what the network sees are multiples of it. */
  readonly multiple: number;
  /** Longest side. */
  readonly longest: number;
  readonly files: TaskFiles;
}

/**
 * Reads a picture and lays it out; transparency is ignored.
 * @throws {RangeError} if a mask has another size
 */
export async function prepareTruth(
  picture: StudyPicture,
  { task, options, multiple, longest, files }: PrepareOptions,
): Promise<Prepared> {
  const colour = grayToRgb(await picture.read());
  const { width, height } = colour;
  const canvas = planCanvas(colour, { multiple, longest, scale: 1 });
  const padded = ontoCanvas(colour, canvas);
  const prepared = { canvas, padded, truth: offCanvas(padded, canvas), known: {} };
  const named = maskFileOf(task, options);
  if (!named) return prepared;
  const mask = await files.mask(named, colour);
  const [rows, columns] = mask.shape;
  if (columns === width && rows === height) {
    return { ...prepared, known: { [named.parameter]: maskOntoCanvas(mask, canvas) } };
  }
  throw new RangeError(
    `Cannot use mask "${named.path}": it has ${columns} x ${rows} pixels, "${picture.name}" has ${width} x ${height}; ` +
      "make a mask of the pictures' size",
  );
}
