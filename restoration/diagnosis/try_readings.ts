/** Readings of a picture held against each other: each restores a part of it in few steps, and what it gives is judged. */
import type { Runtime } from "../../engine/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import type { OperatorValues } from "../../operators/mod.ts";
import { numberOf, type OptionValues } from "../../parameters/mod.ts";
import { makeSheet, maskFromAlpha, type Raster, type Rectangle } from "../../raster/mod.ts";
import { registeredSamplers } from "../../samplers/mod.ts";
import { finishPicture, type Result } from "../finish.ts";
import { misfitShare } from "../harm.ts";
import { chooseMethod } from "../options/choose_method.ts";
import { evaluationOptions } from "../options/evaluation_options.ts";
import { settlePicture } from "../options/settle_picture.ts";
import { quoted, restoreTasks, type Task, taskNamed } from "../options/tasks.ts";
import { type DecodedPicture, pictureSource } from "../picture_source.ts";
import { preparePicture } from "../prepare.ts";
import { restoreBy } from "../restore.ts";
import { BLOCKS, partOfSource, richestPart } from "./part.ts";
import type { Reading } from "./readings.ts";

/** Network evaluations of a try. */
const EVALUATIONS = 8;

/** How the tries are made. */
export interface TrySetting {
  /** What messages call the picture. */
  readonly name: string;
  /** Options that hold for every reading, and outweigh what it says: of the method and of the model. */
  readonly options: OptionValues;
  /** Of the noise. */
  readonly seed: number;
  /** Told after each evaluation how much of all tries is done; it may stop them by throwing. */
  onStep?(step: number, steps: number): Promise<void> | void;
}

/** What a reading gave. */
export interface TriedReading {
  /** The reading. */
  readonly reading: Reading;
  /** What it made of the part; absent where the method refused it. */
  readonly raster?: Raster;
  /**
   * How far A x is from the measurement, as a part of what its noise and rounding account for: the more it is beyond 1,
   * the more it speaks against the reading.
   */
  readonly misfit: number;
  /** Whether it is worse than, or no better than, what was there without a network. */
  readonly isHarm: boolean;
  /** What is to be said of it: the verdict, or why it was refused. */
  readonly text: string;
}

/** What came of all of them. */
export interface TriedReadings {
  /** In the order of the readings. */
  readonly tried: readonly TriedReading[];
  /** Place of the best reading in that list. */
  readonly best: number;
  /** The part of the picture as it is, then what each reading made of it, left to right. */
  readonly strip: Raster;
  /** Where the part lies. */
  readonly part: Rectangle;
}

/**
 * Tries readings on a part of a picture, of the training size of the network and where it shows most, in about eight
 * network evaluations each. Options that a reading settles from the picture are those of the whole one.
 * @param picture as a decoder gives it
 * @param readings at least one, as `readingsOf` gives them
 * @throws what `onStep` throws; a reading that the method refuses is told of in its text
 */
export async function tryReadings(
  runtime: Runtime,
  model: OpenedModel,
  { picture, readings }: { readonly picture: DecodedPicture; readonly readings: readonly Reading[] },
  setting: TrySetting,
): Promise<TriedReadings> {
  const side = Math.max(BLOCKS, Math.floor(model.config.imageSize / BLOCKS) * BLOCKS);
  const shown = pictureSource(picture, { ...setting, task: taskNamed("denoise"), isTruth: false, files: {} });
  const known = picture.missing ?? maskFromAlpha(picture)?.data ?? readings.find(({ known }) => known)?.known?.data;
  const part = richestPart(shown.colour, side, { orientation: picture.orientation, known });
  const tried: TriedReading[] = [];
  for (const [index, reading] of readings.entries()) {
    const step = (done: number, steps: number): Promise<void> | void =>
      setting.onStep?.(Math.round((index + done / steps) * EVALUATIONS), readings.length * EVALUATIONS);
    tried.push(await tryReading(runtime, model, { picture, reading, part }, { ...setting, onStep: step }));
  }
  const strip = makeSheet([[partOfSource(shown, part).colour, ...tried.map(({ raster }) => raster)]]);
  return { tried, best: bestOf(tried), strip, part };
}

async function tryReading(
  runtime: Runtime,
  model: OpenedModel,
  { picture, reading, part }: {
    readonly picture: DecodedPicture;
    readonly reading: Reading;
    readonly part: Rectangle;
  },
  setting: TrySetting,
): Promise<TriedReading> {
  try {
    const { raster, verdict, misfit } = await restorePart(runtime, model, { picture, run: reading, part }, setting);
    return { reading, raster, misfit: misfit ? misfitShare(misfit) : 0, ...verdict };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { reading, misfit: Infinity, isHarm: true, text: error.message };
  }
}

/**
 * Restores a part of a picture in about eight network evaluations. Options that are settled from the picture are those of
 * the whole one.
 * @param picture as a decoder gives it
 * @param run the task with its options, and what parameters of it hold that come from files, by their names
 * @param part where it lies; its blocks of 16 pixels are those of the picture
 * @throws {RangeError | TypeError | UsageError} if the run does not go with the picture, the method or the network
 * @throws what `onStep` throws
 */
export async function restorePart(
  runtime: Runtime,
  model: OpenedModel,
  { picture, run, part }: {
    readonly picture: DecodedPicture;
    readonly run: Pick<Reading, "task" | "options" | "known"> & { readonly files?: OperatorValues };
    readonly part: Rectangle;
  },
  { name, options, seed, onStep }: TrySetting,
): Promise<Result> {
  const given = { ...run.options, ...options, task: run.task };
  const task = taskNamed(run.task, restoreTasks());
  const mask = run.known && { ...run.known, warnings: [] };
  const whole = pictureSource(picture, { name, task, options: given, isTruth: false, mask, files: run.files ?? {} });
  const settled = settlePicture(whole, task, given);
  const method = chooseMethod(inFewSteps(settled.method, settled.task), settled.task);
  const label = numberOf(options, "class");
  const source = partOfSource(settled.source, part);
  const conditioning = label === undefined ? {} : { label };
  const prepared = await preparePicture(runtime, model, { ...settled, source, seed }, conditioning);
  try {
    const problem = { ...prepared.problem, sigmaY: prepared.sigmaY };
    for await (const { step, steps, image } of restoreBy(runtime, method, problem, { seed })) {
      await onStep?.(step, steps);
      if (image) return await finishPicture(runtime, prepared, Float32Array.from(image.data));
    }
    throw new Error(`Cannot restore by "${run.task}": the method made no picture`);
  } finally {
    prepared.problem.y.free();
  }
}

/** Whether a reading does not go with the picture, the method or the network. */
function isRefusal(error: unknown): error is Error {
  return error instanceof RangeError || error instanceof TypeError ||
    (error instanceof Error && error.name === "UsageError");
}

/** Options with which the method takes few evaluations; those that are given stay. */
function inFewSteps(options: OptionValues, task: Task): OptionValues {
  const { name, evaluations } = chooseMethod(options, task);
  if (evaluations.actual <= EVALUATIONS) return options;
  const { method } = registeredSamplers().find((entry) => entry.name === name)!;
  return { ...options, ...evaluationOptions({ ...options, method }, EVALUATIONS) };
}

/**
 * The best of what was tried: of the readings that do no harm, or of all where each does, the one with the largest
 * likelihood / max(1, misfit)^2. What noise and rounding account for speaks against none, as few steps leave the measurement
 * of any of them somewhat unmet.
 * @returns its place; 0 where all were refused
 */
export function bestOf(
  tried: readonly (Pick<TriedReading, "misfit" | "isHarm"> & { readonly reading: Pick<Reading, "likelihood"> })[],
): number {
  const isSafe = tried.some(({ isHarm }) => !isHarm);
  const scores = tried.map(({ misfit, isHarm, reading }) =>
    isSafe && isHarm ? -1 : reading.likelihood / Math.max(1, misfit) ** 2
  );
  return scores.indexOf(Math.max(...scores));
}

/** What came of the readings, in lines for a terminal, in the order of the strip. */
export function describeTried({ tried, best, part }: TriedReadings): readonly string[] {
  const { x, y, width, height } = part;
  const lines = tried.map(({ reading, misfit, text, raster }, index) => {
    const taken = index === best ? ", taken" : "";
    const fit = raster ? `, off by ${misfit.toFixed(2)} of what noise and rounding allow` : "";
    return `  ${index + 2}. ${quoted(reading.task)}${fit}${taken}. ${text}`;
  });
  return [
    `Tried on ${width}x${height} pixels at column ${x} and row ${y}; in the strip, left to right:`,
    "  1. the picture as it is",
    ...lines,
  ];
}
