/** Measuring: a step of any sampler is taken, then the plans of the stages that ran in it are replayed and timed. */
import {
  elementCount,
  type Runtime,
  type Stage,
  type StageBody,
  type StageProfile,
  type TimingMethod,
  type WebGpuRuntime,
} from "../engine/mod.ts";
import type { NoiseModelOptions, OpenedModel, Precision } from "../models/mod.ts";
import type { OperatorValues } from "../operators/mod.ts";
import type { OptionValues } from "../parameters/mod.ts";
import { type Method, operatorOptions, type Task, taskOperator } from "../restoration/mod.ts";
import { type GeneralProblem, type Progress, seededNoise } from "../samplers/mod.ts";
import { ceilingsOf } from "./ceilings.ts";
import { madeUpValues } from "./made_up.ts";
import { divideCosts, FORMAT, memoryValues, type ProfileDocument, type StageRuns } from "./document.ts";

/** How a step is profiled. */
export interface StepSetting {
  /** The method whose step it is, with its parameters. */
  readonly method: Method;
  /** Replays that medians are over. */
  readonly replays: number;
  /** By default timestamps where the adapter has them. */
  readonly timing?: TimingMethod | undefined;
  /** Which step, from 1; by default the first that goes down in noise: that of an inversion is not. */
  readonly step?: number | undefined;
}

/** What is profiled, and how. */
export interface ProfileRun extends StepSetting {
  /** The network, what it is called, and how its weights are kept. */
  readonly network: { readonly name: string; readonly model: OpenedModel; readonly precision: Precision };
  /** What is undone. */
  readonly task: Task;
  /** Options of the task, and what the files hold that they name. */
  readonly options: OptionValues;
  /** What the files of the task hold, by the names of their parameters. */
  readonly files: OperatorValues;
  /** Side of the square image in pixels. */
  readonly side: number;
  /** Images that are restored together. */
  readonly batch: number;
  /** Class of the images, for a class-conditional network. */
  readonly label?: number | undefined;
  /** Deviation of noise in the measurement that the method reckons with. */
  readonly sigmaY: number;
}

/**
 * Takes a step of a method for a task, as every later step replays its plans, and profiles it. What a measurement holds
 * does not change how long a step takes, so it is made up.
 * @throws {RangeError} if the network cannot take images of that size, the class does not fit it, or the method has
 *   fewer steps; {TypeError} if the method does not go with the operator
 */
export async function profile(runtime: WebGpuRuntime, run: ProfileRun): Promise<ProfileDocument> {
  const { network, task, side, batch, method } = run;
  const problem = madeUpProblem(runtime, run);
  const measured = await profileStep(runtime, problem, run);
  problem.y.free();
  const ceilings = await ceilingsOf(runtime);
  return {
    format: FORMAT,
    adapter: runtime.description,
    model: { name: network.name, parameters: network.model.parameterCount, precision: network.precision },
    task: task.name,
    batch,
    height: side,
    width: side,
    sampler: {
      name: method.name,
      ...(method.preset === undefined ? {} : { preset: method.preset }),
      options: method.options,
      step: measured.step,
      sigmaY: run.sigmaY,
    },
    operator: { name: problem.operator.name, measurementShape: problem.operator.measurementShape },
    ceilings,
    ...measured.times,
  };
}

/** A measurement of values between -1 and 1, and the network for it. */
function madeUpProblem(runtime: WebGpuRuntime, run: ProfileRun): GeneralProblem {
  const { network: { model }, task, options, files, side, batch, label, sigmaY } = run;
  const imageShape = [side, side, 3];
  const operator = taskOperator(
    task,
    imageShape,
    operatorOptions(task, imageShape, options, { files, seed: 0, isMeasured: false }),
  );
  const shape = [batch, ...operator.measurementShape];
  const y = runtime.upload(madeUpValues(elementCount(shape)), shape);
  const conditions: NoiseModelOptions = {
    height: side,
    width: side,
    ...(label === undefined ? {} : { label }),
    ...(model.config.superResolution ? { lowRes: y } : {}),
  };
  return { model: model.noiseModel(conditions), operator, y, sigmaY };
}

/** The part of a profile that is measured of one step. */
export interface StepProfile {
  /** Name of the step. */
  readonly step: string;
  /** Everything that was timed, and the memory. */
  readonly times: Omit<
    ProfileDocument,
    "format" | "adapter" | "model" | "task" | "batch" | "height" | "width" | "sampler" | "operator" | "ceilings"
  >;
}

/**
 * Profiles one step of a method.
 * @param problem what is restored; sample k of it has the seed k
 * @throws {RangeError} if the method has fewer steps
 */
export async function profileStep(
  runtime: WebGpuRuntime,
  problem: GeneralProblem,
  { method, replays, timing, step: wanted }: StepSetting,
): Promise<StepProfile> {
  const noting = new NotedStages(runtime);
  const seeds = Array.from({ length: problem.y.shape[0]! }, (_, sample) => sample);
  const states = method.run(noting.runtime, problem, seededNoise(seeds));
  const isIt = ({ name, step }: Progress): boolean => wanted === undefined ? !name.startsWith("inv.") : step === wanted;
  try {
    for (;;) {
      noting.forget();
      const { done, value: progress } = await states.next();
      if (done) throw new RangeError(`Cannot profile step ${wanted} of ${method.name}: it has fewer steps`);
      if (isIt(progress)) return { step: progress.name, times: await timesOf(runtime, noting.runs(), replays, timing) };
    }
  } finally {
    await states.return(undefined as never);
    noting.release();
  }
}

/** Profiles stages, and adds up what they cost in a step. */
async function timesOf(
  runtime: WebGpuRuntime,
  stages: readonly StageRuns[],
  replays: number,
  timing: TimingMethod | undefined,
): Promise<StepProfile["times"]> {
  const { plans, deviceBytes, peakDeviceBytes, pipelines, compileMilliseconds } = runtime.statistics();
  const profiles: StageProfile[] = [];
  for (const { name, runs } of stages) {
    const profile = await runtime.profile(name, { replays, ...(timing ? { method: timing } : {}) });
    for (let run = 0; run < runs; run++) profiles.push(profile);
  }
  const sum = (value: (profile: StageProfile) => number): number =>
    profiles.reduce((total, profile) => total + value(profile), 0);
  const isSpanKnown = profiles.every(({ spanMilliseconds }) => spanMilliseconds !== undefined);
  const memory = memoryValues(profiles.map(({ stage }) => plans.get(stage)!));
  return {
    method: profiles[0]!.method,
    replays,
    stages,
    replayMilliseconds: sum(({ replayMilliseconds }) => replayMilliseconds),
    kernelMilliseconds: sum(({ kernelMilliseconds }) => kernelMilliseconds),
    fastest: {
      replayMilliseconds: sum(({ fastest }) => fastest.replayMilliseconds),
      kernelMilliseconds: sum(({ fastest }) => fastest.kernelMilliseconds),
    },
    spanMilliseconds: isSpanKnown ? sum(({ spanMilliseconds = 0 }) => spanMilliseconds) : null,
    hostMilliseconds: sum(({ hostMilliseconds }) => hostMilliseconds),
    pipelines,
    compileMilliseconds,
    kernels: profiles.flatMap(({ kernels }) => divideCosts(kernels)),
    memory: { ...memory, deviceBytes, peakDeviceBytes },
  };
}

/** A runtime that notes which stages run, and keeps those that are released until it is released itself. */
class NotedStages {
  readonly runtime: Runtime;
  readonly #ran: string[] = [];
  readonly #released = new Map<string, () => void>();
  readonly #releases: (() => void)[] = [];

  constructor(runtime: WebGpuRuntime) {
    this.runtime = new Proxy(runtime, {
      get: (target, key): unknown => {
        if (key === "stage") return this.#stage.bind(this, target);
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  #stage(target: Runtime, name: string, body: StageBody<string, string, string>): Stage<string, string, string> {
    const stage = target.stage(name, body);
    const run = (...args: Parameters<typeof stage>): ReturnType<typeof stage> => {
      this.#ran.push(name);
      this.#released.delete(name);
      return stage(...args);
    };
    const release = (): void => {
      this.#released.set(name, stage.release);
      this.#releases.push(stage.release);
    };
    return Object.assign(run, { release });
  }

  /** What ran until now does not count. */
  forget(): void {
    this.#ran.length = 0;
  }

  /**
   * The stages that ran, and how often. One that was released has made the start of the run and is no part of a step,
   * unless that was the whole run.
   */
  runs(): readonly StageRuns[] {
    const names = [...new Set(this.#ran)];
    const lasting = names.filter((name) => !this.#released.has(name));
    return (lasting.length > 0 ? lasting : names).map((name) => ({
      name,
      runs: this.#ran.filter((other) => other === name).length,
    }));
  }

  release(): void {
    for (const release of this.#releases) release();
  }
}
