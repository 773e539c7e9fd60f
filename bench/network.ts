/** Measuring one network in a process that has done nothing else: cold start, time per evaluation, memory. */
import process from "node:process";
import {
  type DeviceTensor,
  ReferenceRuntime,
  type Runtime,
  type Scalars,
  type Stage,
  type Tensors,
  type WebGpuRuntime,
} from "../engine/mod.ts";
import { relativeError } from "../metrics/mod.ts";
import type { Precision } from "../models/mod.ts";
import { openProbed, type ProbedRuntime, type ProbeOptions } from "./device_probe.ts";
import { type LoadingTimes, loadModelFile, readingTimes } from "./model_file.ts";
import { type LoadedNetwork, NETWORKS } from "./networks.ts";
import { randomValues } from "./random_values.ts";
import type { Spread } from "./statistics.ts";
import { timeReplays } from "./timing.ts";

/** What to measure. */
export interface NetworkRun {
  /** A name of `NETWORKS`, or of the file. */
  readonly network: string;
  /** A model file to take instead. */
  readonly file?: string;
  /** How the weights are kept, f32 by default. */
  readonly precision?: Precision;
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  /** Repeated measurements; 0 measures the start alone. */
  readonly samples: number;
}

/** Milliseconds from the start of the process to the first result on the host, and the parts that add up to it. */
export interface StartTimes {
  readonly total: number;
  /** Starting the process and loading the program. */
  readonly process: number;
  /** Opening the device. */
  readonly device: number;
  /** Reading or making the weights, repacking, handing them to the driver. */
  readonly weights: number;
  /** Tracing, planning, making buffers and bind groups, submitting. */
  readonly build: number;
  /** Creating pipelines. */
  readonly compile: number;
  /** From the submit to the result on the host; drivers that compile late do it here. */
  readonly firstRun: number;
}

/** What was found of one network, batch and size. */
export interface NetworkFigures {
  readonly parameters: number;
  /** Floating-point operations of one evaluation for the whole batch, as the plan states them. */
  readonly gflop: number;
  readonly dispatches: number;
  /** Distinct pipelines compiled, those for constants included. */
  readonly pipelines: number;
  /** `reference`: relative L2 error against the CPU; `repeat`: all results finite, the last equal to the first. */
  readonly check: { readonly method: "reference" | "repeat"; readonly error: number };
  /** Relative L2 error of weights in half precision against the same weights in f32; absent where they are f32. */
  readonly halfError?: number;
  /** Of the model file; absent where there is none. */
  readonly loading?: LoadingTimes;
  /** Wall time of one evaluation of the network for the whole batch. */
  readonly nfeMilliseconds: Spread;
  readonly gflopPerSecond: number;
  /** Time on the host of one evaluation, to encode and submit it. */
  readonly hostMilliseconds: Spread;
  /** A wait with nothing to wait for, contained once in about a second of measured time. */
  readonly idleWaitMilliseconds: number;
  /** Most memory that the process ever held. */
  readonly peakProcessBytes: number;
  /** Bytes of GPU buffers after the measurement, and the most at any time. */
  readonly deviceBytes: number;
  readonly peakDeviceBytes: number;
}

/** Figures of a run, with the adapter it ran on. */
export interface NetworkMeasurement {
  readonly adapter: string;
  readonly features: readonly string[];
  /** Layers whose algorithm `tune` has stored. */
  readonly tuned: number;
  readonly start: StartTimes;
  /** Absent where only the start was measured. */
  readonly figures?: NetworkFigures;
}

/** Which device, and what else is to be done. */
export interface MeasureOptions extends ProbeOptions {
  /** Called after the measurement with the runtime, on which the stage `nfe` has run. */
  readonly afterwards?: (runtime: WebGpuRuntime) => Promise<void>;
}

/** Up to here a network is compared with the reference, which takes about a second for it; beyond, with itself. */
const REFERENCE_GFLOP = 3;

/** Relative L2 error allowed against the reference. */
const ERROR_LIMIT = 1e-5;

const TIMESTEP = 500;

type NoiseStage = Stage<"x", "timestep", "eps">;

/**
 * Measures one network.
 * @param run what to measure
 * @param spawned when the process was started, in milliseconds since 1970
 * @param options which device
 * @throws {NoAdapterError} if there is no adapter
 * @throws {RangeError} if the network cannot take the size
 * @throws {Error} if the results are wrong
 */
export async function measureNetwork(
  run: NetworkRun,
  spawned: number,
  { afterwards, ...options }: MeasureOptions = {},
): Promise<NetworkMeasurement> {
  const begin = now();
  const { precision = "f32" } = run;
  const probed = await openProbed({ ...options, precision });
  try {
    const measurement = await measureOn(probed, run, { spawned, begin, opened: now() });
    await afterwards?.(probed.runtime);
    return measurement;
  } finally {
    // Drivers do not expect their process to end under them.
    probed.runtime.destroy();
  }
}

/** Times in milliseconds since 1970. */
interface StartMarks {
  readonly spawned: number;
  /** The program is loaded. */
  readonly begin: number;
  /** The device is open. */
  readonly opened: number;
}

async function measureOn(
  probed: ProbedRuntime,
  run: NetworkRun,
  { spawned, begin, opened }: StartMarks,
): Promise<NetworkMeasurement> {
  const { runtime } = probed;
  const loadedNetwork = await load(runtime, run);
  const { stage } = loadedNetwork;
  const x = runtime.upload(image(run), imageShape(run));
  const loaded = now();
  const replay = async (): Promise<DeviceTensor> => (await stage({ x }, { timestep: TIMESTEP })).eps;
  const submitted = await probed.withoutWaiting(replay);
  const built = now();
  const first = await submitted.read();
  const end = now();
  const compile = runtime.statistics().compileMilliseconds;
  const start: StartTimes = {
    total: end - spawned,
    process: begin - spawned,
    device: opened - begin,
    weights: loaded - opened,
    build: built - loaded - compile,
    compile,
    firstRun: end - built,
  };
  const { description: adapter, features } = runtime;
  const tuned = Object.keys(runtime.preferences).length;
  if (run.samples === 0) return { adapter, features, tuned, start };
  return { adapter, features, tuned, start, figures: await replayFigures(probed, run, replay, first, loadedNetwork) };
}

async function replayFigures(
  probed: ProbedRuntime,
  run: NetworkRun,
  replay: () => Promise<DeviceTensor>,
  first: Float32Array,
  loaded: Loaded,
): Promise<NetworkFigures> {
  const { runtime } = probed;
  const times = await timeReplays(probed, replay, run.samples);
  const last = await (await replay()).read();
  // Read before all that is not part of what is measured.
  const peakProcessBytes = 1024 * process.resourceUsage().maxRSS;
  const { deviceBytes, peakDeviceBytes, pipelines, plans } = runtime.statistics();
  const dispatches = plans.get("nfe")?.dispatches ?? [];
  const gflop = dispatches.reduce((sum, { flops }) => sum + flops, 0) / 1e9;
  requireRepeated(run, first, last);
  return {
    parameters: loaded.network.parameterCount,
    gflop,
    dispatches: dispatches.length,
    pipelines,
    check: gflop > REFERENCE_GFLOP
      ? { method: "repeat", error: 0 }
      : { method: "reference", error: await referenceError(run, first) },
    ...(run.precision === "f16" ? { halfError: await halfError(runtime, run, loaded, first) } : {}),
    ...(run.file === undefined
      ? {}
      : { loading: { loadMilliseconds: loaded.network.loadMilliseconds!, ...await readingTimes(run.file) } }),
    nfeMilliseconds: times.replay,
    gflopPerSecond: gflop / times.replay.median * 1000,
    hostMilliseconds: times.host,
    idleWaitMilliseconds: times.idleWait,
    peakProcessBytes,
    deviceBytes,
    peakDeviceBytes,
  };
}

/** Milliseconds since 1970, finer than a millisecond. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

interface Loaded {
  readonly network: LoadedNetwork;
  readonly stage: NoiseStage;
}

async function load(runtime: Runtime, run: NetworkRun): Promise<Loaded> {
  const options = { precision: run.precision ?? "f32" } as const;
  const network = run.file === undefined
    ? await NETWORKS[run.network]!.load(runtime, options)
    : await loadModelFile(runtime, run.file, options);
  const model = network.noiseModel(run);
  const stage: NoiseStage = runtime.stage(
    "nfe",
    ({ x }: Tensors<"x">, { timestep }: Scalars<"timestep">) => ({ eps: model.predictEps(x, timestep) }),
  );
  return { network, stage };
}

/** Runs the network with weights in f32 in place of those in half precision. */
async function halfError(
  runtime: Runtime,
  run: NetworkRun,
  half: Loaded,
  actual: Float32Array,
): Promise<number> {
  half.stage.release();
  half.network.free();
  const { network, stage } = await load(runtime, { ...run, precision: "f32" });
  const { eps } = await stage({ x: runtime.upload(image(run), imageShape(run)) }, { timestep: TIMESTEP });
  const expected = await eps.read();
  stage.release();
  network.free();
  return relativeError(actual, expected);
}

function imageShape({ batch, height, width }: NetworkRun): readonly number[] {
  return [batch, height, width, 3];
}

function image(run: NetworkRun): Float32Array {
  return randomValues(run.batch * run.height * run.width * 3, 1);
}

function requireRepeated({ network }: NetworkRun, first: Float32Array, last: Float32Array): void {
  if (!first.every(Number.isFinite)) {
    throw new Error(`Cannot trust the times of "${network}": its result holds values that are not finite`);
  }
  if (first.some((value, index) => value !== last[index])) {
    throw new Error(`Cannot trust the times of "${network}": its last result differs from the first on the same input`);
  }
}

async function referenceError(run: NetworkRun, actual: Float32Array): Promise<number> {
  const runtime = new ReferenceRuntime();
  const { stage } = await load(runtime, run);
  const { eps } = await stage({ x: runtime.upload(image(run), imageShape(run)) }, { timestep: TIMESTEP });
  const error = relativeError(actual, await eps.read());
  if (error <= ERROR_LIMIT) return error;
  throw new Error(
    `Cannot trust the times of "${run.network}": its relative L2 error against the CPU reference is ` +
      `${error.toExponential(1)}, at most ${ERROR_LIMIT} is allowed`,
  );
}
