/** From a picture or a measurement to the problem that a sampler solves, at a size that the network takes. */
import { type DeviceTensor, type HostTensor, hostTensor, type Runtime } from "../engine/mod.ts";
import { fillUnderAlpha, grayToRgb, type Raster, rgbToGray } from "../raster/mod.ts";
import type { NoiseModel, OpenedModel } from "../models/mod.ts";
import {
  type Border,
  type ImagePart,
  type JpegPlace,
  leastCommonMultiple,
  type MeasurementNoise,
  type Operator,
  type OperatorValues,
} from "../operators/mod.ts";
import { numberOf, type OptionValues } from "../parameters/mod.ts";
import { asMeasured } from "./apply_operator.ts";
import { type Canvas, describeCanvas, formatSize, isShrunk, offCanvas, ontoCanvas, planCanvas } from "./canvas.ts";
import { degrade } from "./degrade.ts";
import type { ReadMeasurement } from "./measurement.ts";
import { NOISE_LEVEL } from "./options/method_options.ts";
import { imageChannels } from "./options/image_channels.ts";
import type { JpegFileSteps } from "./estimates/jpeg_noise.ts";
import { type NoiseLevel, resizedNoise } from "./estimates/noise_level.ts";
import { countedNoise, describeNoise, isReckoned, noiseOfPicture } from "./options/noisy_picture.ts";
import { pictureWithin } from "./own/extend.ts";
import { networkFor, type WindowSetting } from "./restore.ts";
import type { Compression } from "./own_jpeg.ts";
import { operatorOptions } from "./options/task_options.ts";
import { NOISY_JPEG, type Task, taskOperator, withoutCompression } from "./options/tasks.ts";

/** What a restored picture keeps of the file that it comes from. */
export interface PictureFormat {
  /** 1 for gray, 3 for RGB. */
  readonly channels: 1 | 3;
  /** Bits per sample. */
  readonly bitDepth: 8 | 16;
  /** [H, W, 1] in [-1, 1], if the file has transparency. */
  readonly alpha?: Raster | undefined;
  /** Which pixels are known, where a mask says so. */
  readonly mask?: KnownPixels | undefined;
  /** How it was quantised, where it comes from a JPEG file. */
  readonly jpeg?: JpegFileSteps | undefined;
}

/** A mask as it was read. */
export interface KnownPixels {
  /** The parameter of the operator that it is. */
  readonly parameter: string;
  /** 1 where the picture is known, 0 where it is missing [H, W], of the picture's size. */
  readonly known: HostTensor;
}

/** A picture as it was read. */
export interface PictureSource extends PictureFormat {
  /** What messages call it, such as the path of its file. */
  readonly name: string;
  /** Colour in [-1, 1], 1 or 3 channels as in the file; what transparent pixels hide is replaced by their surroundings. */
  readonly colour: Raster;
  /** What other files of the task hold, by the names of the parameters. */
  readonly files?: OperatorValues;
  /** How it was compressed, where that is to be repaired. */
  readonly compression?: Compression;
  /** How its file was compressed, where its noise is to be removed. */
  readonly stored?: Compression;
  /** What the user should know of the files, as sentences. */
  readonly notes?: readonly string[];
}

/** A picture that is to be restored, and what is said of it. */
export interface PictureInput {
  /** The picture. */
  readonly source: PictureSource;
  /** What is wrong with it. */
  readonly task: Task;
  /** The options of the task. */
  readonly options: OptionValues;
  /** The noise of the measurement that is made of a good picture; where it is undefined, the picture is the measurement. */
  readonly noise?: MeasurementNoise | undefined;
  /** Of what is drawn when a good picture is degraded. */
  readonly seed: number;
  /** The noise of a picture that is the measurement, where it was looked at before; by default it is estimated. */
  readonly estimatedNoise?: NoiseLevel | undefined;
  /** Longest side inside the network; default four training sizes. */
  readonly size?: number | undefined;
}

/** What is said of the network. */
export interface NetworkSetting {
  /** Class of the picture, for class-conditional networks. */
  readonly label?: number | undefined;
  /** Whether gradients compute blocks again instead of keeping them. */
  readonly recompute?: boolean;
  /** In what windows it sees a picture that is larger; the picture then keeps its own size. */
  readonly window?: WindowSetting | undefined;
}

/** A picture ready to be restored. */
export interface PreparedPicture {
  /** What is wrong with it. */
  readonly task: Task;
  /** What its result keeps of its file. */
  readonly format: PictureFormat;
  /** How it lies on what the network sees. */
  readonly canvas: Canvas;
  /** What the sampler is given. */
  readonly problem: { readonly model: NoiseModel; readonly operator: Operator; readonly y: DeviceTensor };
  /** Parameters that the operator was built with. */
  readonly options: OperatorValues;
  /** The picture as the operator's argument where it is degraded here: the ground truth, at working size. */
  readonly truth?: Raster;
  /** A measurement that is a picture, at its full size. */
  readonly measurement?: Raster;
  /** Noise in the measurement, as far as it is known. */
  readonly noise?: MeasurementNoise | undefined;
  /** Deviation of the noise that methods reckon with, in units of [-1, 1]. */
  readonly sigmaY: number;
  /** That deviation as it was estimated from the picture, where nothing else told it. */
  readonly estimatedNoise?: NoiseLevel | undefined;
  /** What was done to the picture, as sentences for the user. */
  readonly notes: readonly string[];
}

/** What is said where a network knows no colours and the picture has some. */
const GRAY_NETWORK = "The network knows gray pictures alone: the mean of the colours is restored, in gray";

/** All but the network. */
type LaidOut = Omit<PreparedPicture, "problem"> & Omit<PreparedPicture["problem"], "model">;

/** Pictures up to this many times the training size are restored at their own size. */
const LONGEST_FACTOR = 4;

/**
 * Makes the problem that a sampler solves. A picture is laid out for the network, made smaller where it is too large, and
 * degraded where it is a good one; a measurement is taken as it is, and where the network does not take its size, it sees
 * the states with mirrored borders.
 * @returns `problem.y` is to be freed by the caller
 * @throws {RangeError | TypeError} if the model does not take such pictures; UsageError as `imageChannels`
 */
export async function preparePicture(
  runtime: Runtime,
  model: OpenedModel,
  input: PictureInput | ReadMeasurement,
  { label, recompute = false, window: given }: NetworkSetting = {},
): Promise<PreparedPicture> {
  const window = given ?? windowOfCompressed(model, input);
  const { operator, y, ...picture } = "source" in input
    ? await layOutPicture(runtime, model, { ...input, size: input.size ?? (window && Infinity) })
    : layOutMeasurement(runtime, model, input);
  const network = networkFor(model, operator.imageShape, {
    ...(label === undefined ? {} : { label }),
    ...(model.config.superResolution ? { lowRes: y } : {}),
    checkpoint: recompute,
  }, window);
  const notes = window && window.side < Math.max(...operator.imageShape)
    ? [`The network sees the picture in ${window.form} windows of ${window.side} x ${window.side} pixels`]
    : [];
  return { ...picture, notes: [...picture.notes, ...notes], problem: { model: network, operator, y } };
}

/** Noisy pictures of more pixels, which were compressed, are made smaller where their own size takes too long. */
const MOST_KEPT = 2 ** 20;

/**
 * Whether a picture is restored at its own size however long that takes: blocks of a compressed one are blocks of its own
 * pixels.
 */
export function keepsSize({ source: { colour, compression }, task }: Pick<PictureInput, "source" | "task">): boolean {
  if (!compression) return false;
  return task.operator !== NOISY_JPEG || colour.width * colour.height <= MOST_KEPT;
}

/** A picture that must keep its size, and is too large for one piece, is seen in windows. */
function windowOfCompressed(
  { config: { imageSize } }: OpenedModel,
  input: PictureInput | ReadMeasurement,
): WindowSetting | undefined {
  if (!("source" in input) || !keepsSize(input) || input.size !== undefined) return undefined;
  const { source: { colour }, task: { scale } } = input;
  const side = LONGEST_FACTOR * imageSize;
  return scale * Math.max(colour.width, colour.height) > side ? { side, form: "overlapping" } : undefined;
}

/** How a picture lies on what the network sees, where its longest side is limited. */
export function canvasOf(
  { downsampling }: OpenedModel,
  input: Pick<PictureInput, "source" | "task" | "noise" | "options">,
  longest: number,
): Canvas {
  const { source: { colour }, task, noise } = input;
  return planCanvas(colour, {
    multiple: leastCommonMultiple(downsampling, task.multiple ?? task.scale),
    longest,
    scale: noise === undefined ? task.scale : 1,
    border: borderOf(input),
  });
}

/** How far the image reaches beyond a picture that somebody has; nowhere where the picture tells all that was measured. */
function borderOf(
  { source: { colour, files = {} }, task, noise, options }: Pick<PictureInput, "source" | "task" | "noise" | "options">,
): Border | undefined {
  if (noise !== undefined || !task.entry.border) return undefined;
  const imageShape = [colour.height, colour.width, 3];
  return task.entry.border(operatorOptions(task, imageShape, options, { files, seed: 0, isMeasured: true }));
}

async function layOutPicture(
  runtime: Runtime,
  model: OpenedModel,
  { source, task: asked, options: given, noise, seed, size, estimatedNoise: looked }: PictureInput,
): Promise<LaidOut> {
  const isTruth = noise !== undefined;
  const picture = { source, task: asked, noise, options: given };
  const canvas = canvasOf(model, picture, size ?? LONGEST_FACTOR * model.config.imageSize);
  const isOpen = borderOf(picture) !== undefined;
  const task = isShrunk(canvas) ? withoutCompression(asked) : asked;
  const { mask, notes = [] } = source;
  const compression = task === asked ? source.compression : undefined;
  const channels = imageChannels({ name: "the network", model });
  const isGray = channels === 1 || (!isTruth && task.channels === 1);
  const colour = isGray ? rgbToGray(source.colour) : grayToRgb(source.colour);
  const level = numberOf(given, NOISE_LEVEL);
  const isEstimated = !isTruth && level === undefined;
  const found = isEstimated ? looked ?? noiseOfPicture(source, task) : undefined;
  const estimatedNoise = isReckoned(found, task) ? resizedNoise(found, canvas) : undefined;
  const counted = countedNoise(estimatedNoise, task);
  const imageShape = [canvas.padded.height, canvas.padded.width, channels];
  const options = operatorOptions(task, imageShape, given, {
    files: { ...source.files, ...(mask ? { [mask.parameter]: maskOntoCanvas(mask.known, canvas) } : {}) },
    seed,
    isMeasured: !isTruth,
    reduction: isTruth ? 1 : canvas.natural.width / canvas.working.width,
    jpeg: compression && { ...compression, place: placeOf(compression, source, canvas) },
    sigma: level ?? counted,
    ...(isOpen ? { picture: partOf(canvas) } : {}),
  });
  const operator = taskOperator(task, imageShape, options);
  // What a picture shows where it is missing must not leak into its surroundings when it is resized.
  const visible = mask && !isTruth ? fillUnderAlpha(colour, opacity(mask.known)) : colour;
  const decoded = compression?.decoded;
  const shown = ontoCanvas(decoded ? (isGray ? rgbToGray(decoded) : decoded) : visible, canvas);
  const isCut = mask !== undefined && !isTruth && !task.parts;
  const laid = isCut
    ? withoutMissing(shown, shownPixels(mask.known, canvas))
    : isOpen
    ? withoutMissing(shown, pictureOn(canvas))
    : shown;
  const uploaded = runtime.upload(laid.data, [1, laid.height, laid.width, laid.channels]);
  const y = noise
    ? await degrade(runtime, operator, uploaded, { noise, seed })
    : await asMeasured(runtime, operator, uploaded, task);
  if (y !== uploaded) uploaded.free();
  return {
    task,
    format: source,
    canvas,
    operator,
    y,
    options,
    noise,
    sigmaY: level ?? counted ?? knownDeviation(noise),
    estimatedNoise,
    ...(isTruth ? { truth: offCanvas(laid, canvas) } : { measurement: visible }),
    notes: [
      ...notes,
      ...(source.channels > channels ? [GRAY_NETWORK] : []),
      ...describeCanvas(canvas, isOpen),
      ...(isShrunk(canvas) && !isTruth ? describeLengths(task, options) : []),
      ...(isEstimated ? describeNoise(found, task) : []),
    ],
  };
}

/**
 * Where the blocks of a compressed picture lie on what the network sees.
 * @throws {RangeError} if it is made smaller, which destroys them
 */
function placeOf({ orientation }: Compression, { name, colour }: PictureSource, canvas: Canvas): JpegPlace {
  if (isShrunk(canvas)) {
    throw new RangeError(
      `Cannot restore "${name}" at ${formatSize(canvas.working)} instead of ${formatSize(canvas.natural)}: what was ` +
        "compressed are blocks of its own pixels; leave --size out, or give --window N",
    );
  }
  const [top, left] = [canvas.place.y / canvas.scale, canvas.place.x / canvas.scale];
  return { top, left, height: colour.height, width: colour.width, orientation };
}

function layOutMeasurement(
  runtime: Runtime,
  { downsampling, config: { inChannels } }: OpenedModel,
  { task, imageShape: [height = 0, width = 0, channels], options, operator, y, noise, picture }: ReadMeasurement,
): LaidOut {
  if (inChannels !== channels) {
    throw new TypeError(
      `Cannot restore "${picture.file}": the measurement is of a picture of ${channels} channels, the network knows ` +
        `pictures of ${inChannels}; give another network, or the measurement as a picture`,
    );
  }
  const size = { width, height };
  const up = (side: number): number => Math.ceil(side / downsampling) * downsampling;
  const outer = { width: up(width), height: up(height) };
  const isPadded = outer.width !== width || outer.height !== height;
  return {
    task,
    format: picture,
    canvas: { natural: size, working: size, padded: size, place: { x: 0, y: 0, ...size }, scale: task.scale },
    operator,
    y: runtime.upload(Float32Array.from(y.data), y.shape),
    options,
    noise,
    sigmaY: knownDeviation(noise),
    notes: isPadded
      ? [`The network sees ${formatSize(size)} padded by reflection to ${formatSize(outer)}, as it needs`]
      : [],
  };
}

/** The deviation that a measurement says of itself. */
function knownDeviation(noise: MeasurementNoise | undefined): number {
  return noise?.kind === "gaussian" ? noise.sigma : 0;
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

/**
 * A mask as the network sees it: a pixel is known if all it is made of is known.
 * @param known [H, W] of the picture, 1 known, 0 missing
 */
export function maskOntoCanvas(known: HostTensor, canvas: Canvas): HostTensor {
  return repeated(shownPixels(known, canvas), canvas.scale);
}

/** A mask in pixels of the measurement, laid out like it. */
function shownPixels({ data, shape: [height = 0, width = 0] }: HostTensor, canvas: Canvas): HostTensor {
  const raster: Raster = { width, height, channels: 1, data: Float32Array.from(data) };
  const laid = ontoCanvas(raster, canvas, "area");
  return hostTensor(laid.data.map((share) => share > 0.999 ? 1 : 0), [laid.height, laid.width]);
}

/** A mask for a picture that is larger: every pixel becomes a block of s x s. */
export function repeated({ data, shape: [height = 0, width = 0] }: HostTensor, scale: number): HostTensor {
  const row = width * scale;
  const large = Float32Array.from({ length: height * scale * row }, (_, at) => {
    const [y, x] = [Math.floor(at / row), at % row];
    return data[Math.floor(y / scale) * width + Math.floor(x / scale)]!;
  });
  return hostTensor(large, [height * scale, row]);
}

/** The part of what the network sees that is the picture. */
function partOf({ place: { x, y, width, height } }: Canvas): ImagePart {
  return { top: y, left: x, height, width };
}

/** The mask [H, W] of what the network sees: 1 in the picture, 0 around it. */
function pictureOn({ padded, place }: Canvas): HostTensor {
  return pictureWithin(place, {
    left: place.x,
    top: place.y,
    right: padded.width - place.x - place.width,
    bottom: padded.height - place.y - place.height,
  });
}

/** A picture with 0 where a mask says that its pixels are missing. */
function withoutMissing(raster: Raster, { data: known }: HostTensor): Raster {
  const { channels } = raster;
  return { ...raster, data: raster.data.map((value, i) => known[Math.floor(i / channels)] === 0 ? 0 : value) };
}

/** A mask as an alpha plane: known pixels are opaque. */
function opacity({ data, shape: [height = 0, width = 0] }: HostTensor): Raster {
  return { width, height, channels: 1, data: Float32Array.from(data, (known) => 2 * known - 1) };
}
