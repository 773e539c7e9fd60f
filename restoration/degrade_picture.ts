/** A good picture becomes a measurement: cropped to what the operator takes, measured, and as a picture where it is one. */
import { type HostTensor, hostTensor, type Runtime, type Shape } from "../engine/mod.ts";
import { centre, crop, grayToRgb, type Raster, resize, rgbToGray, type Size } from "../raster/mod.ts";
import type { MeasurementNoise, Operator } from "../operators/mod.ts";
import type { OptionValues } from "../parameters/mod.ts";
import { formatSize } from "./canvas.ts";
import { degrade } from "./degrade.ts";
import { fileStem } from "./folder.ts";
import type { ReadMeasurement } from "./measurement.ts";
import type { PictureSource } from "./prepare.ts";
import { operatorOptions } from "./options/task_options.ts";
import { type Task, taskOperator } from "./options/tasks.ts";

/** How a picture is degraded. */
export interface DegradationSetting {
  /** What is done to it. */
  readonly task: Task;
  /** The options of the task. */
  readonly options: OptionValues;
  /** The noise of the measurement. */
  readonly noise: MeasurementNoise;
  /** Of noise and masks. */
  readonly seed: number;
}

/** A measurement of a picture. */
export interface DegradedPicture extends ReadMeasurement {
  /** The measurement as a picture, gray if the picture is; undefined if it is none. */
  readonly raster: Raster | undefined;
  /** Alpha of the picture at the size of the measurement. */
  readonly alpha: Raster | undefined;
  /** White where pixels are known, of an operator that leaves out pixels. */
  readonly known: Raster | undefined;
  /** What was done to the picture, as sentences for the user. */
  readonly notes: readonly string[];
}

/**
 * Degrades a picture, of which the largest centred part is taken whose sides the operator divides.
 * @throws {RangeError} if the picture is too small
 */
export async function degradePicture(
  runtime: Runtime,
  source: PictureSource,
  { task, options: given, noise, seed }: DegradationSetting,
): Promise<DegradedPicture> {
  const whole = grayToRgb(source.colour);
  const multiple = task.multiple ?? task.scale;
  const picture = cropToMultiple(whole, source.name, multiple);
  const imageShape = [picture.height, picture.width, picture.channels];
  const { mask } = source;
  const options = operatorOptions(task, imageShape, given, {
    files: { ...source.files, ...(mask ? { [mask.parameter]: croppedMask(mask.known, picture) } : {}) },
    seed,
    isMeasured: false,
  });
  const operator = taskOperator(task, imageShape, options);
  const device = await degrade(runtime, operator, hostTensor(picture.data, imageShape), { noise, seed });
  const y = hostTensor(await device.read(), device.shape);
  device.free();
  const raster = task.form === "values" ? undefined : asPicture(y, operator, source.channels === 1);
  const alpha = source.alpha && cropToMultiple(source.alpha, source.name, multiple);
  const known = task.entry.knownPixels?.(imageShape, options);
  const { width, height } = source.colour;
  const { channels, bitDepth } = source;
  return {
    task,
    imageShape,
    options,
    noise,
    seed,
    operator,
    y,
    picture: { file: fileStem(source.name), width, height, channels, bitDepth },
    raster,
    alpha: alpha && raster && resize(alpha, raster, "area"),
    known: known && maskRaster(known, (value) => 2 * value - 1),
    notes: [
      ...(source.notes ?? []),
      ...(picture === whole ? [] : [`The picture is cropped to ${formatSize(picture)}, multiples of ${multiple}`]),
    ],
  };
}

function asPicture({ data }: HostTensor, { measurementShape }: Operator, isGray: boolean): Raster {
  const [height = 0, width = 0, channels = 0] = measurementShape;
  const measured: Raster = { width, height, channels, data: Float32Array.from(data) };
  return isGray && channels === 3 ? rgbToGray(measured) : measured;
}

/**
 * The largest centred part whose sides are multiples of a number.
 * @throws {RangeError} if the picture is smaller than that
 */
function cropToMultiple(raster: Raster, name: string, multiple: number): Raster {
  const down = (side: number): number => Math.floor(side / multiple) * multiple;
  const size = { width: down(raster.width), height: down(raster.height) };
  if (size.width === raster.width && size.height === raster.height) return raster;
  if (size.width > 0 && size.height > 0) return crop(raster, centre(raster, size));
  throw new RangeError(
    `Cannot degrade "${name}": it has ${raster.width} x ${raster.height} pixels, at least ${multiple} x ${multiple} ` +
      "are needed for this task; choose a smaller factor",
  );
}

/** A mask [H, W] of the whole picture for its centred part. */
function croppedMask(known: HostTensor, { width, height }: Size): HostTensor {
  const raster = maskRaster(known);
  return hostTensor(crop(raster, centre(raster, { width, height })).data, [height, width]);
}

function maskRaster({ data, shape }: HostTensor, valueOf = (value: number): number => value): Raster {
  const [height = 0, width = 0] = shape as Shape;
  return { width, height, channels: 1, data: Float32Array.from(data, valueOf) };
}
