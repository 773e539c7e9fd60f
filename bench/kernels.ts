/** The kernels that take most of a network's time, each alone: a stage of one operation, replayed. */
import {
  constant,
  type DeviceTensor,
  elementCount,
  type Preferences,
  ReferenceRuntime,
  type Runtime,
  type Shape,
  type Stage,
  SUBGROUP_MATRIX_FEATURE,
  type Tensor,
  type Tensors,
  type WebGpuRuntime,
} from "../engine/mod.ts";
import { conv2d, CONVOLUTION_ALGORITHMS, matmul, MATMUL_ALGORITHMS, MATRIX_ALGORITHM } from "../kernels/mod.ts";
import { relativeError } from "../metrics/mod.ts";
import { openProbed, type ProbedRuntime, type ProbeOptions } from "./device_probe.ts";
import { randomValues } from "./random_values.ts";
import type { Spread } from "./statistics.ts";
import { timeReplays } from "./timing.ts";

/** One operation on one size. */
export interface KernelCase {
  readonly name: string;
  readonly x: Shape;
  readonly weight: Shape;
  /** The algorithm that is asked for; by default the one that the operation chooses. */
  readonly preferences?: Preferences;
  /** Whether it multiplies in half precision: left out where the adapter does not, and less exact. */
  readonly half?: boolean;
  /** Whether it multiplies subgroup matrices: left out where the adapter has none. */
  readonly matrices?: boolean;
  record(x: Tensor, weight: Tensor): Tensor;
}

/** What was found of one operation. */
export interface KernelFigures {
  readonly kernel: string;
  readonly gflop: number;
  /** Names of the dispatches. */
  readonly dispatches: readonly string[];
  /** Relative L2 error against the CPU reference. */
  readonly check: { readonly method: "reference"; readonly error: number };
  /** Wall time of one replay; the copy of x into the stage is part of it. */
  readonly milliseconds: Spread;
  /** Time of the process on all cores for one replay; absent in rows from before it was measured. */
  readonly processMilliseconds?: Spread;
  readonly gflopPerSecond: number;
}

/** Relative L2 error allowed against the reference, and in half-precision arithmetic, where 1.2e-3 was found. */
const ERROR_LIMIT = 1e-5;
const HALF_ERROR_LIMIT = 2e-3;

function convolution(channels: number, side: number): KernelCase {
  return {
    name: `conv3x3 ${channels}@${side}x${side}`,
    x: [1, side, side, channels],
    weight: [3, 3, channels, channels],
    record: (x, weight) => conv2d(x, weight, { padding: 1 }),
  };
}

const PRODUCT: KernelCase = {
  name: "matmul 1024x1024x1024",
  x: [1024, 1024],
  weight: [1024, 1024],
  record: (x, weight) => matmul(x, weight),
};

/** The operations that are measured: the convolutions of a UNet's levels, and a product as a yardstick. */
export const KERNEL_CASES: readonly KernelCase[] = [
  convolution(64, 64),
  convolution(128, 32),
  convolution(256, 16),
  PRODUCT,
];

/**
 * Convolutions in every algorithm, which their cost model is made from, and the product: where the algorithm cannot
 * compute a layer, the row says which kernels did.
 */
export const ALGORITHM_CASES: readonly KernelCase[] = [
  ...[[64, 64], [128, 32], [256, 16], [128, 8]].flatMap((sizes) =>
    inEveryAlgorithm(convolution(...sizes as [number, number]), "conv2d", CONVOLUTION_ALGORITHMS)
  ),
  ...inEveryAlgorithm(PRODUCT, "matmul", MATMUL_ALGORITHMS),
];

function inEveryAlgorithm(kernel: KernelCase, operation: string, algorithms: readonly string[]): KernelCase[] {
  return algorithms.map((algorithm) => ({
    ...kernel,
    name: `${kernel.name} ${algorithm}`,
    preferences: { [operation]: algorithm },
    half: algorithm.endsWith("-f16"),
    matrices: algorithm === MATRIX_ALGORITHM,
  }));
}

/**
 * Measures operations one after another on one device.
 * @param cases the operations
 * @param samples repeated measurements of each, 1 or more
 * @param onFigures called after each operation with the adapter
 * @param options which device
 * @throws {NoAdapterError} if there is no adapter; {Error} if a result is wrong
 */
export async function measureKernels(
  cases: readonly KernelCase[],
  samples: number,
  onFigures: (figures: KernelFigures, runtime: WebGpuRuntime) => Promise<void>,
  options: ProbeOptions = {},
): Promise<void> {
  const probed = await openProbed(options);
  try {
    const hasHalf = probed.runtime.features.includes("shader-f16");
    const hasMatrices = probed.runtime.features.includes(SUBGROUP_MATRIX_FEATURE);
    const isPossible = ({ half = false, matrices = false }: KernelCase): boolean =>
      (hasHalf || !half) && (hasMatrices || !matrices);
    for (const kernel of cases.filter(isPossible)) {
      await onFigures(await measureKernel(probed, kernel, samples), probed.runtime);
    }
  } finally {
    probed.runtime.destroy();
  }
}

async function measureKernel(base: ProbedRuntime, kernel: KernelCase, samples: number): Promise<KernelFigures> {
  const { preferences } = kernel;
  const runtime = preferences ? base.runtime.withPreferences(preferences) : base.runtime;
  const probed = { ...base, runtime };
  const { stage, x } = open(runtime, kernel);
  const replay = async (): Promise<DeviceTensor> => (await stage({ x }, {})).y;
  const error = await referenceError(kernel, await (await replay()).read());
  const times = await timeReplays(probed, replay, samples);
  const dispatches = runtime.statistics().plans.get(kernel.name)?.dispatches ?? [];
  const gflop = dispatches.reduce((sum, { flops }) => sum + flops, 0) / 1e9;
  x.free();
  if (preferences) runtime.destroy();
  return {
    kernel: kernel.name,
    gflop,
    dispatches: dispatches.map(({ label }) => label),
    check: { method: "reference", error },
    milliseconds: times.replay,
    processMilliseconds: times.processTime,
    gflopPerSecond: gflop / times.replay.median * 1000,
  };
}

function open(
  runtime: Runtime,
  { name, x, weight, record }: KernelCase,
): { stage: Stage<"x", never, "y">; x: DeviceTensor } {
  const constants = runtime.upload(randomValues(elementCount(weight), 2), weight);
  return {
    stage: runtime.stage(name, (inputs: Tensors<"x">) => ({ y: record(inputs.x, constant(constants)) })),
    x: runtime.upload(randomValues(elementCount(x), 1), x),
  };
}

async function referenceError(kernel: KernelCase, actual: Float32Array): Promise<number> {
  const { stage, x } = open(new ReferenceRuntime(), kernel);
  const error = relativeError(actual, await (await stage({ x }, {})).y.read());
  const limit = kernel.half ? HALF_ERROR_LIMIT : ERROR_LIMIT;
  if (error <= limit) return error;
  throw new Error(
    `Cannot trust the times of "${kernel.name}": its relative L2 error against the CPU reference is ` +
      `${error.toExponential(1)}, at most ${limit} is allowed`,
  );
}
