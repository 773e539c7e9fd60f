/** What a network is given besides the noisy picture: its class, and the small picture where it is an upsampler. */
import { countsPublished, levelsOf, PUBLISHED_LEVELS, sigmaOf } from "../../models/mod.ts";
import { lookUpTask, MOST_ENLARGED } from "../../operators/mod.ts";
import { numberOf, type OptionSpec, UsageError } from "../../parameters/mod.ts";
import type { Size } from "../../raster/mod.ts";
import { ENLARGE } from "./factors.ts";
import { imageChannels, type NamedModel } from "./image_channels.ts";
import type { Method } from "./method.ts";
import { PictureQuestion } from "../picture_source.ts";
import type { PictureInput } from "../prepare.ts";
import { type Task, UPSAMPLE, upsampling } from "./tasks.ts";

/** The option that chooses a class. */
export const CLASS_OPTION: Readonly<Record<string, OptionSpec>> = {
  class: { kind: "integer", min: 0, help: "Class of the picture, for a class-conditional network" },
};

/**
 * Makes sure that there are as many levels as a method goes over.
 * @throws {UsageError} if there are not
 */
export function checkTimesteps({ name, model }: NamedModel, { timesteps: { option, least }, levels }: Method): void {
  if (levels === "own") return;
  const most = levelsOf(model.process, levels).length;
  if (least <= most) return;
  const are = levels === "training" ? `"${name}" was trained with that many` : "published timesteps are that many";
  throw new UsageError(`${option} is ${least}, at most ${most} is needed: ${are}`);
}

/**
 * What is to be said of the timesteps of a method: nothing, where the network was trained on the list that they count.
 * @param named the network
 * @param method the timesteps
 */
export function levelNotes({ model: { process } }: NamedModel, { timesteps, levels }: Method): readonly string[] {
  if (levels !== "published" || countsPublished(process)) return [];
  const { schedule, predictionType } = process;
  const told = schedule ? `was trained on ${schedule.alphaBar.length} timesteps of its own` : "is told noise levels";
  const highest = Math.min(timesteps.least, PUBLISHED_LEVELS.length) - 1;
  const alphaBar = PUBLISHED_LEVELS[highest]!;
  return [
    `The network (${predictionType}) ${told}; published timesteps are translated by noise level: ${highest}, ` +
    `sigma ${sigmaOf(alphaBar).toPrecision(3)}, is ${process.at(alphaBar).noise.toPrecision(5)} for it`,
  ];
}

/**
 * Makes sure that a network fits class and task, before it is given anything.
 * @param wanted the class, if one was named
 * @throws {UsageError} if the class is missing, not expected or out of range, or the task needs another network
 */
export function checkConditioning({ name, model }: NamedModel, task: Task, wanted: number | undefined): void {
  const { numClasses, superResolution = false } = model.config;
  if (numClasses === undefined && wanted !== undefined) {
    throw new UsageError(`--class is ${wanted}, "${name}" is unconditional: it knows no classes; leave it out`);
  }
  if (numClasses !== undefined && (wanted === undefined || wanted >= numClasses)) {
    const found = wanted === undefined ? "no class was given" : `--class is ${wanted}`;
    throw new UsageError(
      `${found}, "${name}" is class-conditional: --class N with N within 0..${numClasses - 1} is needed`,
    );
  }
  if (imageChannels({ name, model }) === 1 && task.channels === 1 && !task.isGray) {
    throw new UsageError(
      `--task ${task.name} brings colours back, "${name}" is a gray network (1 channel); choose a --model of 3 channels, ` +
        'or a task such as "sr4"',
    );
  }
  const isUpsampling = task.name === UPSAMPLE.name;
  if (superResolution && !isUpsampling) {
    throw new UsageError(`the task is "${task.name}", "${name}" is an upsampler: --task ${UPSAMPLE.name} is needed`);
  }
  if (isUpsampling && !superResolution) {
    throw new UsageError(
      `--task ${UPSAMPLE.name} needs an upsampler, "${name}" takes no small picture; choose another --model, or a task ` +
        'such as "sr4"',
    );
  }
}

/**
 * A picture that is to have a width or height, with the task of the factor that follows; others stay as they are.
 * @throws {PictureQuestion} if the factor is beyond 1 to 32
 */
export function fitFactor(input: PictureInput): PictureInput {
  if (input.task.name !== ENLARGE) return input;
  const { source: { name, colour }, options } = input;
  const side: keyof Size = options["width"] === undefined ? "height" : "width";
  const scale = (numberOf(options, side) ?? NaN) / colour[side];
  const task = lookUpTask(`${ENLARGE}${scale}`);
  if (task) return { ...input, task };
  throw new PictureQuestion(
    `--${side} is ${options[side]}, that of "${name}" is ${colour[side]}: a factor of ${scale.toFixed(2)}, 1 to ` +
      `${MOST_ENLARGED} is needed`,
  );
}

/**
 * The picture with the task that has its factor. Of upsampling it is that of the network: what its file or the table of known checkpoints says; else
 * the option `scale`; else the training size over the longest side of the small picture. Of enlargement to a size it is that of both sizes. Other
 * tasks stay as they are.
 * @throws {UsageError} if nothing tells the factor, or `scale` contradicts what the network was trained for
 * @throws {RangeError} if the picture does not divide the training size, or the result would be too large
 */
export function fitUpsampling(input: PictureInput, { name, model: { config } }: NamedModel): PictureInput {
  if (input.task.name !== UPSAMPLE.name) {
    const fitted = fitFactor(input);
    if (input.noise === undefined) checkEnlarged(fitted.source.name, fitted.source.colour, fitted.task.scale);
    return fitted;
  }
  const given = numberOf(input.options, "scale");
  if (given !== undefined && !(Number.isInteger(given) && given > 1)) {
    throw new UsageError(`--scale is ${given}, --task ${UPSAMPLE.name} needs an integer of at least 2`);
  }
  const trained = config.smallSize === undefined ? undefined : config.imageSize / config.smallSize;
  if (given !== undefined && trained !== undefined && given !== trained) {
    throw new UsageError(`--scale is ${given}, "${name}" was trained to enlarge x${trained}; leave --scale out`);
  }
  const scale = trained ?? given ?? scaleOfPicture(input, name, config.imageSize);
  if (input.noise === undefined) checkEnlarged(input.source.name, input.source.colour, scale);
  return { ...input, task: upsampling(scale) };
}

/** A picture of the size that the network was trained with tells the factor. */
function scaleOfPicture({ source, noise }: PictureInput, name: string, imageSize: number): number {
  if (noise !== undefined) {
    throw new UsageError(`"${name}" does not say how much it enlarges; give --scale N to make the picture small first`);
  }
  const { width, height } = source.colour;
  const longest = Math.max(width, height);
  if (longest < imageSize && imageSize % longest === 0) return imageSize / longest;
  throw new RangeError(
    `Cannot enlarge "${source.name}": it has ${width} x ${height} pixels, "${name}" makes pictures of ${imageSize} ` +
      "and does not say from which size; give a picture whose longest side divides that, or --scale N",
  );
}

/** Most pixels of a result, the limit of what can be read. */
const MOST_PIXELS = 64e6;

/**
 * Makes sure that a result does not become too large.
 * @param name what messages call the picture
 * @param size its size
 * @param enlargement how many times larger the result is along each side
 * @throws {RangeError} if it has too many pixels
 */
export function checkEnlarged(name: string, size: Size, enlargement: number): void {
  const [width, height] = [size.width, size.height].map((side) => Math.round(side * enlargement)) as [number, number];
  if (width * height <= MOST_PIXELS) return;
  throw new RangeError(
    `Cannot restore "${name}": ${
      enlargement === 1 ? "" : `enlarged x${enlargement} `
    }it has ${width} x ${height} pixels, at most ` +
      `${MOST_PIXELS / 1e6} megapixels are possible; cut it into parts or enlarge it less`,
  );
}
