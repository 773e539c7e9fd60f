/** Restores a job, once for each seed, and makes pictures of what comes out. */
import type { WebGpuRuntime } from "../../engine/mod.ts";
import { numberOf } from "../../parameters/mod.ts";
import { type Image, type Raster, toImage } from "../../raster/mod.ts";
import {
  combinedReport,
  finishPicture,
  levelNotes,
  NOISE_LEVEL,
  offCanvas,
  parametersOf,
  type PreparedPicture,
  preparePicture,
  presetNotes,
  repeatable,
  type Report,
  reportOf,
  restoreBy,
  type Result,
  ResultCombiner,
  type SettledSize,
  timed,
  type TimedRestoration,
} from "../../restoration/mod.ts";
import { type Progress, seededNoise } from "../../samplers/mod.ts";
import type { OnStep, Quality, Restored, RestoredPicture } from "../protocol.ts";
import type { Job } from "./job.ts";
import type { OpenNetwork } from "./network.ts";
import { pixelsOfImage, pixelsOfRaster } from "./pictures.ts";

/** What came out, as it is written to a file. */
export interface Kept {
  /** The picture. */
  readonly image: Image;
  /** How it was made. */
  readonly parameters: Report;
}

/** What a restoration is carried out with. */
export interface Work {
  /** Where it is computed. */
  readonly runtime: WebGpuRuntime;
  /** What restores. */
  readonly network: OpenNetwork;
  /** What is restored. */
  readonly job: Job;
  /** Its size and windows. */
  readonly settled: SettledSize;
  /** Told after every step. */
  readonly onStep: OnStep | undefined;
  /** Throws to stop; asked after every step. */
  check(): void;
  /** Keeps what came out; gives its number. */
  keep(kept: Kept): number;
}

/**
 * Carries a job out.
 * @throws {Stopped} if it was stopped
 * @throws {DeviceLimitError} if the device cannot hold a part of it
 */
export async function restoreJob(work: Work): Promise<Restored> {
  const { runtime, network, job, settled } = work;
  const prepared = await preparePicture(runtime, network.model, settled.input, settled.setting);
  const picture = {
    ...prepared,
    notes: [...prepared.notes, ...levelNotes(network, job.method), ...presetNotes(job.method, job.options)],
  };
  try {
    const { request: { seed, samples }, method } = job;
    const seeds = Array.from({ length: samples }, (_, index) => seed + index);
    const clock = new Clock(method.evaluations.actual, samples);
    const together = new ResultCombiner(picture);
    const pictures: RestoredPicture[] = [];
    let last: { readonly result: Result; readonly report: Report } | undefined;
    for (const [index, own] of seeds.entries()) {
      work.check();
      last = await restoreSample(work, picture, { index, seed: own, clock });
      const { result, report } = last;
      if (samples > 1) together.add(result);
      const { raster, alpha, verdict, comparison } = result;
      const quality = comparison ? qualityOf(comparison.result) : null;
      pictures.push(shown(work, { raster, alpha, report, verdict, quality, kind: "result", seed: own }));
    }
    if (samples > 1) {
      const combined = together.combined();
      const { raster, alpha, verdict, quality } = combined;
      const shared = { report: combinedReport(last!.report, combined, seed), verdict, seed: null };
      const mean = quality ? qualityOf(quality.mean) : null;
      pictures.push(
        shown(work, { ...shared, raster, alpha, quality: mean, kind: "mean" }),
        shown(work, { ...shared, raster: combined.map, alpha: undefined, quality: null, kind: "deviation" }),
      );
    }
    return {
      pictures,
      measurement: picture.truth ? pixelsOfRaster(last!.result.sheet[0]!) : null,
      notes: picture.notes,
      seeds,
      milliseconds: clock.milliseconds,
      evaluationMilliseconds: clock.pace ?? null,
    };
  } finally {
    picture.problem.y.free();
  }
}

/** What the evaluations of several results take, without the first step of each, which compiles what is new. */
class Clock {
  readonly #total: number;
  #seen = 0;
  #measured = { evaluations: 0, milliseconds: 0 };
  #mark: { readonly at: number; readonly evaluations: number } | undefined;
  #start: number | undefined;
  /** Of all steps. */
  milliseconds = 0;

  /**
   * @param each evaluations of one result
   * @param samples how many results
   */
  constructor(each: number, samples: number) {
    this.#total = each * samples;
  }

  /** Begins a result. */
  begin(): void {
    this.#start ??= performance.now();
    this.#mark = undefined;
  }

  /**
   * Takes a step in.
   * @param evaluations of all results so far
   */
  step(evaluations: number): void {
    const now = performance.now();
    if (this.#mark && evaluations > this.#mark.evaluations) {
      this.#measured.evaluations += evaluations - this.#mark.evaluations;
      this.#measured.milliseconds += now - this.#mark.at;
    }
    this.#mark = { at: now, evaluations };
    this.#seen = evaluations;
    this.milliseconds = now - this.#start!;
  }

  /** Milliseconds of an evaluation; undefined until a second step with evaluations is done. */
  get pace(): number | undefined {
    const { evaluations, milliseconds } = this.#measured;
    return evaluations === 0 ? undefined : milliseconds / evaluations;
  }

  /** Milliseconds to come; null while there is no pace. */
  get remaining(): number | null {
    return this.pace === undefined ? null : Math.max(0, this.#total - this.#seen) * this.pace;
  }
}

async function restoreSample(
  { runtime, network, job, settled, onStep, check }: Work,
  picture: PreparedPicture,
  { index, seed, clock }: { readonly index: number; readonly seed: number; readonly clock: Clock },
): Promise<{ readonly result: Result; readonly report: Report }> {
  const { options, method, request: { samples } } = job;
  const problem = { ...picture.problem, sigmaY: numberOf(options, NOISE_LEVEL) ?? picture.sigmaY };
  clock.begin();
  const steps = restoreBy(runtime, method, problem, { noise: seededNoise([seed]) });
  const restoration: TimedRestoration = await timed(runtime, steps, async (progress) => {
    const predicted = onStep && await predictedPicture(picture, progress);
    // What was submitted is done, and messages of the page have come in.
    if (!predicted) await runtime.settle();
    const { name, step, steps, nfe } = progress;
    const evaluations = index * method.evaluations.actual + nfe;
    clock.step(evaluations);
    check();
    if (!predicted) return;
    const { milliseconds, remaining } = clock;
    const counts = { sample: index + 1, samples, name, step, steps, evaluations };
    await onStep({ ...counts, milliseconds, remaining, picture: pixelsOfRaster(predicted) });
    check();
  });
  const result = await finishPicture(runtime, picture, restoration.image);
  // A size that the pace decided is an option of the run from here on: repeated, it is the same.
  const { input, ownSeconds } = settled;
  const size = ownSeconds !== undefined && "source" in input ? input.size : undefined;
  const sized = size === undefined ? options : { ...options, size };
  const outcome = {
    runtime,
    loaded: network,
    loadSeconds: network.seconds,
    picture,
    method,
    restoration,
    result,
    seed,
  };
  const report = await reportOf({ ...outcome, options: sized });
  return { result, report: { ...report, options: repeatable(sized) } };
}

/** The clean picture that a step predicts, without padding. */
async function predictedPicture(
  { canvas, problem: { operator } }: PreparedPicture,
  { x0 }: Progress,
): Promise<Raster> {
  const { width, height } = canvas.padded;
  const data = Float32Array.from(await x0.read());
  return offCanvas({ width, height, channels: operator.imageShape[2]!, data }, canvas);
}

function qualityOf({ psnr, ssim }: { readonly psnr: number; readonly ssim: number | undefined }): Quality {
  return { psnr: Number.isFinite(psnr) ? psnr : null, ssim: ssim ?? null };
}

/** A picture that came out, kept for files. */
function shown(
  { keep }: Work,
  { raster, alpha, report, verdict, ...facts }:
    & Pick<RestoredPicture, "kind" | "seed" | "quality">
    & Pick<Result, "raster" | "alpha" | "verdict">
    & { readonly report: Report },
): RestoredPicture {
  const image = toImage(raster, alpha ? { alpha } : {});
  return {
    ...facts,
    ...pixelsOfImage(image),
    id: keep({ image, parameters: parametersOf(report) }),
    channels: raster.channels,
    values: Float32Array.from(raster.data),
    verdict: verdict.text,
    isHarm: verdict.isHarm,
  };
}
