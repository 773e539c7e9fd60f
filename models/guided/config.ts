// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** The constructor keywords of the guided-diffusion networks, and what they say. */
import { choice, flag, integer, required, type ValuesOf } from "../../parameters/mod.ts";
import { count, countOr, counts, DROPOUT, factors, requireGroups } from "../keywords.ts";
import { NORM_GROUPS } from "../layers.ts";

/** What shapes the way down and the middle, which UNets and classifiers share. */
export interface GuidedEncoderConfig {
  /** Side of the training images; UNets run at other sizes as well. */
  readonly imageSize: number;
  /** Channels of the image, without those of a low-resolution image that is appended. */
  readonly inChannels: number;
  /** Width of the network: level l has trunc(channelMult[l] * modelChannels) channels. */
  readonly modelChannels: number;
  /** Channels of the result: the image's, twice as many where the variance is learned, or the classes'. */
  readonly outChannels: number;
  /** Residual blocks of each level on the way down; one more on the way up. */
  readonly numResBlocks: number;
  /** Downsampling factors (1, 2, 4, ...) at which residual blocks are followed by attention. */
  readonly attentionResolutions: readonly number[];
  /** Multiple of `modelChannels` at each level, from the full size down. */
  readonly channelMult: readonly number[];
  /** Whether plain down- and upsampling layers convolve. */
  readonly convResample: boolean;
  /** Heads of each attention on the way down and in the middle, unless `numHeadChannels` is given. */
  readonly numHeads: number;
  /** Channels of each head; undefined: the number of heads is fixed instead. */
  readonly numHeadChannels: number | undefined;
  /** Whether the embedding scales and shifts; otherwise it is added. */
  readonly useScaleShiftNorm: boolean;
  /** Whether residual blocks do the resampling between levels. */
  readonly resblockUpdown: boolean;
  /** Whether attention channels are laid out q|k|v, head instead of head, q|k|v. */
  readonly useNewAttentionOrder: boolean;
  /** Whether queries, keys, values and projections are stored as 1x1 convolutions of images instead of rows. */
  readonly convolvesAttention?: boolean;
}

/** What shapes a guided-diffusion UNet; see Dhariwal and Nichol 2021, appendix B, and the published constructor. */
export interface GuidedUnetConfig extends GuidedEncoderConfig {
  /** Number of classes; undefined for an unconditional network. */
  readonly numClasses: number | undefined;
  /** Heads of each attention on the way up, unless `numHeadChannels` is given. */
  readonly numHeadsUpsample: number;
  /** Whether a low-resolution image is resized and appended to the input (SuperResModel). */
  readonly superResolution: boolean;
  /** Side of the low-resolution images that such a network was trained with, where its file says it. */
  readonly smallSize?: number;
}

/** How a classifier makes one row of each image; see `guidedClassifier`. */
export type Pool = "adaptive" | "attention" | "spatial" | "spatial_v2";

/** What shapes a noise-aware classifier of guided-diffusion (`EncoderUNetModel`); `outChannels` are its classes. */
export interface GuidedClassifierConfig extends GuidedEncoderConfig {
  /** How the last image becomes one row of classes. */
  readonly pool: Pool;
}

/** The name of the UNets' family, which messages about all these networks begin with. */
export const GUIDED = "guided-diffusion";

/**
 * The class of OpenAI's consistency_models (Song et al. 2023), as recorded runs name it: `UNetModel` with attention that is
 * stored as 1x1 convolutions and always laid out q|k|v, head, whatever `use_new_attention_order` says.
 */
export const CONSISTENCY_UNET = "cm.unet.UNetModel";

/** Where these networks are published. */
export const DHARIWAL_2021 = "Dhariwal and Nichol 2021";

/** Keywords of all constructors; `dropout`, `use_checkpoint` and `use_fp16` matter in training only. */
const ENCODER_KEYWORDS = {
  image_size: count("side of the training images"),
  in_channels: count("channels of the image, without those of a low-resolution image"),
  model_channels: count("width of the network"),
  out_channels: count("channels of the result, or number of classes"),
  num_res_blocks: count("residual blocks of each level"),
  attention_resolutions: required(counts("downsampling factors", 0, "where residual blocks are followed by attention")),
  dropout: DROPOUT,
  channel_mult: factors("factor of the width by level"),
  conv_resample: flag(true, {}, "whether plain down- and upsampling layers convolve"),
  dims: integer(2, { min: 2, max: 2 }, "dimensions of the images"),
  use_checkpoint: flag(false, {}, "recomputation in training"),
  use_fp16: flag(false, {}, "half precision in training"),
  num_heads: integer(1, { min: 1 }, "heads of each attention"),
  num_head_channels: countOr(-1, "channels of each attention head, instead of the number of heads"),
  num_heads_upsample: countOr(-1, "heads of each attention on the way up"),
  use_scale_shift_norm: flag(false, {}, "whether the embedding scales and shifts"),
  resblock_updown: flag(false, {}, "whether residual blocks do the resampling"),
  use_new_attention_order: flag(false, {}, "whether attention channels are laid out q|k|v, head"),
};

/** Keywords of `UNetModel` of both programs and `SuperResModel`, and the argument of the function that builds upsamplers. */
export const UNET_KEYWORDS = {
  class: choice("UNetModel", ["UNetModel", "SuperResModel", CONSISTENCY_UNET], {}, "class of the published program"),
  ...ENCODER_KEYWORDS,
  num_classes: countOr(null, "number of classes"),
  small_size: integer(undefined, { min: 1 }, "side of the low-resolution images of a SuperResModel"),
};

/** Keywords of `EncoderUNetModel`. */
export const CLASSIFIER_KEYWORDS = {
  class: choice("EncoderUNetModel", ["EncoderUNetModel"], {}, "class of the published program"),
  ...ENCODER_KEYWORDS,
  pool: choice("adaptive", ["adaptive", "attention", "spatial", "spatial_v2"], {}, "how it makes a row of an image"),
};

/**
 * What the keywords of a UNet say. As in the published constructor, `attention_resolutions` are downsampling factors, not
 * image sizes, and `in_channels` of a SuperResModel counts the image alone.
 * @throws {TypeError} if `small_size` is given for a network that is no SuperResModel
 * @throws {RangeError} if a level's channels cannot be split into the 32 groups of the norms, or the image size is no
 * multiple of `small_size`
 */
export function unetConfig(given: ValuesOf<typeof UNET_KEYWORDS>): GuidedUnetConfig {
  const encoder = encoderConfig(given);
  const isConsistency = given.class === CONSISTENCY_UNET;
  const config = {
    ...encoder,
    useNewAttentionOrder: isConsistency || encoder.useNewAttentionOrder,
    ...(isConsistency ? { convolvesAttention: true } : {}),
    numClasses: given.num_classes,
    numHeadsUpsample: counted(given.num_heads_upsample) ?? encoder.numHeads,
    superResolution: given.class === "SuperResModel",
    ...(given.small_size === undefined ? {} : { smallSize: given.small_size }),
  };
  requireSmallSize(config);
  return config;
}

/** A low-resolution image belongs to an upsampler, and the image is a whole number of times as large. */
function requireSmallSize({ superResolution, smallSize, imageSize }: GuidedUnetConfig): void {
  if (smallSize === undefined) return;
  if (!superResolution) {
    throw new TypeError(
      `Cannot read a ${GUIDED} configuration: "small_size" is given, which needs "class" to be "SuperResModel"`,
    );
  }
  if (smallSize < imageSize && imageSize % smallSize === 0) return;
  throw new RangeError(
    `Cannot read a ${GUIDED} configuration: "small_size" is ${smallSize}, a divisor of the image size ${imageSize} ` +
      "below it is needed",
  );
}

/**
 * What the keywords of a classifier say.
 * @throws {TypeError} if the pool is attention and `num_head_channels` is not given
 * @throws {RangeError} if a level's channels cannot be split into the 32 groups of the norms
 */
export function classifierConfig(given: ValuesOf<typeof CLASSIFIER_KEYWORDS>): GuidedClassifierConfig {
  const config = { ...encoderConfig(given), pool: given.pool };
  if (config.pool === "attention" && config.numHeadChannels === undefined) {
    throw new TypeError(
      `Cannot read a ${GUIDED} configuration: "pool" is "attention", "num_head_channels" is needed with it`,
    );
  }
  return config;
}

function encoderConfig(given: ValuesOf<typeof ENCODER_KEYWORDS>): GuidedEncoderConfig {
  const { channel_mult: channelMult = [1, 2, 4, 8], model_channels: modelChannels } = given;
  const names = { family: GUIDED, multiples: "channel_mult", width: "model_channels" };
  requireGroups(channelMult, modelChannels, NORM_GROUPS, names);
  return {
    imageSize: given.image_size,
    inChannels: given.in_channels,
    modelChannels,
    outChannels: given.out_channels,
    numResBlocks: given.num_res_blocks,
    attentionResolutions: given.attention_resolutions,
    channelMult,
    convResample: given.conv_resample,
    numHeads: given.num_heads,
    numHeadChannels: counted(given.num_head_channels),
    useScaleShiftNorm: given.use_scale_shift_norm,
    resblockUpdown: given.resblock_updown,
    useNewAttentionOrder: given.use_new_attention_order,
  };
}

/** The constructor's -1 stands for a number that is not given. */
function counted(value: number | undefined): number | undefined {
  return value === -1 ? undefined : value;
}
