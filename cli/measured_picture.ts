/** From a measurement file to the problem that a sampler solves: everything comes from the file. */
import type { Runtime } from "../engine/mod.ts";
import { type NoiseModel, type OpenedModel, paddedModel } from "../models/mod.ts";
import { type Arguments } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import { formatSize } from "./canvas.ts";
import type { ReadMeasurement } from "./measurement_file.ts";
import type { Picture } from "./picture.ts";
import type { Source } from "./source.ts";
import { NOISE_OPTIONS, taskOptions } from "../restoration/mod.ts";

/**
 * Refuses options that would contradict the file.
 * @throws {UsageError} naming the first of them
 */
export function checkMeasuredOptions(args: Arguments): void {
  const fixed = [...Object.keys(taskOptions()), ...Object.keys(NOISE_OPTIONS), "degrade", "size", "scale"];
  const given = fixed.find((option) => args.has(option));
  if (given === undefined) return;
  throw new UsageError(`--${given} goes with pictures; a measurement says by itself how it was made: leave it out`);
}

/** The measured picture as far as the file tells of it; it has no pixels of its own. */
export function measuredSource(path: string, { picture, imageShape }: ReadMeasurement): Source {
  const { channels, bitDepth } = picture;
  const [height = 0, width = 0] = imageShape;
  return {
    path,
    file: { width, height, channels, bitDepth, orientation: 1, format: "measurement" },
    colour: { width: 0, height: 0, channels, data: new Float32Array(0) },
    alpha: undefined,
    mask: undefined,
    files: {},
    notes: [],
  };
}

/**
 * Makes the problem that the sampler solves, at the size of the measured picture; where the network does not take that,
 * it sees the states with mirrored borders.
 * @throws {RangeError | TypeError} if the model does not take such pictures
 */
export function prepareMeasured(
  runtime: Runtime,
  source: Source,
  measurement: ReadMeasurement,
  { args, model }: { readonly args: Arguments; readonly model: OpenedModel },
): Picture {
  const { task, imageShape, options, operator, y, noise } = measurement;
  const { width, height } = source.file;
  const up = (side: number): number => Math.ceil(side / model.downsampling) * model.downsampling;
  const outer = { width: up(width), height: up(height) };
  const label = args.number("class");
  const whole: NoiseModel = model.noiseModel({
    ...outer,
    ...(label === undefined ? {} : { label }),
    checkpoint: args.flag("recompute"),
  });
  const size = { width, height };
  const isPadded = outer.width !== width || outer.height !== height;
  return {
    source,
    canvas: { natural: size, working: size, padded: size, place: { x: 0, y: 0, ...size }, scale: task.scale },
    problem: {
      model: paddedModel(whole, imageShape),
      operator,
      y: runtime.upload(Float32Array.from(y.data), y.shape),
    },
    options,
    truth: undefined,
    measurement: undefined,
    noise,
    notes: isPadded
      ? [`The network sees ${formatSize(size)} padded by reflection to ${formatSize(outer)}, as it needs`]
      : [],
  };
}
