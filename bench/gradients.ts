/** What the gradient of a network costs beside its evaluation: time, and the memory that plans have for it. */
import {
  byteLength,
  type DeviceTensor,
  type Graph,
  type Plan,
  type Runtime,
  type Scalars,
  type Stage,
  type Tensor,
  type Tensors,
  trace,
  type WebGpuRuntime,
} from "../engine/mod.ts";
import { gradient, sampleDot } from "../kernels/mod.ts";
import {
  countParameters,
  guidedUnet,
  type GuidedUnetConfig,
  guidedUnetParameters,
  noiseModel,
  noiseSchedule,
  shapesOnly,
  type Weights,
} from "../models/mod.ts";
import { openProbed, type ProbedRuntime, type ProbeOptions } from "./device_probe.ts";
import { IMAGENET_256, UNET_64 } from "./networks.ts";
import { randomValues } from "./random_values.ts";
import { randomWeights } from "./random_weights.ts";
import { type Spread, spreadOf } from "./statistics.ts";
import { timeReplays } from "./timing.ts";

/** An evaluation alone, with its gradient, and with one that computes blocks again. */
export const WAYS = ["forward", "gradient", "checkpointed"] as const;

/** One number or spread for each of `WAYS`. */
export type ByWay<T> = Readonly<Record<typeof WAYS[number], T>>;

/** What was found of one network at one size, batch 1. */
export interface GradientFigures {
  readonly network: string;
  readonly height: number;
  readonly width: number;
  readonly parameters: number;
  /** Floating-point operations, as the plans state them. */
  readonly gflop: ByWay<number>;
  /** Bytes of the slots of a plan: all buffers for activations. */
  readonly activationBytes: ByWay<number>;
  /** Bytes of what a plan reads and never changes: weights, turned ones, and what kernels prepare of them. */
  readonly constantBytes: ByWay<number>;
  /** Wall time of one replay; absent of networks that are only planned. */
  readonly milliseconds?: ByWay<Spread>;
  /** Time of the process on all cores for one replay; absent likewise. */
  readonly processMilliseconds?: ByWay<Spread>;
}

/** A network, and whether it is run or only planned. */
interface GradientCase {
  readonly network: string;
  readonly config: GuidedUnetConfig;
  readonly runs: boolean;
}

const CASES: readonly GradientCase[] = [
  { network: "unet-64", config: UNET_64, runs: true },
  { network: "imagenet-256", config: IMAGENET_256, runs: false },
];

const TIMESTEP = 500;

/**
 * Measures what gradients cost: UNet-64 is run with random weights, ImageNet-256 is planned without weights.
 * @param samples repeated measurements
 * @param onFigures called with the figures of each network
 * @param options which device
 * @throws {NoAdapterError} if there is no adapter
 * @throws {Error} if the gradients with and without checkpoints differ or are not finite
 */
export async function measureGradients(
  samples: number,
  onFigures: (figures: GradientFigures, runtime: WebGpuRuntime) => Promise<void>,
  options: ProbeOptions = {},
): Promise<void> {
  const probed = await openProbed(options);
  try {
    for (const { network, config, runs } of CASES) {
      const side = config.imageSize;
      const parameters = guidedUnetParameters(config);
      const weights = shapesOnly(parameters);
      const plans = await byWay((way) => probed.runtime.plan(recorded(config, weights, way)));
      await onFigures({
        network,
        height: side,
        width: side,
        parameters: countParameters(parameters),
        gflop: await byWay((way) => plans[way].dispatches.reduce((sum, { flops }) => sum + flops, 0) / 1e9),
        activationBytes: await byWay((way) => plans[way].slotBytes.reduce((sum, bytes) => sum + bytes, 0)),
        constantBytes: await byWay((way) => constantBytesOf(plans[way])),
        ...(runs ? await measureTimes(probed, config, samples) : {}),
      }, probed.runtime);
    }
  } finally {
    // Drivers do not expect their process to end under them.
    probed.runtime.destroy();
  }
}

async function byWay<T>(of: (way: typeof WAYS[number]) => T | Promise<T>): Promise<ByWay<T>> {
  return { forward: await of("forward"), gradient: await of("gradient"), checkpointed: await of("checkpointed") };
}

function constantBytesOf({ constants, prepared }: Plan): number {
  const types = [...constants.values(), ...prepared.flatMap(({ outputs }) => outputs)];
  return types.reduce((sum, type) => sum + byteLength(type), 0);
}

type GradientStage = Stage<"x" | "v", "timestep", "y">;

/** Records eps, or the gradient of v . eps with respect to x. */
function recorder(
  config: GuidedUnetConfig,
  weights: Weights,
  way: typeof WAYS[number],
): (tensors: Tensors<"x" | "v">, scalars: Scalars<"timestep">) => { readonly y: Tensor } {
  const model = noiseModel(guidedUnet(config, weights), noiseSchedule("linear", 1000), {
    checkpoint: way === "checkpointed",
  });
  return ({ x, v }, { timestep }) => {
    const eps = model.predictEps(x, timestep);
    return { y: way === "forward" ? eps : gradient(sampleDot(eps, v), [x])[0]! };
  };
}

function recorded(config: GuidedUnetConfig, weights: Weights, way: typeof WAYS[number]): Graph {
  const image = { shape: imageShape(config), dtype: "f32" } as const;
  const record = recorder(config, weights, way);
  const inputs = way === "forward" ? { x: image } : { x: image, v: image };
  return trace(
    way,
    inputs,
    (tensors) => ({ ...record(tensors as Tensors<"x" | "v">, { timestep: { scalar: "timestep" } }) }),
  );
}

function imageShape({ imageSize, inChannels }: GuidedUnetConfig): readonly number[] {
  return [1, imageSize, imageSize, inChannels];
}

/** Times all ways in turns, so that whatever else the machine does meets all of them. */
async function measureTimes(
  probed: ProbedRuntime,
  config: GuidedUnetConfig,
  samples: number,
): Promise<Required<Pick<GradientFigures, "milliseconds" | "processMilliseconds">>> {
  const { runtime } = probed;
  const weights = await randomWeights(runtime, config);
  const shape = imageShape(config);
  const [x, v] = [1, 2].map((seed) => runtime.upload(randomValues(shape.reduce((a, b) => a * b), seed), shape));
  const replays = await byWay((way) => replayOf(runtime, recorder(config, weights, way), way, { x: x!, v: v! }));
  const results = await byWay(async (way) => await (await replays[way]()).read());
  requireEqual(results);
  const found = WAYS.map(() => ({ wall: [] as number[], process: [] as number[] }));
  for (let sample = 0; sample < samples; sample++) {
    for (const [k, way] of WAYS.entries()) {
      const { replay, processTime } = await timeReplays(probed, replays[way], 1);
      found[k]!.wall.push(replay.median);
      found[k]!.process.push(processTime.median);
    }
  }
  const spreads = (kind: "wall" | "process"): Promise<ByWay<Spread>> =>
    byWay((way) => spreadOf(found[WAYS.indexOf(way)]![kind]));
  return { milliseconds: await spreads("wall"), processMilliseconds: await spreads("process") };
}

function replayOf(
  runtime: Runtime,
  record: ReturnType<typeof recorder>,
  way: typeof WAYS[number],
  inputs: { readonly x: DeviceTensor; readonly v: DeviceTensor },
): () => Promise<DeviceTensor> {
  const stage: GradientStage = runtime.stage(way, record);
  return async () => (await stage(inputs, { timestep: TIMESTEP })).y;
}

function requireEqual({ gradient, checkpointed }: ByWay<Float32Array>): void {
  if (gradient.every((value, i) => Number.isFinite(value) && value === checkpointed[i])) return;
  throw new Error(
    "Cannot trust the times of gradients: they are not finite, or differ where blocks are computed again",
  );
}
