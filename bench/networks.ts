// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** The networks that are measured. */
import type { Runtime } from "../engine/mod.ts";
import {
  type Description,
  guidedUnet,
  type GuidedUnetConfig,
  KNOWN_CHECKPOINTS,
  type NoiseModel,
  noiseModel,
  noiseSchedule,
  openDefaultModel,
  planDescription,
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
  /** The shape of a network with random weights: keywords of the published constructor, and what they say. */
  readonly description?: Description;
  readonly config?: GuidedUnetConfig;
  /** Loads its weights. */
  load(runtime: Runtime, options?: UploadOptions): Promise<LoadedNetwork>;
}

/** What the untrained networks that are not published have in common. */
const FAMILY = {
  architecture: "guided-diffusion",
  class: "UNetModel",
  in_channels: 3,
  out_channels: 6,
  num_res_blocks: 1,
  use_scale_shift_norm: true,
  resblock_updown: true,
};

const TINY: Description = {
  ...FAMILY,
  image_size: 32,
  model_channels: 32,
  channel_mult: [1, 2],
  attention_resolutions: [2],
  num_head_channels: 16,
};

/** 9.8 GFLOP at 64x64. */
const UNET: Description = {
  ...FAMILY,
  image_size: 64,
  model_channels: 64,
  channel_mult: [1, 2, 2, 2],
  attention_resolutions: [4, 8],
  num_head_channels: 32,
};

function published(name: string): Description {
  return KNOWN_CHECKPOINTS.find((known) => known.name === name)!.description;
}

function configOf(description: Description): GuidedUnetConfig {
  return planDescription(description).plan.config as GuidedUnetConfig;
}

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
  "unet-64": untrained("64x64, 64 and 128 channels, 7.83 M parameters, random weights", UNET, [1]),
  ffhq: untrained("256x256, 93.6 M parameters, random weights; on request", published("ffhq-256"), [1], {
    onRequest: true,
  }),
  "imagenet-256": untrained(
    "256x256, 552.8 M parameters, random weights; on request",
    published("imagenet-256-uncond"),
    [1],
    {
      onRequest: true,
    },
  ),
};

function untrained(
  summary: string,
  description: Description,
  batches: readonly number[],
  { onRequest = false }: { readonly onRequest?: boolean } = {},
): BenchNetwork {
  const config = configOf(description);
  return {
    summary,
    side: config.imageSize,
    batches,
    onRequest,
    description,
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

/** The networks that other measurements take: 7.8 M parameters; and the published one for ImageNet, 552.8 M. */
export const UNET_64 = NETWORKS["unet-64"]!.config!;
export const IMAGENET_256 = NETWORKS["imagenet-256"]!.config!;
