/** From a decoded picture to what is restored: its colours, its transparency, and what of it is missing. */
import { type HostTensor, hostTensor } from "../engine/mod.ts";
import type { OperatorValues } from "../operators/mod.ts";
import { type OptionValues, UsageError } from "../parameters/mod.ts";
import {
  alphaRaster,
  colourRaster,
  fillUnderAlpha,
  type Image,
  type JpegQuantization,
  maskFromAlpha,
  maskFromColour,
  type Raster,
} from "../raster/mod.ts";
import type { PictureSource } from "./prepare.ts";
import { maskColourOf, maskFileOf, maskParameterOf, neededMask } from "./options/task_files.ts";
import { isNoisy, partsOf, type Task } from "./options/tasks.ts";
import { compressionOf, describeCoarse, describeUnknown, ownCompression, UnknownCompression } from "./own_jpeg.ts";

/** A picture as a decoder gives it. */
export interface DecodedPicture extends Image {
  /** Clauses for the user. */
  readonly warnings?: readonly string[];
  /** [H, W]: 1 where the file holds the pixel, 0 where it is cut off. */
  readonly missing?: Float32Array<ArrayBuffer>;
  /** How a JPEG file was quantised. */
  readonly jpeg?: JpegQuantization;
  /** EXIF orientation by which it was turned upright. */
  readonly orientation?: number;
}

/** A mask as a reader gives it: 1 known, 0 missing, with clauses for the user. */
export interface DecodedMask {
  /** [H, W] of the picture. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Part of the pixels that is missing. */
  readonly share: number;
  /** Clauses for the user. */
  readonly warnings: readonly string[];
}

/** What is said of a picture beside its pixels. */
export interface SourceSetting {
  /** What messages call it. */
  readonly name: string;
  /** What is wrong with it. */
  readonly task: Task;
  /** The options of the task. */
  readonly options: OptionValues;
  /** Whether it is a good picture, which is degraded. */
  readonly isTruth: boolean;
  /** The mask that options name, if there is one. */
  readonly mask?: DecodedMask | undefined;
  /** What other files of the task hold, by the names of the parameters. */
  readonly files: OperatorValues;
}

/** What must be said of one picture, which the picture itself does not tell. */
export class PictureQuestion extends UsageError {}

/** A mask that a picture brings itself. */
interface OwnMask extends Pick<DecodedMask, "data" | "share"> {
  /** What its missing pixels are. */
  readonly what: string;
}

/**
 * What is restored or degraded of a decoded picture. Where the task takes a mask and none is named, the picture's own
 * counts: what is painted in a colour that options name, transparent pixels, and rows that a cut file lacks. Pixels that
 * are filled become opaque.
 * @throws {PictureQuestion} if the task needs a mask and the picture brings none, nothing has the named colour, or it is not
 *   known how the picture was compressed
 * @throws {RangeError} if nothing of the picture is known
 */
export function pictureSource(
  picture: DecodedPicture,
  { name, task, options, isTruth, mask, files }: SourceSetting,
): PictureSource {
  const { width, height, channels, bitDepth, jpeg, warnings = [] } = picture;
  const parameter = maskFileOf(task, options)?.parameter ?? maskParameterOf(task);
  const isFilled = !isTruth && parameter !== undefined;
  const painted = mask ? undefined : maskColourOf(task, options);
  if (painted !== undefined && isTruth) {
    throw new PictureQuestion("--mask-colour needs --mask FILE where a good picture is degraded");
  }
  const own = !mask && !isTruth && (isFilled || picture.missing) ? ownMask(picture, painted) : undefined;
  if (isFilled && neededMask(task) !== undefined && !mask && !own) throw new PictureQuestion(missingMask(task));
  const used = mask ?? (isFilled ? own : undefined);
  const known = used && hostTensor(used.data, [height, width]);
  const compression = !isTruth && partsOf(task).some(({ operator }) => operator === "jpeg")
    ? compressionOf(picture, { task, options })
    : undefined;
  if (compression instanceof UnknownCompression) throw new PictureQuestion(describeUnknown(compression, name, task));
  const stored = jpeg && !isTruth && !used && !picture.missing && isNoisy(task)
    ? ownCompression(jpeg, picture.orientation ?? 1, task.channels)
    : undefined;
  const alpha = alphaRaster(picture);
  const colour = colourRaster(picture);
  return {
    name,
    channels,
    bitDepth,
    colour: alpha ? fillUnderAlpha(colour, alpha) : colour,
    alpha: alpha && known && !isTruth ? opaqueWhereFilled(alpha, known) : alpha,
    mask: known && { parameter: parameter!, known },
    files,
    ...(jpeg && ["gray", "ycbcr"].includes(jpeg.color) ? { jpeg: { ...jpeg, orientation: picture.orientation } } : {}),
    ...(compression ? { compression } : {}),
    ...(stored ? { stored } : {}),
    notes: [
      ...warnings,
      ...mask?.warnings ?? [],
      ...own ? [describeOwn(own, isFilled)] : [],
      ...jpeg && !isTruth ? describeCoarse(jpeg, task) : [],
    ].map(sentence),
  };
}

/** The mask that a picture brings: what is painted in a colour, what is cut off, else what is transparent. */
function ownMask(picture: DecodedPicture, painted: string | undefined): OwnMask | undefined {
  const { missing } = picture;
  if (painted !== undefined) {
    try {
      return { ...maskFromColour(picture, painted), what: `painted in ${painted}` };
    } catch (error) {
      throw new PictureQuestion(`--mask-colour ${painted} does not fit the picture: ${(error as Error).message}`);
    }
  }
  if (missing) {
    const share = missing.filter((known) => known === 0).length / missing.length;
    return { data: missing, share, what: "missing in the file" };
  }
  const seen = maskFromAlpha(picture);
  return seen && { ...seen, what: "transparent" };
}

/** What a picture lacks by itself, and what becomes of it. */
function describeOwn({ share, what }: OwnMask, isFilled: boolean): string {
  const part = `${(100 * share).toFixed(1)} % of the picture is ${what}`;
  if (isFilled) return `${part} and is filled; --mask FILE names other pixels`;
  return `${part} and stays gray; --task inpaint fills it`;
}

/** Says that a task needs a mask. */
function missingMask(task: Task): string {
  return `--task ${task.name} needs --${neededMask(task)} FILE, a ${
    task.entry.parameters[task.needs!]!.help
  }, in a folder NAME-mask.png beside NAME, or a picture with transparent pixels, or --mask-colour COLOUR for pixels that ` +
    "are painted over";
}

/** Alpha of a picture whose missing pixels are filled; undefined if it is opaque then. */
function opaqueWhereFilled(alpha: Raster, { data: known }: HostTensor): Raster | undefined {
  const data = alpha.data.map((value, i) => known[i] === 0 ? 1 : value);
  return data.every((value) => value === 1) ? undefined : { ...alpha, data };
}

/** A clause of what reads or writes files as a sentence of its own. */
export function sentence(clause: string): string {
  return clause.charAt(0).toUpperCase() + clause.slice(1);
}
