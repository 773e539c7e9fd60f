/** From what the sampler gave to what the user gets: the picture at its own size, figures, and the report. */
import { type Raster, resize, rgbToGray } from "../io/mod.ts";
import { ReferenceRuntime, type Runtime, type Tensors } from "../engine/mod.ts";
import { consistency, psnr, ssim } from "../metrics/mod.ts";
import { createOperator, project } from "../operators/mod.ts";
import { isShrunk, offCanvas } from "./canvas.ts";
import type { Method } from "./method_options.ts";
import type { LoadedModel } from "./model_file.ts";
import { filesOf, type SampleOutput } from "./outputs.ts";
import { baselineOf, type Picture } from "./picture.ts";
import { formatSeconds } from "./progress.ts";
import { applyOperator, type Restoration } from "./restoration.ts";
import type { Task } from "./tasks.ts";

/** What is written and printed for one sample. */
export interface Result {
  readonly raster: Raster;
  readonly alpha: Raster | undefined;
  readonly bitDepth: 8 | 16;
  /** Pictures of the sheet, left to right. */
  readonly sheet: readonly Raster[];
  /** The JSON file beside the picture. */
  readonly report: Readonly<Record<string, unknown>>;
  /** The same in a few lines. */
  readonly text: string;
}

/** Everything that a report tells of. */
export interface Outcome {
  readonly runtime: Runtime;
  readonly task: Task;
  readonly method: Method;
  readonly loaded: LoadedModel;
  readonly picture: Picture;
  readonly restoration: Restoration;
  readonly seed: number;
  readonly loadSeconds: number;
  readonly output: SampleOutput;
}

/** Quality of two pictures against the ground truth. */
interface Quality {
  readonly psnr: number;
  readonly ssim: number | undefined;
}

/** Makes the final picture, measures it, and writes the report. */
export async function describeResult(outcome: Outcome): Promise<Result> {
  const { runtime, task, picture, restoration, output } = outcome;
  const { canvas, file, truth } = picture;
  const restored: Raster = { ...canvas.padded, channels: 3, data: restoration.image };
  const working = clamped(offCanvas(restored, canvas));
  const { measurement, pseudoInverse } = await baselineOf(runtime, picture);
  const full = truth ? working : await putBack(task, picture, working);
  const raster = file.channels === 1 && task.channels === 3 ? rgbToGray(full) : full;
  const quality = truth &&
    { result: qualityOf(working, truth), pseudoInverse: qualityOf(clamped(pseudoInverse), truth) };
  const report = await makeReport(outcome, raster, quality);
  const alpha = picture.alpha && resize(picture.alpha, raster);
  return {
    raster,
    alpha: alpha && clamped(alpha),
    bitDepth: file.bitDepth,
    sheet: [measurement, pseudoInverse, working, ...(truth ? [truth] : [])],
    report,
    text: summarize(outcome, raster, quality, output),
  };
}

/**
 * Brings a picture that was restored smaller back to its own size; where the operator is cheap at that size, what the
 * measurement says at full resolution is put back too (x - A^+ A x + A^+ y).
 */
async function putBack(task: Task, { canvas, given }: Picture, working: Raster): Promise<Raster> {
  if (!isShrunk(canvas) || !given) return working;
  const { width, height } = canvas.natural;
  const enlarged = resize(working, { width, height });
  if (!task.local) return enlarged;
  const { measurement, mask } = given;
  const imageShape = [height, width, 3];
  const options = task.operator === "sr_average" ? { scale: task.scale } : mask ? { mask } : {};
  const operator = createOperator(task.operator, imageShape, options);
  const cpu = new ReferenceRuntime();
  const stage = cpu.stage("put back", ({ x, y }: Tensors<"x" | "y">) => ({
    x: project(operator, x, mask ? operator.forward(y) : y),
  }));
  const x = cpu.upload(enlarged.data, [1, ...imageShape]);
  const y = cpu.upload(measurement.data, [1, measurement.height, measurement.width, measurement.channels]);
  return clamped({ ...enlarged, data: Float32Array.from(await (await stage({ x, y }, {})).x.read()) });
}

function clamped(raster: Raster): Raster {
  return { ...raster, data: raster.data.map((value) => Math.min(Math.max(value, -1), 1)) };
}

/** Side of the SSIM window; smaller pictures have no SSIM. */
const SSIM_WINDOW = 7;

/** PSNR and SSIM of unrounded values in [-1, 1], clamped. */
function qualityOf(picture: Raster, truth: Raster): Quality {
  const { width, height, channels } = truth;
  const shape = [height, width, channels];
  return {
    psnr: psnr(picture.data, truth.data, { shape }),
    ssim: Math.min(width, height) < SSIM_WINDOW ? undefined : ssim(picture.data, truth.data, { shape }),
  };
}

type Comparison = { readonly result: Quality; readonly pseudoInverse: Quality } | undefined;

async function makeReport(
  outcome: Outcome,
  raster: Raster,
  quality: Comparison,
): Promise<Readonly<Record<string, unknown>>> {
  const { runtime, task, method, loaded, picture, restoration, seed, loadSeconds, output } = outcome;
  const { operator, y } = picture.problem;
  const image = runtime.upload(restoration.image, [1, ...operator.imageShape]);
  const measured = await (await applyOperator(runtime, operator, "forward", image)).read();
  image.free();
  const { deviceBytes, peakDeviceBytes, pipelines, compileMilliseconds } = runtime.statistics();
  const { seconds, firstStepSeconds, evaluations } = restoration;
  return {
    result: output.image,
    task: task.name,
    operator: operator.name,
    method: method.sampler.name,
    options: method.options,
    seed,
    model: {
      name: loaded.name,
      sha256: loaded.sha256,
      parameters: loaded.model.parameterCount,
      trainingSize: loaded.model.config.imageSize,
    },
    adapter: runtime.description,
    sizes: {
      picture: sizeOf(picture.file),
      network: sizeOf(picture.canvas.padded),
      result: sizeOf(raster),
    },
    notes: picture.notes,
    nfe: evaluations,
    timings: {
      loadSeconds,
      compileSeconds: compileMilliseconds / 1000,
      firstStepSeconds,
      totalSeconds: seconds,
      secondsPerNfe: (seconds - firstStepSeconds) / Math.max(1, evaluations.actual - 1),
    },
    memory: { deviceBytes, peakDeviceBytes, pipelines },
    consistency: consistency(measured, await y.read()),
    ...(quality ? { quality: { definition: "values in [-1, 1], clamped, not rounded; SSIM 7x7", ...quality } } : {}),
    program: { name: "shortcut", deno: Deno.version.deno },
  };
}

function sizeOf({ width, height }: { readonly width: number; readonly height: number }): [number, number] {
  return [width, height];
}

function summarize(
  { restoration, method }: Outcome,
  raster: Raster,
  quality: Comparison,
  output: SampleOutput,
): string {
  const { evaluations, seconds } = restoration;
  const others = filesOf(output).slice(1).join(", ");
  const lines = [
    `Wrote ${output.image} (${raster.width}x${raster.height}), ${others}`,
    `${method.sampler.name}: ${evaluations.actual} network evaluations (${evaluations.nominal} nominal) in ` +
    formatSeconds(seconds),
  ];
  if (quality) {
    const show = ({ psnr, ssim }: Quality): string =>
      `PSNR ${psnr.toFixed(2)} dB${ssim === undefined ? "" : `, SSIM ${ssim.toFixed(4)}`}`;
    lines.push(`Restored:     ${show(quality.result)}`, `A^+ y alone:  ${show(quality.pseudoInverse)}`);
  }
  return lines.join("\n");
}
