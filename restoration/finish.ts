/** From what the sampler gave to the picture that the user gets, and how good it is. */
import { ReferenceRuntime, type Runtime } from "../engine/mod.ts";
import { decodeSamples, encodeSamples, grayToRgb, type Raster, resize, rgbToGray } from "../raster/mod.ts";
import { type ImageQuality, imageQuality } from "../metrics/mod.ts";
import type { OperatorValues } from "../operators/mod.ts";
import { applyOperator, asMeasured } from "./apply_operator.ts";
import { isShrunk, offCanvas } from "./canvas.ts";
import { judge, type Misfit, type Verdict } from "./harm.ts";
import { estimateNoiseLevel } from "./estimates/noise_level.ts";
import { withHighlights } from "./own/highlights.ts";
import { type PreparedPicture, repeated } from "./prepare.ts";
import { type Task, taskOperator } from "./options/tasks.ts";
import { clampedValues, type Comparer, comparer, withinRange } from "./within_range.ts";

/** The outcome of one restoration. */
export interface Result {
  /** The picture, gray if the file is gray and the task adds no colour, or the task knows none. */
  readonly raster: Raster;
  /** Its alpha, if the file has one. */
  readonly alpha: Raster | undefined;
  /** Bits per sample, as in the file. */
  readonly bitDepth: 8 | 16;
  /** Pictures of the sheet, left to right: measurement, A^+ y, result, and the ground truth where it is known. */
  readonly sheet: readonly Raster[];
  /** Against the ground truth where it is known. */
  readonly comparison: Comparison | undefined;
  /** What a person would want to know of it. */
  readonly verdict: Verdict;
  /** How far A x is from the measurement; undefined of a picture that was restored smaller. */
  readonly misfit: Misfit | undefined;
}

/** Quality of the result and of A^+ y alone. */
export interface Comparison {
  /** Of the restored picture. */
  readonly result: ImageQuality;
  /** Of A^+ y. */
  readonly pseudoInverse: ImageQuality;
}

/**
 * Makes the final picture and measures it.
 * @param picture as it was prepared
 * @param image [H, W, 3] what the sampler gave
 */
export async function finishPicture(
  runtime: Runtime,
  picture: PreparedPicture,
  image: Float32Array<ArrayBuffer>,
): Promise<Result> {
  const { task, canvas, format, truth, problem: { operator, y } } = picture;
  const { asFile, asNetwork } = coloursOf(picture);
  const given = asNetwork({ ...canvas.padded, channels: operator.imageShape[2]!, data: image });
  const exposures = task.parts ? undefined : exposuresOf(picture.options);
  const whole = exposures ? withHighlights(given, { ...given, data: await y.read() }, exposures) : given;
  // Colours that nothing measured may be out of range where their mean is not.
  const solved = task.isGray ? asNetwork(rgbToGray(whole)) : whole;
  using comparing = comparer(runtime, operator, y);
  const inRange = { ...solved, data: await withinRange(comparing, solved.data, picture.sigmaY === 0) };
  const working = offCanvas(task.isGray ? rgbToGray(inRange) : inRange, canvas);
  const { measurement, pseudoInverse } = await baselineOf(runtime, picture);
  const isPutBack = isShrunk(canvas) && !truth;
  const raster = asFile(isPutBack ? await putBack(picture, working) : working);
  const alpha = format.alpha && clamped(resize(format.alpha, raster));
  const comparison = truth && {
    result: qualityOf(picture, working)!,
    pseudoInverse: qualityOf(picture, clamped(pseudoInverse))!,
  };
  const isEnlarged = task.scale > 1 && canvas.scale > 1;
  const known = picture.format.mask && Float32Array.from(picture.format.mask.known.data);
  const misfit = isPutBack ? undefined : await misfitOf(comparing, picture, asNetwork(asFile(inRange)));
  const verdict = judge({
    result: raster,
    input: picture.measurement && !isEnlarged ? asFile(picture.measurement) : undefined,
    small: picture.measurement && isEnlarged ? asFile(picture.measurement) : undefined,
    pseudoInverse: isPutBack ? undefined : asFile(clamped(pseudoInverse)),
    clipped: clippedPart(offCanvas(solved, canvas), pseudoInverse),
    replaced: known && !truth ? known.reduce((sum, value) => sum + 1 - value, 0) / known.length : undefined,
    psnr: comparison && { result: comparison.result.psnr, pseudoInverse: comparison.pseudoInverse.psnr },
    misfit,
  });
  return {
    raster,
    alpha,
    verdict,
    misfit,
    bitDepth: format.bitDepth,
    sheet: [measurement, pseudoInverse, isPutBack ? resize(raster, working) : raster, ...(truth ? [truth] : [])],
    comparison,
  };
}

/** The colours of a file, gray if it is gray and the task adds no colour, and those of the network. */
function coloursOf({ task, format, problem: { operator } }: PreparedPicture): Readonly<
  Record<"asFile" | "asNetwork", (raster: Raster) => Raster>
> {
  const isGray = task.isGray === true || (format.channels === 1 && task.channels === 3);
  return {
    asFile: (raster) => isGray ? rgbToGray(raster) : raster,
    asNetwork: operator.imageShape[2] === 1 ? rgbToGray : grayToRgb,
  };
}

/** How near a picture of the size of the ground truth is to it, in the colours of the file; undefined if none is known. */
export function qualityOf(picture: PreparedPicture, raster: Raster): ImageQuality | undefined {
  if (!picture.truth) return undefined;
  const { asFile } = coloursOf(picture);
  const [{ data }, { height, width, channels, data: good }] = [asFile(raster), asFile(picture.truth)];
  // Values that are neither limited nor rounded here, windows of 7 x 7.
  return imageQuality("dmps", data, good, { shape: [height, width, channels] });
}

/** How far A x is from y, of a picture on the canvas as a file holds it; where y is a picture, without its padding. */
async function misfitOf(
  comparing: Comparer,
  { task: { form }, canvas, format: { bitDepth }, sigmaY, problem: { operator: { measurementShape }, y } }:
    PreparedPicture,
  { data }: Raster,
): Promise<Misfit> {
  const all = await comparing.residual(decodeSamples(encodeSamples(data, { bitDepth }), bitDepth));
  const [rows = 0, columns = 0, channels = 0] = measurementShape;
  const isValues = form === "values";
  const residual = isValues ? all : offCanvas(
    { width: columns, height: rows, channels, data: all },
    canvas,
    canvas.padded.width / columns,
    canvas.padded.height / rows,
  ).data;
  return {
    rms: rmsOf(residual),
    greatest: residual.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    sigmaY,
    size: isValues ? rmsOf(await y.read()) : undefined,
  };
}

function rmsOf(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** The measurement y as a picture, A^+ y in its place if it is none, and A^+ y, both without the padding. */
async function baselineOf(
  runtime: Runtime,
  { task: { form }, canvas, problem: { operator, y } }: PreparedPicture,
): Promise<{ readonly measurement: Raster; readonly pseudoInverse: Raster }> {
  const inverse = await applyOperator(runtime, operator, "estimate", y);
  const { width, height } = canvas.padded;
  const [rows = 0, columns = 0, channels = 0] = operator.measurementShape;
  const solved: Raster = { width, height, channels: operator.imageShape[2]!, data: await inverse.read() };
  inverse.free();
  const pseudoInverse = offCanvas(solved, canvas);
  if (form === "values") return { measurement: pseudoInverse, pseudoInverse };
  const measured: Raster = { width: columns, height: rows, channels, data: await y.read() };
  return { measurement: offCanvas(measured, canvas, width / columns, height / rows), pseudoInverse };
}

/**
 * Brings a picture that was restored smaller back to its own size, with the detail that only the full measurement has:
 * first what the measurement says beyond the restored picture, smoothly, then exactly where the operator acts on single
 * pixels or blocks (x - A^+ A x + A^+ y). Of a noisy measurement only what stands out of the noise comes back.
 */
async function putBack(
  { task, canvas, measurement, options, format: { mask, jpeg }, sigmaY }: PreparedPicture,
  working: Raster,
): Promise<Raster> {
  const enlarged = resize(working, canvas.natural);
  if (!measurement) return enlarged;
  const exposures = exposuresOf(options);
  // Behind other damages a picture shows in another brightness than the one that it was restored with.
  if (exposures) return clamped(task.parts ? enlarged : withHighlights(enlarged, measurement, exposures));
  const whole = mask ? { ...options, [mask.parameter]: repeated(mask.known, canvas.scale) } : options;
  if (sigmaY > 0) {
    const seen = { width: working.width / canvas.scale, height: working.height / canvas.scale };
    const smooth = resize(resize(measurement, seen), measurement);
    // The picture was made smaller, and its noise with it.
    const deviation = Math.max(sigmaY, estimateNoiseLevel(measurement, { jpeg })?.sigma ?? 0);
    return clamped(addDifference(enlarged, grayToRgb(measurement), grayToRgb(smooth), deviation));
  }
  switch (task.kind) {
    case "compression":
    case "thumbnail":
    case "deblurring":
      return clamped(addDifference(enlarged, measurement, resize(resize(measurement, working), measurement)));
    case "super_resolution": {
      const detailed = addDifference(enlarged, measurement, resize(enlarged, measurement));
      return task.isLocal ? await consistent(task, detailed, measurement, whole) : clamped(detailed);
    }
    case "inpainting":
    case "colorization":
      return task.isLocal ? await consistent(task, enlarged, measurement, whole) : enlarged;
    case "phase_retrieval":
      return enlarged;
  }
}

/** The exposures of the channels, where a photo was made with them. */
function exposuresOf({ exposures }: OperatorValues): ArrayLike<number> | undefined {
  return exposures as ArrayLike<number> | undefined;
}

/** Noise beyond so many deviations is rare. */
const BEYOND_NOISE = 3;

/**
 * x + (a - b), the difference brought to the size of x.
 * @param noise deviation of the noise in a; what may be noise is taken out by soft thresholding (Donoho, De-Noising by
 *   Soft-Thresholding, 1995)
 */
function addDifference(x: Raster, a: Raster, b: Raster, noise = 0): Raster {
  const least = BEYOND_NOISE * noise;
  const shrunk = (value: number): number => Math.sign(value) * Math.max(0, Math.abs(value) - least);
  const difference = resize({ ...a, data: a.data.map((value, i) => shrunk(value - (b.data[i] as number))) }, x);
  return { ...x, data: x.data.map((value, i) => value + (difference.data[i] as number)) };
}

/** x - A^+ A x + A^+ y within range, on the CPU: the picture may be larger than what the device can hold. */
async function consistent(task: Task, x: Raster, y: Raster, options: OperatorValues): Promise<Raster> {
  const operator = taskOperator(task, [x.height, x.width, x.channels], options);
  const cpu = new ReferenceRuntime();
  const whole = cpu.upload(y.data, [1, y.height, y.width, y.channels]);
  const measured = await asMeasured(cpu, operator, whole, task);
  using comparing = comparer(cpu, operator, measured);
  const correction = await comparing.correction(x.data);
  if (!correction) return x;
  return { ...x, data: await withinRange(comparing, x.data.map((value, i) => value + correction[i]!), true) };
}

/** So far out of range is no rounding. */
const OUT_OF_RANGE = 1.02;

/** What is measured to be so near the limit of the range may be restored beyond it. */
const NEAR_LIMIT = 0.95;

/** Part of the values that clamping changes visibly, where A^+ y is not at the limit itself. */
function clippedPart({ data }: Raster, { data: measured }: Raster): number {
  const count = data.reduce((sum, value, i) => {
    const there = Math.sign(value) * (measured[i] as number);
    return Math.abs(value) > OUT_OF_RANGE && !(there >= NEAR_LIMIT && there <= OUT_OF_RANGE) ? sum + 1 : sum;
  }, 0);
  return count / data.length;
}

/** A picture with its values brought into [-1, 1]. */
export function clamped(raster: Raster): Raster {
  return { ...raster, data: clampedValues(raster.data) };
}
