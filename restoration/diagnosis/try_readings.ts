/** Readings of a picture held against each other: each restores a part of it in few steps, and what it gives is judged. */
import type { Runtime } from "../../engine/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import { numberOf, type OptionValues } from "../../parameters/mod.ts";
import { makeSheet, maskFromAlpha, type Raster, type Rectangle } from "../../raster/mod.ts";
import { registeredSamplers } from "../../samplers/mod.ts";
import { finishPicture } from "../finish.ts";
import { misfitShare } from "../harm.ts";
import { chooseMethod } from "../options/choose_method.ts";
import { evaluationOptions } from "../options/evaluation_options.ts";
import { settlePicture } from "../options/settle_picture.ts";
import { quoted, restoreTasks, type Task, taskNamed } from "../options/tasks.ts";
import { type DecodedPicture, pictureSource } from "../picture_source.ts";
import { preparePicture } from "../prepare.ts";
import { restoreBy } from "../restore.ts";
import { partOfSource, richestPart } from "./part.ts";
import type { Reading } from "./readings.ts";

/** Network evaluations of a try. */
const EVALUATIONS = 8;

/** Blocks of a compression with their colours: sides of the part are multiples of them. */
const BLOCKS = 16;

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
  const known = picture.missing ?? maskFromAlpha(picture)?.data;
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
  { name, options, seed, onStep }: TrySetting,
): Promise<TriedReading> {
  try {
    const given = { ...reading.options, ...options, task: reading.task };
    const named = taskNamed(reading.task, restoreTasks());
    const whole = pictureSource(picture, { name, task: named, options: given, isTruth: false, files: {} });
    const settled = settlePicture(whole, named, given);
    const method = chooseMethod(inFewSteps(settled.method, settled.task), settled.task);
    const label = numberOf(options, "class");
    const prepared = await preparePicture(runtime, model, {
      ...settled,
      source: partOfSource(settled.source, part),
      seed,
    }, label === undefined ? {} : { label });
    try {
      const problem = { ...prepared.problem, sigmaY: prepared.sigmaY };
      for await (const { step, steps, image } of restoreBy(runtime, method, problem, { seed })) {
        await onStep?.(step, steps);
        if (!image) continue;
        const { raster, verdict, misfit } = await finishPicture(runtime, prepared, Float32Array.from(image.data));
        return { reading, raster, misfit: misfit ? misfitShare(misfit) : 0, ...verdict };
      }
      throw new Error(`Cannot try "${reading.task}": the method made no picture`);
    } finally {
      prepared.problem.y.free();
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return { reading, misfit: Infinity, isHarm: true, text: error.message };
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
    ...(best === undefined
      ? ["No reading does better than the picture: it is left as it is; --yes does the first"]
      : []),
  ];
}
