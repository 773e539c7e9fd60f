/** Measuring: one step of Shortcut Sampling or of DPS is taken, then its plan is replayed and timed. */
import type { DeviceTensor, TimingMethod, WebGpuRuntime } from "../../engine/mod.ts";
import { isLinear } from "../../operators/mod.ts";
import {
  etaMixCoefficients,
  type GeneralProblem,
  gradientNumbers,
  gradientStep,
  type NoiseSource,
  predictionCoefficients,
  type Problem,
  respace,
  restorationStep,
  seededNoise,
  ssdPreset,
  ssdTimesteps,
} from "../../samplers/mod.ts";
import type { Arguments } from "../arguments.ts";
import type { LoadedModel } from "../model_file.ts";
import { precisionOf } from "../runtime.ts";
import { operatorOptions, type Task, taskOperator } from "../../restoration/mod.ts";
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
  /** Whose step it is: that of Shortcut Sampling, or that of DPS, which goes back through the network. */
  readonly sampler: "ssd" | "dps";
}

/**
 * Takes the first generation step from noise, as every later step replays its plan, and profiles it. Where the operator
 * is not linear it is a step of DPS.
 * @param args the command line, for the parameters of the operator
 * @throws {RangeError} if the network cannot take images of that size, or the class does not fit it
 */
export async function measureProfile(
  runtime: WebGpuRuntime,
  args: Arguments,
  { loaded, task, side, batch, label, replays, method, sampler }: ProfileRun,
): Promise<ProfileDocument> {
  const model = loaded.model.noiseModel({ height: side, width: side, ...(label === undefined ? {} : { label }) });
  const options = operatorOptions(task, model.imageShape, args.values, { seed: 0, isMeasured: false });
  const operator = taskOperator(task, model.imageShape, options);
  const noise = seededNoise(Array.from({ length: batch }, (_, sample) => sample));
  const xt = runtime.upload(ramp([batch, ...model.imageShape]), [batch, ...model.imageShape]);
  const y = runtime.upload(ramp([batch, ...operator.measurementShape]), [batch, ...operator.measurementShape]);
  const problem = { model, operator, y, sigmaY: 0 };
  const { stage, release } = isLinear(operator) && sampler === "ssd"
    ? await shortcutStep(runtime, { ...problem, operator }, { task, xt, noise })
    : await dpsStep(runtime, problem, { xt, noise });
  const { plans, deviceBytes, peakDeviceBytes, pipelines, compileMilliseconds } = runtime.statistics();
  const plan = plans.get(stage)!;
  const profile = await runtime.profile(stage, { replays, ...(method ? { method } : {}) });
  release();
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

/** A step that was taken: the stage to profile. */
interface TakenStep {
  readonly stage: string;
  release(): void;
}

/** What a step starts from. */
interface StepStart {
  readonly xt: DeviceTensor;
  readonly noise: NoiseSource;
}

async function shortcutStep(
  runtime: WebGpuRuntime,
  problem: Problem,
  { task, xt, noise }: StepStart & { readonly task: Task },
): Promise<TakenStep> {
  const { alphaBar } = problem.model;
  const takeStep = restorationStep(runtime, problem, { clipDenoised: true, noise });
  const { t0, generationSteps, ddimEta } = ssdPreset("ssd-30", task.kind);
  const top = Math.min(t0, alphaBar.length);
  const level = respace(alphaBar, ssdTimesteps(top, Math.min(generationSteps, top))).at(-1)!;
  const numbers = {
    timestep: level.timestep,
    projected: true,
    ...predictionCoefficients(level),
    ...etaMixCoefficients(level, ddimEta),
  };
  await takeStep(xt, numbers, { name: "gen.0", ordinal: 0 });
  return { stage: "restoration step", release: takeStep.release };
}

async function dpsStep(
  runtime: WebGpuRuntime,
  problem: GeneralProblem,
  { xt, noise }: StepStart,
): Promise<TakenStep> {
  const { alphaBar, predictWithVariance } = problem.model;
  const learnsVariance = predictWithVariance !== undefined;
  const setting = { clipDenoised: true, learnsVariance, likelihood: "gaussian" as const, noise };
  const takeStep = gradientStep(runtime, problem, setting);
  const level = respace(alphaBar, [alphaBar.length - 1])[0]!;
  const numbers = gradientNumbers(level, { learnsVariance, fixedVariance: "small", scale: 1 });
  await takeStep({ xt, level, numbers, draw: { name: "0", ordinal: 0 }, extra: {} });
  return { stage: "gradient step", release: takeStep.release };
}

/** Values between -1 and 1: what an image holds does not change how long a step takes. */
function ramp(shape: readonly number[]): Float32Array {
  const count = shape.reduce((product, extent) => product * extent, 1);
  return Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 2003) / 1001 - 1);
}
