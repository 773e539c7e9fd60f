/** What is told of a restoration: the JSON file beside the picture, and a few lines for people. */
import { type HostTensor, type Runtime, WebGpuRuntime } from "../engine/mod.ts";
import { consistency } from "../metrics/mod.ts";
import { isLinear, type MeasurementNoise } from "../operators/mod.ts";
import { optionName } from "../parameters/mod.ts";
import type { Arguments } from "./arguments.ts";
import { formatSize } from "./canvas.ts";
import type { Method, Task } from "../restoration/mod.ts";
import type { LoadedModel } from "./model_file.ts";
import { filesOf, type SampleOutput } from "./outputs.ts";
import type { Picture } from "./picture.ts";
import { formatSeconds } from "./progress.ts";
import { applyOperator, type Restoration } from "./restoration.ts";
import type { Quality, Result } from "./result.ts";
import { precisionOf } from "./runtime.ts";
import { chooseNoise } from "../restoration/mod.ts";

/** Everything that a report tells of. */
export interface Outcome {
  readonly runtime: Runtime;
  readonly args: Arguments;
  /** The file that was restored, and its SHA-256. */
  readonly path: string;
  readonly sha256: string;
  readonly task: Task;
  readonly method: Method;
  readonly loaded: LoadedModel;
  readonly picture: Picture;
  readonly restoration: Restoration;
  readonly result: Result;
  readonly seed: number;
  readonly loadSeconds: number;
  readonly output: SampleOutput;
}

/** The data of a JSON report. */
export type Report = Readonly<Record<string, unknown>>;

/** Everything needed to make the picture again, and what came of it. Timings and memory are all that differ then. */
export async function makeReport(outcome: Outcome): Promise<Report> {
  const { runtime, args, task, method, loaded, picture, restoration, result, seed, output } = outcome;
  const { source, canvas, problem } = picture;
  return {
    program: { name: "shortcut", deno: Deno.version.deno },
    command: ["restore", ...args.words],
    files: filesOf(output),
    input: { file: outcome.path, sha256: outcome.sha256 },
    picture: {
      file: source.path,
      format: source.file.format,
      width: source.file.width,
      height: source.file.height,
      channels: source.file.channels,
      bitDepth: source.file.bitDepth,
      alpha: source.alpha !== undefined,
      orientation: source.file.orientation,
    },
    task: {
      name: task.name,
      operator: problem.operator.name,
      parameters: operatorParameters(picture, task, args),
      measured: picture.truth === undefined,
      ...(picture.truth
        ? noiseParameters(chooseNoise(args.values))
        : picture.noise
        ? noiseParameters(picture.noise)
        : {}),
    },
    method: { name: method.name, ...(method.preset ? { preset: method.preset } : {}), ...method.options },
    seed,
    noise: args.text("noise") ?? "seed",
    model: modelData(loaded, args),
    adapter: {
      name: runtime.description,
      features: runtime instanceof WebGpuRuntime ? runtime.features : [],
      preferences: runtime instanceof WebGpuRuntime ? runtime.preferences : {},
      checkFinite: args.flag("check-finite"),
    },
    sizes: {
      restored: formatSize(canvas.working),
      network: formatSize(canvas.padded),
      result: formatSize(result.raster),
    },
    notes: picture.notes,
    evaluations: restoration.evaluations,
    metrics: {
      consistency: await measureConsistency(runtime, picture, restoration),
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
export function modelData(loaded: LoadedModel, args: Arguments): Report {
  return {
    name: loaded.name,
    sha256: loaded.sha256,
    parameters: loaded.model.parameterCount,
    precision: precisionOf(args),
    trainingSize: loaded.model.config.imageSize,
    class: args.number("class") ?? null,
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
function operatorParameters({ options, source: { mask } }: Picture, { entry }: Task, args: Arguments): Report {
  const dataOf = ([name, value]: readonly [string, unknown]): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if ("layers" in value && Array.isArray(value.layers)) {
      return { file: args.text(optionName(name, entry.parameters[name]!)) ?? null, layers: value.layers.length };
    }
    if (!("shape" in value && "data" in value)) return value;
    const { shape, data } = value as HostTensor;
    if (entry.parameters[name]?.format !== "mask") return { shape };
    const shares = Float64Array.from(mask ? mask.known.data : data);
    return {
      ...(mask ? { file: mask.path, keep: mask.keep } : {}),
      known: shares.reduce((sum, share) => sum + share, 0) / shares.length,
    };
  };
  const isSimple = ([, value]: readonly [string, unknown]): boolean => typeof value !== "object";
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  const inOrder = [...entries.filter(isSimple), ...entries.filter((one) => !isSimple(one))];
  return Object.fromEntries(inOrder.map((one) => [one[0], dataOf(one)]));
}

/** How far A x, of the restored picture before it is clamped, is from y. */
export async function measureConsistency(
  runtime: Runtime,
  { problem: { operator, y } }: Picture,
  { image }: Restoration,
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
  const { evaluations, firstStepSeconds, seconds } = restoration;
  return {
    loadSeconds,
    compileSeconds: runtime.statistics().compileMilliseconds / 1000,
    firstStepSeconds,
    totalSeconds: seconds,
    secondsPerNfe: (seconds - firstStepSeconds) / Math.max(1, evaluations.actual - 1),
  };
}

function memoryOf(runtime: Runtime): Report {
  const { deviceBytes, peakDeviceBytes, pipelines } = runtime.statistics();
  return { deviceBytes, peakDeviceBytes, pipelines };
}

/** The outcome in a few lines. */
export function summarize({ restoration, method, result, output, seed, picture }: Outcome): string {
  const { evaluations, seconds } = restoration;
  const { comparison, raster } = result;
  const others = filesOf(output).slice(1).join(", ");
  const lines = [
    `Wrote ${output.image} (${formatSize(raster)}), ${others}`,
    `${method.name}: ${evaluations.actual} network evaluations (${evaluations.nominal} nominal) in ` +
    `${formatSeconds(seconds)}, seed ${seed}`,
  ];
  if (comparison) {
    lines.push(
      `Restored:     ${formatQuality(comparison.result)}`,
      `${isLinear(picture.problem.operator) ? "A^+ y alone: " : "Measured:    "} ${
        formatQuality(comparison.pseudoInverse)
      }`,
    );
  }
  return lines.join("\n");
}

/** JSON has no infinity. */
function qualityData({ psnr, ssim }: Quality): Report {
  return { psnr: psnr === Infinity ? "infinite" : psnr, ssim: ssim ?? null };
}

function formatQuality({ psnr, ssim }: Quality): string {
  const closeness = psnr === Infinity ? "equal to the ground truth" : `PSNR ${psnr.toFixed(2)} dB`;
  return ssim === undefined ? closeness : `${closeness}, SSIM ${ssim.toFixed(4)}`;
}
