/** Measuring: one step of Shortcut Sampling is taken, then its plan is replayed and timed. */
import type { TimingMethod, WebGpuRuntime } from "../../engine/mod.ts";
import {
  etaMixCoefficients,
  predictionCoefficients,
  respace,
  restorationStep,
  seededNoise,
  ssdPreset,
  ssdTimesteps,
} from "../../samplers/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { LoadedModel } from "../model_file.ts";
import { precisionOf } from "../runtime.ts";
import { operatorOptions, type Task, taskOperator } from "../tasks.ts";
import { measureCeilings } from "./ceilings.ts";
import { divideCosts, FORMAT, memoryValues, type ProfileDocument } from "./document.ts";

/** What is profiled, and how. */
export interface ProfileRun {
  readonly loaded: LoadedModel;
  readonly task: Task;
  /** Side of the square image in pixels. */
  readonly side: number;
  readonly batch: number;
  readonly label: number | undefined;
  readonly replays: number;
  /** By default timestamps where the adapter has them. */
  readonly method: TimingMethod | undefined;
}

/** Name of the stage of a restoration step. */
const STAGE = "restoration step";

/**
 * Takes the first generation step of SSD from noise, as every later step replays its plan, and profiles it.
 * @param args the command line, for the parameters of the operator
 * @throws {RangeError} if the network cannot take images of that size, or the class does not fit it
 */
export async function measureProfile(
  runtime: WebGpuRuntime,
  args: Arguments,
  { loaded, task, side, batch, label, replays, method }: ProfileRun,
): Promise<ProfileDocument> {
  const model = loaded.model.noiseModel({ height: side, width: side, ...(label === undefined ? {} : { label }) });
  const options = operatorOptions(task, model.imageShape, args, { seed: 0, isMeasured: false });
  const operator = taskOperator(task, model.imageShape, options);
  const noise = seededNoise(Array.from({ length: batch }, (_, sample) => sample));
  const xt = runtime.upload(ramp([batch, ...model.imageShape]), [batch, ...model.imageShape]);
  const y = runtime.upload(ramp([batch, ...operator.measurementShape]), [batch, ...operator.measurementShape]);
  const takeStep = restorationStep(runtime, { model, operator, y, sigmaY: 0 }, { clipDenoised: true, noise });
  const { t0, generationSteps, ddimEta } = ssdPreset("ssd-30", task.kind);
  const top = Math.min(t0, model.alphaBar.length);
  const level = respace(model.alphaBar, ssdTimesteps(top, Math.min(generationSteps, top))).at(-1)!;
  const numbers = {
    timestep: level.timestep,
    projected: true,
    ...predictionCoefficients(level),
    ...etaMixCoefficients(level, ddimEta),
  };
  await takeStep(xt, numbers, { name: "gen.0", ordinal: 0 });
  const { plans, deviceBytes, peakDeviceBytes, pipelines, compileMilliseconds } = runtime.statistics();
  const plan = plans.get(STAGE)!;
  const profile = await runtime.profile(STAGE, { replays, ...(method ? { method } : {}) });
  takeStep.release();
  const ceilings = await measureCeilings(runtime);
  return {
    format: FORMAT,
    adapter: runtime.description,
    model: { name: loaded.name, parameters: loaded.model.parameterCount, precision: precisionOf(args) },
    task: task.name,
    batch,
    height: side,
    width: side,
    method: profile.method,
    replays,
    ceilings,
    replayMilliseconds: profile.replayMilliseconds,
    kernelMilliseconds: profile.kernelMilliseconds,
    fastest: profile.fastest,
    spanMilliseconds: profile.spanMilliseconds ?? null,
    hostMilliseconds: profile.hostMilliseconds,
    pipelines,
    compileMilliseconds,
    kernels: divideCosts(profile.kernels),
    memory: { slotBytes: plan.slotBytes, values: memoryValues(plan), deviceBytes, peakDeviceBytes },
  };
}

/** Values between -1 and 1: what an image holds does not change how long a step takes. */
function ramp(shape: readonly number[]): Float32Array {
  const count = shape.reduce((product, extent) => product * extent, 1);
  return Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 2003) / 1001 - 1);
}
