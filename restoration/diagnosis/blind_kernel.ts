/** The kernel of a blur from the picture and the network alone: picture and kernel are found in turns, on a part. */
import { type HostTensor, hostTensor, type Runtime } from "../../engine/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import type { OptionValues } from "../../parameters/mod.ts";
import { createOperator, gaussianKernel2d } from "../../operators/mod.ts";
import {
  alphaRaster,
  colourRaster,
  crop,
  fillUnderAlpha,
  grayToRgb,
  padReflect,
  type Raster,
  rgbToGray,
} from "../../raster/mod.ts";
import { SAMPLERS, seededNoise } from "../../samplers/mod.ts";
import { type Blur, estimateBlur } from "../estimates/blur.ts";
import { blurKernel } from "../estimates/blur_kernel.ts";
import { slopeSpread, unblurred } from "../estimates/deconvolution.ts";
import { fitKernel } from "../estimates/kernel_fit.ts";
import { estimateNoiseLevel } from "../estimates/noise_level.ts";
import { imageChannels } from "../options/image_channels.ts";
import type { DecodedPicture } from "../picture_source.ts";
import { networkFor } from "../restore.ts";
import { kernelRunOptions } from "../options/blur_question.ts";
import { SURE } from "./finding.ts";
import { BLOCKS, richestPart } from "./part.ts";

/** A kernel that was found. */
export interface FoundKernel {
  /** [side, side], odd, of at least 0 and of sum 1. */
  readonly kernel: HostTensor;
  /** The first guess, of the same size. */
  readonly first: HostTensor;
  /** The blur of which that is; absent where the picture tells of none. */
  readonly blur: Blur | undefined;
  /** |k - k0| / |k0|: how far the kernel is from the first guess. */
  readonly change: number;
  /** Whether the first guess is kept, as the picture without its blur looks more like one than without the other. */
  readonly isFirst: boolean;
  /** Whether the picture tells surely of which blur that is. */
  readonly isSure: boolean;
  /** Network evaluations. */
  readonly evaluations: number;
}

/** How the kernel is looked for. */
export interface BlindSetting {
  /** Deviation of the noise of the picture, in units of [-1, 1]. */
  readonly sigma: number;
  /** Of the noise of the sampler. */
  readonly seed: number;
  /** Class of the picture, for class-conditional networks. */
  readonly label?: number | undefined;
  /** Told after each step; it may stop the search by throwing. */
  onStep?(step: number, steps: number): Promise<void> | void;
}

/** Steps of the sampler, and below which part of the timesteps predictions are good enough to tell a kernel. */
const STEPS = 20;
const KERNEL_START = 0.3;

/**
 * How much the kernel until now counts beside what the predicted picture tells: of a Gaussian of 1.5 pixels, guessed as
 * one of 1.1, 0.1 took the error from 0.51 to 0.23.
 */
const PULL = 0.1;

/** A kernel may be so many times as wide as the first guess, and at least so wide, in pixels. */
const ROOM = 1.5;
const LEAST_TAPS = 9;

/** Kernels are at most so wide, in pixels. */
const MOST_TAPS = 31;

/** What is guessed where a picture tells nothing: a Gaussian of so many pixels. */
const GUESSED = 1;

/** Noise at which an exact picture counts. */
const LEAST_SIGMA = 0.01;

/** Kernels that are so near to the first guess restore the same. */
const SAME = 0.1;

/** Deviations that a Gaussian reaches to either side. */
const REACH = 3;

/**
 * What the kernel of a picture's blur is looked for in.
 * @param picture as a decoder gives it
 * @param level deviation of its noise in units of [-1, 1], where it is known; otherwise that of noise which is plain
 * @returns its colours [H, W, C] in [-1, 1], continued under what is transparent, and the deviation for `findKernel`
 */
export function blindPicture(
  picture: DecodedPicture,
  level?: number,
): { readonly colour: Raster; readonly sigma: number } {
  const [alpha, opaque] = [alphaRaster(picture), colourRaster(picture)];
  const colour = alpha ? fillUnderAlpha(opaque, alpha) : opaque;
  const jpeg = picture.jpeg && { ...picture.jpeg, orientation: picture.orientation };
  const estimated = estimateNoiseLevel(colour, { jpeg });
  return { colour, sigma: level ?? (estimated?.isPlain ? estimated.sigma : 0) };
}

/**
 * Finds the kernel of a blur with GibbsDDRM (Murata et al. 2023): in every step of the trajectory the picture is predicted
 * by the network, below 0.3 of the timesteps the kernel is fitted to it by least squares, >= 0 and of sum 1, and the state
 * is drawn anew with it. It begins with the blur that the power spectrum tells, on the part of the picture that shows most,
 * beyond which nothing is taken for known.
 * @param picture [H, W, C], values in [-1, 1]
 * @throws {RangeError} if the picture is smaller than the kernel
 * @throws what `onStep` throws; UsageError as `imageChannels`
 */
export async function findKernel(
  runtime: Runtime,
  model: OpenedModel,
  picture: Raster,
  { sigma, seed, label, onStep }: BlindSetting,
): Promise<FoundKernel> {
  const channels = imageChannels({ name: "the network", model });
  const blur = estimateBlur(picture);
  const first = firstKernel(blur);
  const taps = first.shape[0]!;
  const side = Math.max(BLOCKS, Math.floor(model.config.imageSize / BLOCKS) * BLOCKS);
  const { x, y: row, ...rich } = richestPart(picture, side);
  const whole = (length: number): number => Math.floor(length / model.downsampling) * model.downsampling;
  const part = { x, y: row, width: whole(rich.width), height: whole(rich.height) };
  if (Math.min(part.width, part.height) <= 2 * taps) {
    throw new RangeError(
      `Cannot look for the kernel of a blur in ${part.width}x${part.height} pixels: more than ${
        2 * taps
      } along each side ` +
        "are needed; give --blur-sigma N",
    );
  }
  const cut = crop(picture, part);
  const seen = channels === 1 ? rgbToGray(cut) : grayToRgb(cut);
  const margin = Math.ceil(taps / 2 / model.downsampling) * model.downsampling;
  const y = padReflect(seen, { width: part.width + 2 * margin, height: part.height + 2 * margin });
  const shape = [y.height, y.width, channels];
  const measured = { top: margin, left: margin, height: part.height, width: part.width };
  const gray = (data: Float32Array): Raster => {
    const raster = { ...y, data: Float32Array.from(data) };
    return channels === 1 ? raster : rgbToGray(raster);
  };
  const plane = gray(y.data);
  let kernel = first.data as Float32Array;
  const uploaded = runtime.upload(y.data, [1, ...shape]);
  const problem = {
    model: networkFor(model, shape, label === undefined ? {} : { label }),
    operator: createOperator("identity", shape),
    y: uploaded,
    sigmaY: Math.max(LEAST_SIGMA, sigma),
  };
  let evaluations = 0;
  try {
    const run = SAMPLERS.gibbs_ddrm.restore(runtime, problem, {
      steps: STEPS,
      taps,
      kernelStart: KERNEL_START,
      kernelUpdates: 1,
      kernel,
      measured,
      kernelStep({ x0, kernels }): Float32Array {
        kernel = fitKernel(gray(x0), plane, kernels, { pull: PULL, margin });
        return kernel;
      },
      noise: seededNoise([seed]),
    });
    for await (const { step, steps, nfe } of run as AsyncIterable<{ step: number; steps: number; nfe: number }>) {
      evaluations = nfe;
      await onStep?.(step, steps);
    }
  } finally {
    uploaded.free();
  }
  const plain = picture.channels === 1 ? cut : rgbToGray(cut);
  const centred = hostTensor(aroundMiddle(kernel, taps), [taps, taps]);
  const spread = (one: HostTensor): number => slopeSpread(unblurred(plain, one));
  const isFirst = spread(centred) > spread(first);
  const change = Math.sqrt(
    squares((i) => centred.data[i]! - first.data[i]!, taps) / squares((i) => first.data[i]!, taps),
  );
  return {
    kernel: isFirst ? first : centred,
    first,
    blur,
    change,
    isFirst,
    isSure: blur !== undefined && blur.confidence >= SURE,
    evaluations,
  };
}

/** The kernel of a blur that was estimated, a Gaussian of one pixel where none was, with room around it. */
function firstKernel(blur: Blur | undefined): HostTensor {
  const sigma = blur?.kind === "gaussian" && blur.sigma > 0 ? blur.sigma : GUESSED;
  const kernel = !blur || blur.kind === "gaussian"
    ? gaussianKernel2d(2 * Math.ceil(REACH * sigma) + 1, sigma)
    : blurKernel(blur).kernel;
  const side = kernel.shape[0]!;
  const taps = Math.min(MOST_TAPS, Math.max(LEAST_TAPS, 2 * Math.round(ROOM * side / 2) + 1));
  return hostTensor(placed(kernel.data, side, taps, [0, 0]), [taps, taps]);
}

/** A kernel moved by whole pixels so that the mean of its taps lies in the middle: what it is moved by, the picture is, too. */
function aroundMiddle(kernel: ArrayLike<number>, side: number): Float32Array<ArrayBuffer> {
  const middle = (side - 1) / 2;
  let [right, down] = [0, 0];
  for (let i = 0; i < side * side; i++) {
    right += kernel[i]! * (i % side - middle);
    down += kernel[i]! * (Math.floor(i / side) - middle);
  }
  return placed(kernel, side, side, [-Math.round(right), -Math.round(down)]);
}

/** A kernel in the middle of another size, or beside it, of sum 1; what reaches beyond is left out. */
function placed(
  kernel: ArrayLike<number>,
  from: number,
  to: number,
  [right, down]: readonly [number, number],
): Float32Array<ArrayBuffer> {
  const offset = (to - from) / 2;
  const taps = new Float32Array(to * to);
  let sum = 0;
  for (let i = 0; i < from * from; i++) {
    const [column, row] = [i % from + offset + right, Math.floor(i / from) + offset + down];
    if (column < 0 || row < 0 || column >= to || row >= to) continue;
    taps[row * to + column] = kernel[i]!;
    sum += kernel[i]!;
  }
  return taps.map((tap) => tap / sum);
}

function squares(at: (tap: number) => number, side: number): number {
  let sum = 0;
  for (let i = 0; i < side * side; i++) sum += at(i) ** 2;
  return sum;
}

/** A kernel as the picture that `--kernel` takes: black is 0, white the largest tap. */
export function kernelRaster({ data, shape: [height = 0, width = 0] }: HostTensor): Raster {
  const most = Array.from(data as ArrayLike<number>).reduce((a, b) => Math.max(a, b), 0);
  const taps = Float32Array.from(data as ArrayLike<number>, (tap) => 2 * Math.max(0, tap) / most - 1);
  return { width, height, channels: 1, data: taps };
}

/**
 * The options of the run that undoes the blur: with the kernel from its file; where that is the first guess of a blur that
 * is sure, as --blur estimate, whose methods know of its shape.
 * @param options as given, with --kernel estimate
 * @param file path of the kernel
 * @param sigma deviation of the noise that is reckoned with; 0 for an exact picture
 */
export function blindRunOptions(
  { isFirst, isSure }: Pick<FoundKernel, "isFirst" | "isSure">,
  options: OptionValues,
  { file, sigma }: { readonly file: string; readonly sigma: number },
): OptionValues {
  if (!isFirst || !isSure) return kernelRunOptions(options, file, sigma);
  const { kernel: _, ...others } = options;
  return { ...others, task: "deblur", blur: "estimate" };
}

/** What is to be said of a kernel, as sentences. */
export function describeKernel(
  { kernel: { shape: [side] }, change, isFirst, isSure, evaluations }: FoundKernel,
): readonly string[] {
  const found = `The kernel was looked for on a part, in ${evaluations} network evaluations: ${side}x${side} pixels`;
  const off = `${Math.round(100 * change)} % of the first guess`;
  if (isFirst) {
    return [
      `${found}; what was found is off by ${off} and makes more waves of the picture, so that the first guess stays` +
      (isSure ? ", and --blur estimate is done" : ": it does no better than that"),
    ];
  }
  const isSame = change < SAME ? ", so little that it does no better than --blur estimate" : "";
  return [`${found}, off by ${off}, which the power spectrum gives${isSame}`];
}
