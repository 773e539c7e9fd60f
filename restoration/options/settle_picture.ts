/** What a picture that somebody has tells of its noise and blur, and what follows for its task and its method. */
import type { OptionValues } from "../../parameters/mod.ts";
import { settleBlur } from "./blur_question.ts";
import type { NoiseLevel } from "../estimates/noise_level.ts";
import { NOISE_LEVEL } from "./method_options.ts";
import { settleNoisyJpeg } from "./noisy_jpeg.ts";
import { takeOwnPicture } from "./own_picture.ts";
import { isReckoned, methodForNoise, noiseOfPicture } from "./noisy_picture.ts";
import { stepsOf } from "../own_jpeg.ts";
import type { PictureSource } from "../prepare.ts";
import type { Task } from "./tasks.ts";

/** Places of the steps of a JPEG table that belong to the lowest frequencies, of which a soft picture is made. */
const LOWEST = [0, 1, 2, 8, 9, 16];

/**
 * Deviation of the errors that a file made of the values of a picture, in units of [-1, 1]: that of rounding to whole
 * levels, in JPEG files after rounding to whole steps.
 */
function roundingOf({ bitDepth, jpeg }: Pick<PictureSource, "bitDepth" | "jpeg">): number {
  const steps = jpeg?.tables[0];
  const step = steps ? LOWEST.reduce((sum, place) => sum + steps[place]!, 0) / LOWEST.length : 0;
  return (step + 255 / (2 ** bitDepth - 1)) / 127.5 / Math.sqrt(12);
}

/** A picture with what it tells. */
export interface SettledPicture<S extends PictureSource> {
  /** The task, or another that undoes a blur that was found. */
  readonly task: Task;
  /** Options of the task. */
  readonly options: OptionValues;
  /** Options of which the method follows. */
  readonly method: OptionValues;
  /** The picture, with what is to be said of it. */
  readonly source: S;
  /** Its noise, where no option gives it. */
  readonly estimatedNoise: NoiseLevel | undefined;
}

/**
 * Settles what options leave open by looking at the picture: its noise and its blur; and takes it as its task does.
 * @param options of the task and the method
 * @throws {PictureQuestion} as `settleBlur`
 * @throws {RangeError} if the result would be too large
 */
export function settlePicture<S extends PictureSource>(
  source: S,
  task: Task,
  options: OptionValues,
): SettledPicture<S> {
  const jpeg = source.jpeg ?? (source.compression && stepsOf(source.compression));
  const estimatedNoise = options[NOISE_LEVEL] === undefined ? noiseOfPicture({ ...source, jpeg }, task) : undefined;
  const sigma = isReckoned(estimatedNoise, task) ? estimatedNoise.sigma : 0;
  const errors = { noise: sigma, rounding: roundingOf(source) };
  const { files, notes, ...blur } = settleBlur(options, task, source.colour, source.name, errors);
  const noisy = settleNoisyJpeg(source, blur.task, options, estimatedNoise);
  const named = methodForNoise({ ...blur.method, ...options }, noisy.task, estimatedNoise);
  const own = takeOwnPicture(source, noisy.task, blur.options);
  return {
    ...own,
    method: named.options,
    source: {
      ...source,
      ...noisy.source,
      ...own.source,
      files: { ...source.files, ...files },
      notes: [
        ...noisy.source.notes ?? source.notes ?? [],
        ...noisy.notes,
        ...named.notes,
        ...notes,
        ...own.source.notes ?? [],
      ],
    },
    estimatedNoise,
  };
}
