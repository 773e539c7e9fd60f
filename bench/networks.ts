/** The networks that are measured. */
import { constant, type DeviceTensor, elementCount, type Runtime, type Tensor } from "../engine/mod.ts";
import {
  guidedNoiseModel,
  guidedUnet,
  type GuidedUnetConfig,
  guidedUnetParameters,
  type NoiseModel,
  noiseSchedule,
  openDefaultModel,
  type Parameter,
  repackParameter,
  type Weights,
} from "../models/mod.ts";
import { randomValues } from "./random_values.ts";

/** A network on a runtime. */
export interface LoadedNetwork {
  readonly parameterCount: number;
  /**
   * The network for one image size.
   * @throws {RangeError} if the size is not a multiple of its downsampling
   */
  noiseModel(size: { readonly height: number; readonly width: number }): NoiseModel;
}

/** A network that can be measured. */
export interface BenchNetwork {
  /** What it is, for help texts. */
  readonly summary: string;
  /** Side of its images in pixels, unless another size is asked for. */
  readonly side: number;
  /** Batch sizes that are measured unless others are asked for. */
  readonly batches: readonly number[];
  /** Loads its weights. */
  load(runtime: Runtime): Promise<LoadedNetwork>;
}

/** What the untrained networks have in common. */
const FAMILY = {
  inChannels: 3,
  outChannels: 6,
  numResBlocks: 1,
  convResample: true,
  numClasses: undefined,
  numHeads: 1,
  numHeadsUpsample: 1,
  useScaleShiftNorm: true,
  resblockUpdown: true,
  useNewAttentionOrder: false,
  superResolution: false,
};

const TINY: GuidedUnetConfig = {
  ...FAMILY,
  imageSize: 32,
  modelChannels: 32,
  channelMult: [1, 2],
  attentionResolutions: [2],
  numHeadChannels: 16,
};

/** 9.8 GFLOP at 64x64. */
const UNET_64: GuidedUnetConfig = {
  ...FAMILY,
  imageSize: 64,
  modelChannels: 64,
  channelMult: [1, 2, 2, 2],
  attentionResolutions: [4, 8],
  numHeadChannels: 32,
};

/** The networks by name. */
export const NETWORKS: Readonly<Record<string, BenchNetwork>> = {
  tiny: untrained("32x32, 32 and 64 channels, random weights", TINY, [1, 4]),
  prior: {
    summary: "the embedded model at 64x64",
    side: 64,
    batches: [1, 4],
    load: openDefaultModel,
  },
  "unet-64": untrained("64x64, 64 and 128 channels, 7.83 M parameters, random weights", UNET_64, [1]),
};

function untrained(summary: string, config: GuidedUnetConfig, batches: readonly number[]): BenchNetwork {
  return {
    summary,
    side: config.imageSize,
    batches,
    load(runtime: Runtime): Promise<LoadedNetwork> {
      const weights = randomWeights(runtime, config);
      const unet = guidedUnet(config, weights);
      const schedule = noiseSchedule("linear", 1000);
      return Promise.resolve({
        parameterCount: weights.parameterCount,
        noiseModel: (size: { readonly height: number; readonly width: number }): NoiseModel =>
          guidedNoiseModel(unet, schedule, size),
      });
    },
  };
}

/** Seeded weights, made in the layout of a checkpoint and repacked as if they had been read from one. */
function randomWeights(runtime: Runtime, config: GuidedUnetConfig): Weights {
  const loaded = new Map<string, DeviceTensor>();
  let parameterCount = 0;
  for (const [name, parameter] of guidedUnetParameters(config)) {
    const { data, shape } = repackParameter(randomParameter(name, parameter, loaded.size), parameter);
    loaded.set(name, runtime.upload(data, shape));
    parameterCount += data.length;
  }
  return {
    name: "random weights",
    parameterCount,
    constant(name: string): Tensor {
      const tensor = loaded.get(name);
      if (tensor) return constant(tensor);
      throw new RangeError(`Cannot use parameter "${name}" of random weights: the network declares no such parameter`);
    },
    free: (): void => loaded.forEach((tensor) => tensor.free()),
  };
}

/** Scales of norms around 1, the rest so small that activations stay near 1. */
function randomParameter(name: string, { shape, layout }: Parameter, seed: number): Float32Array {
  const values = randomValues(elementCount(shape), seed);
  const isScale = layout === "plain" && shape.length === 1 && name.endsWith(".weight");
  if (isScale) return values.map((value) => 1 + 0.3 * value);
  const inputs = layout === "plain" ? 1 : values.length / shape[0]!;
  return values.map((value) => 1.5 * value / Math.sqrt(inputs));
}
