/** One picture becomes a measurement: read, cropped, measured, and written as PNG or as a measurement file. */
import { type HostTensor, hostTensor, type Runtime, type Shape } from "../engine/mod.ts";
import { FileError, writePng } from "../io/mod.ts";
import { centre, crop, grayToRgb, type Raster, resize, rgbToGray, toImage } from "../raster/mod.ts";
import type { OperatorValues } from "../operators/mod.ts";
import { type Arguments } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import { formatSize } from "./canvas.ts";
import { MASK_ENDING } from "./folder.ts";
import type { Interrupt } from "./interrupt.ts";
import { isMeasurementName, writeMeasurement } from "./measurement_file.ts";
import { checkWritable, fileStem, writeTogether } from "./outputs.ts";
import {
  chooseNoise,
  degrade,
  maskFileOf,
  operatorOptions,
  type Task,
  taskFilePaths,
  taskOperator,
} from "../restoration/mod.ts";
import { readSource } from "./source.ts";

/** How measurements are stored. */
export type MeasurementFormat = "png" | "safetensors";

/**
 * The format of a command line.
 * @param name of the result, if there is one
 * @throws {UsageError} if it contradicts the task or the name
 */
export function formatOf(task: Task, args: Arguments, name?: string): MeasurementFormat {
  const given = args.text("format") as MeasurementFormat | undefined;
  const named = name === undefined ? undefined : isMeasurementName(name) ? "safetensors" : "png";
  const format = given ?? named ?? (task.form === undefined || task.form === "file" ? "png" : "safetensors");
  if (name !== undefined && !name.toLowerCase().endsWith(`.${format}`)) {
    throw new UsageError(
      `the result is "${name}", a name that ends in .${given ?? (task.form === "values" ? "safetensors" : "png")} is ` +
        `needed${given === undefined && task.form !== "values" ? " (or in .safetensors)" : ""}`,
    );
  }
  if (task.form === "values" && format === "png") {
    throw new UsageError(
      `the result is ${name === undefined ? "a PNG" : `"${name}"`}, a name that ends in .safetensors is needed: ` +
        `measurements of task "${task.name}" are no pictures`,
    );
  }
  if (format === "safetensors" && args.has("bits")) throw new UsageError("--bits belongs to PNG files; leave it out");
  return format;
}

/** The name of a result: the given one, whose ending must fit, or a stem with the ending. */
export function outputName(task: Task, name: string | undefined, stem: string, args: Arguments): string {
  const format = formatOf(task, args, name);
  return name ?? `${stem}.${format}`;
}

/** What is needed to damage one picture. */
export interface DegradationRequest {
  readonly task: Task;
  /** Path of the result; its ending says how it is stored. */
  readonly out: string;
  readonly seed: number;
  /** Told what was done to the picture, in sentences. */
  notes(note: string): void;
  readonly interrupt: Interrupt;
  /** Called once the picture has been read. */
  openRuntime(): Promise<Runtime>;
}

/** What was written. */
export interface Degradation {
  readonly data: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/**
 * Damages a picture and writes the measurement.
 * @throws {FileError} if a file cannot be read or written, or the picture is too small
 */
export async function degradePicture(
  args: Arguments,
  path: string,
  { task, out, seed, notes, interrupt, openRuntime }: DegradationRequest,
): Promise<Degradation> {
  const noise = chooseNoise(args.values, task);
  const isPicture = !isMeasurementName(out);
  // A mask that is made here is needed to restore the picture.
  const isMasked = task.entry.knownPixels !== undefined && !maskFileOf(task, args.values);
  const maskFile = isPicture && isMasked ? out.replace(/(\.png)?$/i, `${MASK_ENDING}.png`) : undefined;
  const files = [out, ...(maskFile === undefined ? [] : [maskFile])];
  await checkWritable(files, [path, ...taskFilePaths(task, args.values)]);
  const source = await readSource(args, path, { task, enlargement: 1 });
  source.notes.forEach(notes);
  const whole = grayToRgb(source.colour);
  const multiple = task.multiple ?? task.scale;
  const picture = cropToMultiple(whole, path, multiple);
  if (picture !== whole) notes(`The picture is cropped to ${formatSize(picture)}, multiples of ${multiple}`);
  const imageShape = [picture.height, picture.width, picture.channels];
  const options = operatorOptions(task, imageShape, args.values, {
    files: {
      ...source.files,
      ...(source.mask ? { [source.mask.parameter]: croppedMask(source.mask.known, picture) } : {}),
    },
    seed,
    isMeasured: false,
  });
  const operator = taskOperator(task, imageShape, options);
  const runtime = await openRuntime();
  const x = runtime.upload(picture.data, [1, ...imageShape]);
  const device = await degrade(runtime, operator, x, { noise, seed });
  const y = hostTensor(await device.read(), device.shape);
  x.free();
  device.free();
  const { width, height, channels, bitDepth } = source.file;
  if (!isPicture) {
    await interrupt.check();
    const described = { file: fileStem(path), width, height, channels, bitDepth };
    const measurement = { task, imageShape, options, noise, seed, picture: described, y };
    await interrupt.hold(() => writeTogether([[out, (path) => writeMeasurement(path, measurement)]]));
    const shape = operator.measurementShape;
    return { data: { files, task: task.name, shape, seed }, text: `Wrote ${out} (${shape.join(" x ")} values)` };
  }
  const [rows = 0, columns = 0, planes = 0] = operator.measurementShape;
  const measured: Raster = { width: columns, height: rows, channels: planes, data: Float32Array.from(y.data) };
  const measurement = channels === 1 && planes === 3 ? rgbToGray(measured) : measured;
  const alpha = source.alpha && resize(cropToMultiple(source.alpha, path, multiple), measurement, "area");
  const bits = args.text("bits") === "16" ? 16 : 8;
  const image = toImage(measurement, { bitDepth: bits, ...(alpha ? { alpha } : {}) });
  const mask = maskFile === undefined ? undefined : toImage(knownPixels(task, imageShape, options));
  await interrupt.check();
  await interrupt.hold(() =>
    writeTogether([
      [out, (path) => writePng(path, image)],
      [maskFile, async (path) => await (mask && writePng(path, mask))],
    ])
  );
  return {
    data: {
      files,
      task: task.name,
      width: measurement.width,
      height: measurement.height,
      channels: measurement.channels,
      bitDepth: bits,
      seed,
    },
    text: `Wrote ${files.join(" and ")} (${formatSize(measurement)})`,
  };
}

/**
 * The largest centred part whose sides are multiples of a number.
 * @throws {FileError} if the picture is smaller than that
 */
function cropToMultiple(raster: Raster, path: string, multiple: number): Raster {
  const down = (side: number): number => Math.floor(side / multiple) * multiple;
  const size = { width: down(raster.width), height: down(raster.height) };
  if (size.width === raster.width && size.height === raster.height) return raster;
  if (size.width > 0 && size.height > 0) return crop(raster, centre(raster, size));
  throw new FileError(
    `Cannot degrade "${path}": it has ${raster.width} x ${raster.height} pixels, at least ${multiple} x ${multiple} ` +
      "are needed for this task; choose a smaller factor",
  );
}

/** A mask [H, W] of the whole picture for its centred part. */
function croppedMask(
  { data, shape }: HostTensor,
  { width, height }: Raster,
): HostTensor {
  const raster: Raster = { width: shape[1]!, height: shape[0]!, channels: 1, data: Float32Array.from(data) };
  return hostTensor(Float32Array.from(crop(raster, centre(raster, { width, height })).data), [height, width]);
}

/** The mask of an operator as a picture: white where pixels are known. */
function knownPixels({ entry }: Task, imageShape: Shape, options: OperatorValues): Raster {
  const known = entry.knownPixels!(imageShape, options);
  const [height = 0, width = 0] = known.shape;
  return { width, height, channels: 1, data: Float32Array.from(known.data, (value) => 2 * value - 1) };
}
