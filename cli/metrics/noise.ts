/** How far the noise that a network predicts on the way up is from normal: figure S1 of Shortcut Sampling. */
import type { Runtime, Scalars, Tensors } from "../../engine/mod.ts";
import { FileError } from "../../io/mod.ts";
import { grayToRgb } from "../../raster/mod.ts";
import { noiseStatistics } from "../../metrics/mod.ts";
import { type OpenedModel, paddedModel } from "../../models/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { invert, respace, restorationStep, seededNoise, ssdPreset, ssdTimesteps } from "../../samplers/mod.ts";
import { type Arguments } from "../arguments.ts";
import { UsageError } from "../../parameters/mod.ts";
import type { Interrupt } from "../interrupt.ts";
import { loadModel } from "../model_file.ts";
import type { Reporter } from "../progress.ts";
import { openRuntime } from "../runtime.ts";
import { picturesOf, readPicture, readSide } from "./inputs.ts";

/** The inversions that the figure compares. */
const INVERSIONS = ["ddim", "da"] as const;

/** What was found at one step of an inversion, the mean over pictures. */
interface StepRow {
  readonly inversion: typeof INVERSIONS[number];
  readonly timestep: number;
  readonly mean: number;
  readonly variance: number;
  readonly divergence: number;
}

/**
 * `metrics A --noise-statistics`: inverts the pictures with the published 15 steps, by DDIM and by Distortion Adaptive
 * inversion, and reports mean, variance and divergence from N(0, 1) of the predicted noise at each step.
 * @returns the exit code
 * @throws {UsageError} if there is a second operand
 * @throws {FileError} if a picture cannot be read
 */
export async function reportNoise(
  args: Arguments,
  { reporter, interrupt }: { readonly reporter: Reporter; readonly interrupt: Interrupt },
): Promise<number> {
  const [path = "", second] = args.operands;
  if (second !== undefined) throw new UsageError(`--noise-statistics takes pictures alone; leave "${second}" out`);
  const paths = picturesOf(await readSide(path));
  if (paths.length === 0) throw new FileError(`Cannot read "${path}": a picture or a folder of them is needed`);
  const runtime = await openRuntime(args);
  try {
    const { model } = await loadModel(runtime, args, () => interrupt.checkNow());
    const found: StepRow[][] = [];
    for (const [index, picture] of paths.entries()) {
      found.push(await studyPicture(runtime, model, picture, args));
      if (paths.length > 1) reporter.step("pictures", index + 1, paths.length);
      await interrupt.check();
    }
    reporter.done();
    const rows = found[0]!.map((row, step) => {
      const mean = (key: "mean" | "variance" | "divergence"): number =>
        found.reduce((sum, rows) => sum + rows[step]![key], 0) / found.length;
      return { ...row, mean: mean("mean"), variance: mean("variance"), divergence: mean("divergence") };
    });
    reporter.result({ pictures: paths.length, rows }, table(rows));
    return 0;
  } finally {
    runtime.destroy();
  }
}

async function studyPicture(runtime: Runtime, model: OpenedModel, path: string, args: Arguments): Promise<StepRow[]> {
  const { width, height, data } = grayToRgb((await readPicture(path)).raster);
  const imageShape = [height, width, 3];
  const up = (side: number): number => Math.ceil(side / model.downsampling) * model.downsampling;
  const label = args.number("class");
  const whole = model.noiseModel({ height: up(height), width: up(width), ...(label === undefined ? {} : { label }) });
  const noiseModel = paddedModel(whole, imageShape);
  const { t0, inversionSteps, eta } = ssdPreset("ssd-100", "super_resolution");
  const levels = respace(noiseModel.alphaBar, ssdTimesteps(t0, inversionSteps));
  const image = runtime.upload(data, [1, ...imageShape]);
  const look = runtime.stage("predicted noise", ({ xt }: Tensors<"xt">, { timestep }: Scalars<"timestep">) => ({
    eps: noiseModel.predictEps(xt, timestep),
  }));
  const problem = { model: noiseModel, operator: createOperator("identity", imageShape), y: image, sigmaY: 0 };
  const noise = seededNoise([args.number("seed") ?? 0]);
  const step = restorationStep(runtime, problem, { clipDenoised: true, noise });
  const rows: StepRow[] = [];
  try {
    for (const inversion of INVERSIONS) {
      let state = image.keep();
      let index = 0;
      for await (const { xt } of invert(step, image, { levels, inversion, eta })) {
        const next = xt.keep();
        const { timestep } = levels[index++]!;
        const eps = await (await look({ xt: state }, { timestep })).eps.read();
        rows.push({ inversion, timestep, ...noiseStatistics(eps) });
        state.free();
        state = next;
      }
      state.free();
    }
    return rows;
  } finally {
    step.release();
    look.release();
    image.free();
  }
}

function table(rows: readonly StepRow[]): string {
  const line = (...cells: readonly string[]): string =>
    cells.map((cell, i) => i === 0 ? cell.padEnd(9) : cell.padStart(12)).join("");
  return [
    line("inversion", "timestep", "mean", "variance", "KL"),
    ...rows.map(({ inversion, timestep, mean, variance, divergence }) =>
      line(inversion, String(timestep), mean.toFixed(5), variance.toFixed(5), divergence.toFixed(6))
    ),
  ].join("\n");
}
