/** What is told of a restoration as data: all that is needed to make the picture again, and what came of it. */
import { type HostTensor, type Runtime, WebGpuRuntime } from "../engine/mod.ts";
import { consistency, type ImageQuality } from "../metrics/mod.ts";
import { type JpegFile, jpegQuality, type MeasurementNoise } from "../operators/mod.ts";
import { numberOf, optionName, type OptionValues, textOf } from "../parameters/mod.ts";
import { applyOperator } from "./apply_operator.ts";
import { formatSize } from "./canvas.ts";
import type { NamedModel } from "./options/image_channels.ts";
import type { Result } from "./finish.ts";
import type { Method } from "./options/method.ts";
import type { PreparedPicture } from "./prepare.ts";
import { maskFileOf } from "./options/task_files.ts";
import type { TimedRestoration } from "./timed.ts";

/** Data of a report. */
export type Report = Readonly<Record<string, unknown>>;

/** A network with what identifies its file. */
export interface IdentifiedModel extends NamedModel {
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
}

/** Everything that a report tells of. */
export interface Outcome {
  /** What it was computed by. */
  readonly runtime: Runtime;
  /** The network, and the hash of its file. */
  readonly loaded: IdentifiedModel;
  /** Wall time of opening the network. */
  readonly loadSeconds: number;
  /** The picture on its canvas. */
  readonly picture: PreparedPicture;
  /** The method with its parameters. */
  readonly method: Method;
  /** The restored canvas, and what it took. */
  readonly restoration: TimedRestoration;
  /** The picture for the file, with its quality. */
  readonly result: Result;
  /** The options that it was made by. */
  readonly options: OptionValues;
  /** Seed of the noise. */
  readonly seed: number;
}

/** The report of a restoration. Timings and memory are all that differ when the picture is made again. */
export async function reportOf(outcome: Outcome): Promise<Report> {
  const { runtime, options, method, loaded, picture, result, seed } = outcome;
  const { canvas, problem, task } = picture;
  return {
    task: {
      name: task.name,
      operator: problem.operator.name,
      parameters: operatorParameters(picture, options),
      measured: picture.truth === undefined,
      ...(picture.noise ? noiseParameters(picture.noise) : {}),
      ...(picture.estimatedNoise ? { estimatedNoise: picture.estimatedNoise } : {}),
    },
    method: { name: method.name, ...(method.preset ? { preset: method.preset } : {}), ...method.options },
    seed,
    noise: textOf(options, "noise") ?? "seed",
    model: modelData(loaded, options),
    adapter: adapterData(runtime, options),
    sizes: {
      restored: formatSize(canvas.working),
      network: formatSize(canvas.padded),
      result: formatSize(result.raster),
    },
    notes: picture.notes,
    verdict: result.verdict,
    evaluations: method.evaluations,
    counts: outcome.restoration.counts,
    metrics: {
      consistency: await measureConsistency(outcome),
      ...(result.comparison
        ? {
          definition: "values in [-1, 1], clamped, not rounded; SSIM with 7x7 windows",
          result: qualityData(result.comparison.result),
          pseudoInverse: qualityData(result.comparison.pseudoInverse),
        }
        : {}),
    },
    timings: timingsOf(outcome),
    memory: memoryOf(runtime),
  };
}

/** The network of a restoration as data. */
export function modelData({ name, sha256, model }: IdentifiedModel, options: OptionValues): Report {
  return {
    name,
    sha256,
    parameters: model.parameterCount,
    precision: textOf(options, "precision") ?? "f32",
    trainingSize: model.config.imageSize,
    class: numberOf(options, "class") ?? null,
  };
}

/** Where a restoration is computed, and how, as data. */
export function adapterData(runtime: Runtime, options: OptionValues): Report {
  const isGpu = runtime instanceof WebGpuRuntime;
  return {
    name: runtime.description,
    features: isGpu ? runtime.features : [],
    preferences: isGpu ? runtime.preferences : {},
    checkFinite: options["check-finite"] === true,
  };
}

/** The noise of a measurement as data. */
function noiseParameters(noise: MeasurementNoise): Report {
  return noise.kind === "gaussian" ? { sigmaY: noise.sigma } : { noise };
}

/**
 * Parameters of an operator as data; of a mask its file and how much it keeps, of other tensors the shape, of a network
 * its file.
 */
function operatorParameters(
  { options: values, format: { mask }, task }: PreparedPicture,
  options: OptionValues,
): Report {
  const { parameters } = task.entry;
  const dataOf = ([name, value]: readonly [string, unknown]): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if ("layers" in value && Array.isArray(value.layers)) {
      return { file: textOf(options, optionName(name, parameters[name]!)) ?? null, layers: value.layers.length };
    }
    // The tables of a JPEG file are in it.
    if ("planes" in value) return { quality: Math.round(jpegQuality((value as JpegFile).planes[0]!.steps)) };
    if (!("shape" in value && "data" in value)) return value;
    const { shape, data } = value as HostTensor;
    if (parameters[name]?.format !== "mask") return { shape };
    const file = maskFileOf(task, options);
    const shares = Float64Array.from(mask ? mask.known.data : data);
    return {
      ...(file ? { file: file.path, keep: file.keep } : {}),
      known: shares.reduce((sum, share) => sum + share, 0) / shares.length,
    };
  };
  const isSimple = ([, value]: readonly [string, unknown]): boolean => typeof value !== "object";
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  const inOrder = [...entries.filter(isSimple), ...entries.filter((one) => !isSimple(one))];
  return Object.fromEntries(inOrder.map((one) => [one[0], dataOf(one)]));
}

/** How far A x, of the restored picture before it is clamped, is from y. */
async function measureConsistency(
  { runtime, picture: { problem: { operator, y } }, restoration: { image } }: Outcome,
): Promise<ReturnType<typeof consistency>> {
  const x = runtime.upload(image, [1, ...operator.imageShape]);
  const ax = await applyOperator(runtime, operator, "forward", x);
  try {
    return consistency(await ax.read(), await y.read());
  } finally {
    x.free();
    ax.free();
  }
}

function timingsOf({ runtime, restoration, loadSeconds }: Outcome): Report {
  const { firstStepSeconds, seconds, counts: { nfe } } = restoration;
  return {
    loadSeconds,
    compileSeconds: runtime.statistics().compileMilliseconds / 1000,
    firstStepSeconds,
    totalSeconds: seconds,
    secondsPerNfe: (seconds - firstStepSeconds) / Math.max(1, nfe - 1),
  };
}

function memoryOf(runtime: Runtime): Report {
  const { deviceBytes, peakDeviceBytes, pipelines } = runtime.statistics();
  return { deviceBytes, peakDeviceBytes, pipelines };
}

/** A quality as data: JSON has no infinity. */
export function qualityData({ psnr, ssim }: ImageQuality): Report {
  return { psnr: psnr === Infinity ? "infinite" : psnr, ssim: ssim ?? null };
}
