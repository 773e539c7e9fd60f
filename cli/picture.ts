/** From a picture to a measurement on the device: fitting to the network, and degrading where asked. */
import { type DeviceTensor, type HostTensor, hostTensor, type Runtime } from "../engine/mod.ts";
import { fillUnderAlpha, grayToRgb, type Raster, rgbToGray } from "../raster/mod.ts";
import type { NoiseModel, OpenedModel } from "../models/mod.ts";
import type { MeasurementNoise, Operator, OperatorValues } from "../operators/mod.ts";
import { chooseNoise, degrade, operatorOptions, type Task, taskOperator } from "../restoration/mod.ts";
import type { Arguments } from "./arguments.ts";
import {
  type Canvas,
  describeCanvas,
  isShrunk,
  leastCommonMultiple,
  offCanvas,
  ontoCanvas,
  planCanvas,
} from "./canvas.ts";
import { applyOperator } from "./restoration.ts";
import type { Source } from "./source.ts";

/** A picture ready to be restored. */
export interface Picture {
  readonly source: Source;
  readonly canvas: Canvas;
  /** What the sampler is given. */
  readonly problem: { readonly model: NoiseModel; readonly operator: Operator; readonly y: DeviceTensor };
  /** Parameters that the operator was built with. */
  readonly options: OperatorValues;
  /** The picture as the operator's argument where it is degraded here: the ground truth, at working size. */
  readonly truth: Raster | undefined;
  /** Otherwise the measurement at its full size. */
  readonly measurement: Raster | undefined;
  /** Noise in a measurement that says it. */
  readonly noise?: MeasurementNoise;
  /** What was done to the picture, as sentences for the user. */
  readonly notes: readonly string[];
}

/** Pictures up to this many times the training size are restored at their own size. */
const LONGEST_FACTOR = 4;

/**
 * Makes the problem that the sampler solves.
 * @param isTruth whether the picture is a good one, which is degraded here; otherwise it is the measurement itself
 * @param longest longest side inside the network where the command line does not say; default four training sizes
 * @throws {RangeError | TypeError} if the model does not take such pictures
 */
export async function preparePicture(
  runtime: Runtime,
  source: Source,
  { args, task, model, isTruth, longest }: {
    readonly args: Arguments;
    readonly task: Task;
    readonly model: OpenedModel;
    readonly isTruth: boolean;
    readonly longest?: number | undefined;
  },
): Promise<Picture> {
  const colour = !isTruth && task.channels === 1 ? rgbToGray(source.colour) : grayToRgb(source.colour);
  const scale = isTruth ? 1 : task.scale;
  const canvas = planCanvas(colour, {
    multiple: leastCommonMultiple(model.downsampling, task.multiple ?? task.scale),
    longest: args.number("size") ?? longest ?? LONGEST_FACTOR * model.config.imageSize,
    scale,
  });
  const imageShape = [canvas.padded.height, canvas.padded.width, 3];
  const known = source.mask?.known;
  const options = operatorOptions(task, imageShape, args.values, {
    files: { ...source.files, ...(source.mask ? { [source.mask.parameter]: laidOut(source.mask.known, canvas) } : {}) },
    seed: args.number("seed") ?? 0,
    isMeasured: !isTruth,
    reduction: isTruth ? 1 : canvas.natural.width / canvas.working.width,
  });
  const operator = taskOperator(task, imageShape, options);
  // What a picture shows where it is missing must not leak into its surroundings when it is resized.
  const visible = known && !isTruth ? fillUnderAlpha(colour, opacity(known)) : colour;
  const { data, width, height, channels } = ontoCanvas(visible, canvas);
  const uploaded = runtime.upload(data, [1, height, width, channels]);
  const y = isTruth
    ? await degrade(runtime, operator, uploaded, {
      noise: chooseNoise(args.values),
      seed: args.number("seed") ?? 0,
    })
    : await asMeasured(runtime, operator, uploaded, task);
  if (y !== uploaded) uploaded.free();
  const label = args.number("class");
  const noiseModel = model.noiseModel({
    ...canvas.padded,
    ...(label === undefined ? {} : { label }),
    ...(model.config.superResolution ? { lowRes: y } : {}),
    checkpoint: args.flag("recompute"),
  });
  return {
    source,
    canvas,
    problem: { model: noiseModel, operator, y },
    options,
    truth: isTruth ? offCanvas({ data, width, height, channels }, canvas) : undefined,
    measurement: isTruth ? undefined : visible,
    notes: [
      ...source.notes,
      ...describeCanvas(canvas),
      ...(isShrunk(canvas) && !isTruth ? describeLengths(task, options) : []),
    ],
  };
}

/** The lengths of an operator that shrank with the picture. */
function describeLengths({ entry }: Task, options: OperatorValues): readonly string[] {
  const lengths = Object.entries(entry.parameters).flatMap(([name, { unit, kind }]) => {
    const value = options[name];
    if (unit !== "pixels" || typeof value !== "number") return [];
    return [`${name} ${kind === "integer" ? value : value.toFixed(2)}`];
  });
  return lengths.length > 0 ? [`At that size the degradation is taken with ${lengths.join(", ")}`] : [];
}

/** A measurement from a file; what it shows where pixels are missing is taken out. */
async function asMeasured(
  runtime: Runtime,
  operator: Operator,
  y: DeviceTensor,
  { kind }: Task,
): Promise<DeviceTensor> {
  return kind === "inpainting" ? await applyOperator(runtime, operator, "forward", y) : y;
}

/** The measurement y as a picture, A^+ y in its place if it is none, and A^+ y, both without the padding. */
export async function baselineOf(
  runtime: Runtime,
  { form }: Task,
  { canvas, problem: { operator, y } }: Picture,
): Promise<{ readonly measurement: Raster; readonly pseudoInverse: Raster }> {
  const inverse = await applyOperator(runtime, operator, "estimate", y);
  const { width, height } = canvas.padded;
  const [rows = 0, columns = 0, channels = 0] = operator.measurementShape;
  const solved: Raster = { width, height, channels: 3, data: await inverse.read() };
  inverse.free();
  const pseudoInverse = offCanvas(solved, canvas);
  if (form === "values") return { measurement: pseudoInverse, pseudoInverse };
  const measured: Raster = { width: columns, height: rows, channels, data: await y.read() };
  return { measurement: offCanvas(measured, canvas, width / columns), pseudoInverse };
}

/** A mask as the network sees it: a pixel is known if all it is made of is known. */
function laidOut({ data, shape: [height = 0, width = 0] }: HostTensor, canvas: Canvas): HostTensor {
  const raster: Raster = { width, height, channels: 1, data: Float32Array.from(data) };
  const laid = ontoCanvas(raster, canvas, "area");
  return hostTensor(laid.data.map((share) => share > 0.999 ? 1 : 0), [laid.height, laid.width]);
}

/** A mask as an alpha plane: known pixels are opaque. */
function opacity({ data, shape: [height = 0, width = 0] }: HostTensor): Raster {
  return { width, height, channels: 1, data: Float32Array.from(data, (known) => 2 * known - 1) };
}
