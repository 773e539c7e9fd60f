/** What a network is given besides the noisy picture: its class, and the small picture where it is an upsampler. */
import { FileError } from "../io/mod.ts";
import { type Arguments } from "./arguments.ts";
import { type OptionSpec, UsageError } from "../parameters/mod.ts";
import type { LoadedModel } from "./model_file.ts";
import { checkEnlarged, type Source } from "./source.ts";
import { type Task, UPSAMPLE, upsampling } from "../restoration/mod.ts";

/** The option that chooses a class. */
export const CLASS_OPTION: Readonly<Record<string, OptionSpec>> = {
  class: { kind: "integer", min: 0, help: "Class of the picture, for a class-conditional network" },
};

/** The options of upsampling. */
export const UPSAMPLE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  scale: {
    kind: "integer",
    min: 2,
    max: 64,
    help: "upsample: how many times larger (default: what the network was trained for, where that is known, else " +
      "its training size / longest side of the picture)",
  },
};

/**
 * Makes sure that a network fits the class and the task of a command line, before it is given anything.
 * @throws {UsageError} if the class is missing, not expected or out of range, or the task needs another network
 */
export function checkConditioning(args: Arguments, task: Task, { name, model }: LoadedModel): void {
  const { numClasses, superResolution = false } = model.config;
  const wanted = args.number("class");
  if (numClasses === undefined && wanted !== undefined) {
    throw new UsageError(`--class is ${wanted}, "${name}" is unconditional: it knows no classes; leave it out`);
  }
  if (numClasses !== undefined && (wanted === undefined || wanted >= numClasses)) {
    const found = wanted === undefined ? "no class was given" : `--class is ${wanted}`;
    throw new UsageError(
      `${found}, "${name}" is class-conditional: --class N with N within 0..${numClasses - 1} is needed`,
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
 * The task with the factor of the network: what its file or the table of known checkpoints says; else --scale; else the
 * training size over the longest side of the small picture. Other tasks stay as they are.
 * @param isTruth whether the picture is a good one, which is made small here
 * @throws {UsageError} if nothing tells the factor, or --scale contradicts what the network was trained for
 * @throws {FileError} if the picture does not divide the training size, or the result would be too large
 */
export function fitUpsampling(
  args: Arguments,
  task: Task,
  { name, model: { config } }: LoadedModel,
  { source, isTruth }: { readonly source: Source; readonly isTruth: boolean },
): Task {
  if (task.name !== UPSAMPLE.name) return task;
  const given = args.number("scale");
  const trained = config.smallSize === undefined ? undefined : config.imageSize / config.smallSize;
  if (given !== undefined && trained !== undefined && given !== trained) {
    throw new UsageError(`--scale is ${given}, "${name}" was trained to enlarge x${trained}; leave --scale out`);
  }
  const scale = trained ?? given ?? scaleOfPicture(source, { name, imageSize: config.imageSize, isTruth });
  if (!isTruth) checkEnlarged(source.path, source.file, scale);
  return upsampling(scale);
}

/** A picture of the size that the network was trained with tells the factor. */
function scaleOfPicture(
  { path, file }: Source,
  { name, imageSize, isTruth }: { readonly name: string; readonly imageSize: number; readonly isTruth: boolean },
): number {
  if (isTruth) {
    throw new UsageError(`"${name}" does not say how much it enlarges; give --scale N to make the picture small first`);
  }
  const longest = Math.max(file.width, file.height);
  if (longest < imageSize && imageSize % longest === 0) return imageSize / longest;
  throw new FileError(
    `Cannot enlarge "${path}": it has ${file.width} x ${file.height} pixels, "${name}" makes pictures of ${imageSize} ` +
      "and does not say from which size; give a picture whose longest side divides that, or --scale N",
  );
}
