/** The networks that are measured. */
import type { Runtime } from "../engine/mod.ts";
import {
  guidedUnet,
  type GuidedUnetConfig,
  type NoiseModel,
  noiseModel,
  noiseSchedule,
  openDefaultModel,
  type UploadOptions,
} from "../models/mod.ts";
import { randomWeights } from "./random_weights.ts";

/** A network on a runtime. */
export interface LoadedNetwork {
  readonly parameterCount: number;
  /** From the open file to weights on the device; absent where there is no file. */
  readonly loadMilliseconds?: number;
  /**
   * The network for one image size.
   * @throws {RangeError} if the size is not a multiple of its downsampling
   */
  noiseModel(size: { readonly height: number; readonly width: number }): NoiseModel;
  /** Gives the weights' memory back. */
  free(): void;
}

/** A network that can be measured. */
export interface BenchNetwork {
  /** What it is, for help texts. */
  readonly summary: string;
  /** Side of its images in pixels, unless another size is asked for. */
  readonly side: number;
  /** Batch sizes that are measured unless others are asked for. */
  readonly batches: readonly number[];
  /** Whether it is measured only where it is named: it needs a graphics card. */
  readonly onRequest: boolean;
  /** The shape of a network with random weights. */
  readonly config?: GuidedUnetConfig;
  /** Loads its weights. */
  load(runtime: Runtime, options?: UploadOptions): Promise<LoadedNetwork>;
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
export const UNET_64: GuidedUnetConfig = {
  ...FAMILY,
  imageSize: 64,
  modelChannels: 64,
  channelMult: [1, 2, 2, 2],
  attentionResolutions: [4, 8],
  numHeadChannels: 32,
};

/** The size of the published network for faces: 93.6 M parameters, 388 GFLOP at 256x256. */
export const FFHQ: GuidedUnetConfig = {
  ...FAMILY,
  imageSize: 256,
  modelChannels: 128,
  channelMult: [1, 1, 2, 2, 4, 4],
  attentionResolutions: [16],
  numHeadChannels: 64,
};

/** The size of the published unconditional ImageNet network: 552.8 M parameters, 2,240 GFLOP at 256x256. */
export const IMAGENET_256: GuidedUnetConfig = {
  ...FAMILY,
  imageSize: 256,
  modelChannels: 256,
  channelMult: [1, 1, 2, 2, 4, 4],
  numResBlocks: 2,
  attentionResolutions: [8, 16, 32],
  numHeadChannels: 64,
};

/** The networks by name. */
export const NETWORKS: Readonly<Record<string, BenchNetwork>> = {
  tiny: untrained("32x32, 32 and 64 channels, random weights", TINY, [1, 4]),
  prior: {
    summary: "the embedded model at 64x64",
    side: 64,
    batches: [1, 4],
    onRequest: false,
    load: openDefaultModel,
  },
  "unet-64": untrained("64x64, 64 and 128 channels, 7.83 M parameters, random weights", UNET_64, [1]),
  ffhq: untrained("256x256, 93.6 M parameters, random weights; on request", FFHQ, [1], { onRequest: true }),
  "imagenet-256": untrained("256x256, 552.8 M parameters, random weights; on request", IMAGENET_256, [1], {
    onRequest: true,
  }),
};

function untrained(
  summary: string,
  config: GuidedUnetConfig,
  batches: readonly number[],
  { onRequest = false }: { readonly onRequest?: boolean } = {},
): BenchNetwork {
  return {
    summary,
    side: config.imageSize,
    batches,
    onRequest,
    config,
    async load(runtime: Runtime, options?: UploadOptions): Promise<LoadedNetwork> {
      const weights = await randomWeights(runtime, config, options);
      const unet = guidedUnet(config, weights);
      const schedule = noiseSchedule("linear", 1000);
      return {
        parameterCount: weights.parameterCount,
        noiseModel: (size: { readonly height: number; readonly width: number }): NoiseModel =>
          noiseModel(unet, schedule, size),
        free: weights.free,
      };
    },
  };
}
