/** From a picture file to a measurement on the device: reading, fitting to the network, degrading where asked. */
import {
  type DeviceTensor,
  type HostTensor,
  hostTensor,
  type Runtime,
  type Scalars,
  type Tensors,
} from "../engine/mod.ts";
import {
  alphaRaster,
  colourRaster,
  FileError,
  fillUnderAlpha,
  grayToRgb,
  type ImageFile,
  type Raster,
  readImage,
  readMask,
  rgbToGray,
  type Size,
} from "../io/mod.ts";
import { randomNormal, weightedSum } from "../kernels/mod.ts";
import type { NoiseModel, OpenedModel } from "../models/mod.ts";
import type { LinearOperator } from "../operators/mod.ts";
import { DRAWS_PER_SEED } from "../samplers/mod.ts";
import type { Arguments } from "./arguments.ts";
import { type Canvas, describeCanvas, leastCommonMultiple, offCanvas, ontoCanvas, planCanvas } from "./canvas.ts";
import { applyOperator } from "./restoration.ts";
import { type Task, taskOperator } from "./tasks.ts";

/** A picture ready to be restored. */
export interface Picture {
  readonly file: ImageFile;
  readonly canvas: Canvas;
  /** What the sampler is given. */
  readonly problem: { readonly model: NoiseModel; readonly operator: LinearOperator; readonly y: DeviceTensor };
  /** With --degrade: the ground truth at working size. */
  readonly truth: Raster | undefined;
  /** Without --degrade: the measurement at its full size, and for inpainting its known pixels [H, W]. */
  readonly given: { readonly measurement: Raster; readonly mask: HostTensor | undefined } | undefined;
  readonly alpha: Raster | undefined;
  /** What was done to the picture, for the user. */
  readonly notes: readonly string[];
}

/** Pictures up to this many times the training size are restored at their own size. */
const LONGEST_FACTOR = 4;

/**
 * Reads a picture and makes the problem that the sampler solves.
 * @param path the picture; with `isTruth` a good one, which is degraded here, otherwise the measurement itself
 * @throws {FileError} if a file cannot be read or a mask does not fit
 */
export async function preparePicture(
  runtime: Runtime,
  { args, task, model, path, isTruth }: {
    readonly args: Arguments;
    readonly task: Task;
    readonly model: OpenedModel;
    readonly path: string;
    readonly isTruth: boolean;
  },
): Promise<Picture> {
  const file = await readImage(path);
  const notes = [...file.warnings];
  const alpha = alphaRaster(file);
  const colour = alpha ? fillUnderAlpha(colourRaster(file), alpha) : colourRaster(file);
  const source = !isTruth && task.channels === 1 ? rgbToGray(colour) : grayToRgb(colour);
  const scale = isTruth ? 1 : task.scale;
  const canvas = planCanvas({ width: file.width * scale, height: file.height * scale }, {
    multiple: leastCommonMultiple(model.downsampling, task.scale),
    longest: args.number("size") ?? LONGEST_FACTOR * model.config.imageSize,
    scale,
  });
  notes.push(...describeCanvas(canvas));
  const mask = await readKnownPixels(args, path, file, notes);
  const seed = args.number("seed") ?? 0;
  const label = args.number("label");
  const noiseModel = model.noiseModel({ ...canvas.padded, ...(label === undefined ? {} : { label }) });
  const operator = taskOperator(task, noiseModel.imageShape, args, { mask: mask && laidOut(mask, canvas), seed });
  const { data, width, height, channels } = ontoCanvas(source, canvas);
  const picture = runtime.upload(data, [1, height, width, channels]);
  const y = isTruth
    ? await degrade(runtime, operator, picture, { sigma: args.number("sigma-y") ?? 0, seed })
    : await asMeasured(runtime, operator, picture, task);
  return {
    file,
    canvas,
    problem: { model: noiseModel, operator, y },
    truth: isTruth ? offCanvas({ data, width, height, channels }, canvas) : undefined,
    given: isTruth ? undefined : { measurement: source, mask },
    alpha,
    notes,
  };
}

/** The measurement y as a picture and A^+ y, both without the padding. */
export async function baselineOf(
  runtime: Runtime,
  { canvas, problem: { operator, y } }: Picture,
): Promise<{ readonly measurement: Raster; readonly pseudoInverse: Raster }> {
  const inverse = await (await applyOperator(runtime, operator, "pseudoInverse", y)).read();
  const { width, height } = canvas.padded;
  const [rows = 0, columns = 0, channels = 0] = operator.measurementShape;
  const measured: Raster = { width: columns, height: rows, channels, data: await y.read() };
  const reduction = width / columns;
  return {
    measurement: offCanvas(measured, canvas, reduction),
    pseudoInverse: offCanvas({ width, height, channels: 3, data: inverse }, canvas),
  };
}

/**
 * y = A x + sigma z, on the device. The noise is the last draw of the seed, which no sampler reaches.
 * @param x [1, H, W, C]
 * @returns [1, ...operator.measurementShape]
 */
export async function degrade(
  runtime: Runtime,
  operator: LinearOperator,
  x: DeviceTensor,
  { sigma, seed }: { readonly sigma: number; readonly seed: number },
): Promise<DeviceTensor> {
  const stage = runtime.stage("degrade", (inputs: Tensors<"x">, c: Scalars<"sigma" | "draw">) => {
    const y = operator.forward(inputs.x);
    return { y: weightedSum([[1, y], [c.sigma, randomNormal(y.shape, [c.draw])]]) };
  });
  return (await stage({ x }, { sigma, draw: seed * DRAWS_PER_SEED + DRAWS_PER_SEED - 1 })).y;
}

/** A measurement from a file; what it shows where pixels are missing is taken out. */
async function asMeasured(
  runtime: Runtime,
  operator: LinearOperator,
  y: DeviceTensor,
  { kind }: Task,
): Promise<DeviceTensor> {
  return kind === "inpainting" ? await applyOperator(runtime, operator, "forward", y) : y;
}

/**
 * Reads --mask: 1 where the picture is known, [H, W] at the size of the picture; undefined if the option is absent.
 * @param path the picture's file, for the message
 * @param notes takes what the user should know of the mask
 * @throws {FileError} if the mask cannot be read or has another size
 */
export async function readKnownPixels(
  args: Arguments,
  path: string,
  picture: Size,
  notes: string[],
): Promise<HostTensor | undefined> {
  const file = args.text("mask");
  if (file === undefined) return undefined;
  const keep = args.text("mask-keep") === "black" ? "black" : "white";
  const { width, height, data, warnings } = await readMask(file, { keep });
  if (width !== picture.width || height !== picture.height) {
    throw new FileError(
      `Cannot use mask "${file}": it has ${width} x ${height} pixels, "${path}" has ${picture.width} x ` +
        `${picture.height}; make a mask of the picture's size`,
    );
  }
  notes.push(...warnings);
  return hostTensor(data, [height, width]);
}

/** A mask as the network sees it: a pixel is known if all it is made of is known. */
function laidOut({ data, shape: [height = 0, width = 0] }: HostTensor, canvas: Canvas): HostTensor {
  const raster: Raster = { width, height, channels: 1, data: Float32Array.from(data) };
  const laid = ontoCanvas(raster, canvas, "area");
  return hostTensor(laid.data.map((share) => share > 0.999 ? 1 : 0), [laid.height, laid.width]);
}
