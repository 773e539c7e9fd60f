/** From what the sampler gave to the picture that the user gets, and how good it is. */
import { ReferenceRuntime, type Runtime, type Tensors } from "../engine/mod.ts";
import { type Raster, resize, rgbToGray } from "../raster/mod.ts";
import { type ImageQuality, imageQuality } from "../metrics/mod.ts";
import { createOperator, type OperatorValues, project } from "../operators/mod.ts";
import { applyOperator } from "./apply_operator.ts";
import { isShrunk, offCanvas } from "./canvas.ts";
import { judge, type Verdict } from "./harm.ts";
import { estimateNoiseLevel } from "./estimates/noise_level.ts";
import type { PreparedPicture } from "./prepare.ts";
import type { Task } from "./options/tasks.ts";

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
  const { task, canvas, format, truth } = picture;
  const isGray = task.isGray === true || (format.channels === 1 && task.channels === 3);
  const asInFile = (raster: Raster): Raster => isGray ? rgbToGray(raster) : raster;
  const solved = offCanvas({ ...canvas.padded, channels: 3, data: image }, canvas);
  // Colours that nothing measured may be out of range where their mean is not.
  const working = clamped(task.isGray ? rgbToGray(solved) : solved);
  const { measurement, pseudoInverse } = await baselineOf(runtime, picture);
  const isPutBack = isShrunk(canvas) && !truth;
  const raster = asInFile(isPutBack ? await putBack(picture, working) : working);
  const alpha = format.alpha && clamped(resize(format.alpha, raster));
  const qualityOf = (other: Raster): ImageQuality => {
    const [{ data }, { height, width, channels, data: good }] = [asInFile(other), asInFile(truth!)];
    // Values that are neither limited nor rounded here, windows of 7 x 7.
    return imageQuality("dmps", data, good, { shape: [height, width, channels] });
  };
  const comparison = truth && { result: qualityOf(working), pseudoInverse: qualityOf(clamped(pseudoInverse)) };
  const isEnlarged = task.scale > 1 && canvas.scale > 1;
  const known = picture.format.mask && Float32Array.from(picture.format.mask.known.data);
  const verdict = judge({
    result: raster,
    input: picture.measurement && !isEnlarged ? asInFile(picture.measurement) : undefined,
    small: picture.measurement && isEnlarged ? asInFile(picture.measurement) : undefined,
    pseudoInverse: isPutBack ? undefined : asInFile(clamped(pseudoInverse)),
    clipped: clippedPart(solved.data),
    replaced: known && !truth ? known.reduce((sum, value) => sum + 1 - value, 0) / known.length : undefined,
    psnr: comparison && { result: comparison.result.psnr, pseudoInverse: comparison.pseudoInverse.psnr },
  });
  return {
    raster,
    alpha,
    verdict,
    bitDepth: format.bitDepth,
    sheet: [measurement, pseudoInverse, isPutBack ? resize(raster, working) : raster, ...(truth ? [truth] : [])],
    comparison,
  };
}

/** The measurement y as a picture, A^+ y in its place if it is none, and A^+ y, both without the padding. */
async function baselineOf(
  runtime: Runtime,
  { task: { form }, canvas, problem: { operator, y } }: PreparedPicture,
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

/**
 * Brings a picture that was restored smaller back to its own size, with the detail that only the full measurement has:
 * first what the measurement says beyond the restored picture, smoothly, then exactly where the operator acts on single
 * pixels or blocks (x - A^+ A x + A^+ y). Of a noisy measurement only what stands out of the noise comes back.
 */
async function putBack(
  { task, canvas, measurement, options, format: { mask }, sigmaY }: PreparedPicture,
  working: Raster,
): Promise<Raster> {
  const enlarged = resize(working, canvas.natural);
  if (!measurement) return enlarged;
  if (sigmaY > 0) {
    if (measurement.width !== enlarged.width || task.kind !== "deblurring") return clamped(enlarged);
    // The picture was made smaller, and its noise with it.
    const deviation = Math.max(sigmaY, estimateNoiseLevel(measurement)?.sigma ?? 0);
    return clamped(addDifference(enlarged, measurement, resize(resize(measurement, working), measurement), deviation));
  }
  switch (task.kind) {
    case "deblurring":
      return clamped(addDifference(enlarged, measurement, resize(resize(measurement, working), measurement)));
    case "super_resolution": {
      const detailed = addDifference(enlarged, measurement, resize(enlarged, measurement));
      return task.isLocal ? await consistent(task, detailed, measurement, options) : clamped(detailed);
    }
    case "inpainting":
      return await consistent(task, enlarged, measurement, mask ? { [mask.parameter]: mask.known } : options);
    case "colorization":
      return await consistent(task, enlarged, measurement, options);
    case "phase_retrieval":
      return enlarged;
  }
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

/** x - A^+ A x + A^+ y, on the CPU: the picture may be larger than what the device can hold. */
async function consistent(
  task: Task,
  x: Raster,
  y: Raster,
  options: OperatorValues,
): Promise<Raster> {
  const operator = createOperator(task.operator, [x.height, x.width, 3], options);
  const cpu = new ReferenceRuntime();
  const isMasked = task.kind === "inpainting";
  const stage = cpu.stage("put back", (inputs: Tensors<"x" | "y">) => ({
    x: project(operator, inputs.x, isMasked ? operator.forward(inputs.y) : inputs.y),
  }));
  const device = { x: cpu.upload(x.data, [1, x.height, x.width, 3]), y: cpu.upload(y.data, shapeOf(y)) };
  const projected = await (await stage(device, {})).x.read();
  return clamped({ ...x, data: Float32Array.from(projected) });
}

function shapeOf({ height, width, channels }: Raster): [number, number, number, number] {
  return [1, height, width, channels];
}

/** So far out of range is no rounding. */
const OUT_OF_RANGE = 1.02;

/** Part of the values that clamping changes visibly. */
function clippedPart(data: Float32Array): number {
  let count = 0;
  for (const value of data) if (Math.abs(value) > OUT_OF_RANGE) count++;
  return count / data.length;
}

/** A picture with its values brought into [-1, 1]. */
export function clamped(raster: Raster): Raster {
  return { ...raster, data: raster.data.map((value) => Math.min(Math.max(value, -1), 1)) };
}
