/** The constructor keywords of the guided-diffusion networks, checked. */
import {
  COUNT,
  COUNT_OR_NULL,
  COUNT_OR_UNSET,
  countsOf,
  FACTORS,
  FLAG,
  type KeywordReader,
  type Keywords,
  oneOf,
  readKeywords,
  required,
  requireGroups,
  SHARE,
} from "./keywords.ts";
import { NORM_GROUPS } from "./unet_blocks.ts";

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
  readonly numResBlocks: number;
  /** Downsampling factors (1, 2, 4, ...) at which residual blocks are followed by attention. */
  readonly attentionResolutions: readonly number[];
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
  readonly pool: Pool;
}

const FAMILY = "guided-diffusion";

/** Keywords of all constructors; `dropout`, `use_checkpoint` and `use_fp16` matter in training only. */
const ENCODER_KEYWORDS: Keywords = new Map(Object.entries({
  image_size: required(COUNT),
  in_channels: required(COUNT),
  model_channels: required(COUNT),
  out_channels: required(COUNT),
  num_res_blocks: required(COUNT),
  attention_resolutions: required(countsOf("downsampling factors")),
  dropout: SHARE,
  channel_mult: FACTORS,
  conv_resample: FLAG,
  dims: oneOf(2),
  use_checkpoint: FLAG,
  use_fp16: FLAG,
  num_heads: COUNT,
  num_head_channels: COUNT_OR_UNSET,
  num_heads_upsample: COUNT_OR_UNSET,
  use_scale_shift_norm: FLAG,
  resblock_updown: FLAG,
  use_new_attention_order: FLAG,
}));

const UNET_KEYWORDS: Keywords = new Map([
  ["class", oneOf("UNetModel", "SuperResModel")],
  ...ENCODER_KEYWORDS,
  ["num_classes", COUNT_OR_NULL],
  ["small_size", COUNT],
]);

const CLASSIFIER_KEYWORDS: Keywords = new Map([
  ["class", oneOf("EncoderUNetModel")],
  ...ENCODER_KEYWORDS,
  ["pool", oneOf("adaptive", "attention", "spatial", "spatial_v2")],
]);

/**
 * Reads the keyword arguments of the published constructor (`UNetModel`, or `SuperResModel` if `class` says so), with its
 * defaults. As there, `attention_resolutions` are downsampling factors, not image sizes, and `in_channels` of a
 * SuperResModel counts the image alone. `small_size`, an argument of the published function that builds upsamplers, is the
 * side of their low-resolution images; it may be left out.
 * @param raw an object such as `JSON.parse` gives
 * @throws {TypeError} if `raw` is no object; if keywords are unknown, missing or ill-typed, each by name
 * @throws {TypeError} if `small_size` is given for a network that is no SuperResModel
 * @throws {RangeError} if a level's channels cannot be split into the 32 groups of the norms, or the image size is no
 * multiple of `small_size`
 */
export function guidedUnetConfig(raw: unknown): GuidedUnetConfig {
  const get = readKeywords(raw, UNET_KEYWORDS, FAMILY);
  const encoder = encoderConfig(get);
  const smallSize = get<number | undefined>("small_size", undefined);
  const config = {
    ...encoder,
    numClasses: get<number | null>("num_classes", null) ?? undefined,
    numHeadsUpsample: counted(get("num_heads_upsample", -1)) ?? encoder.numHeads,
    superResolution: get<string>("class", "UNetModel") === "SuperResModel",
    ...(smallSize === undefined ? {} : { smallSize }),
  };
  requireSmallSize(config);
  return config;
}

/** A low-resolution image belongs to an upsampler, and the image is a whole number of times as large. */
function requireSmallSize({ superResolution, smallSize, imageSize }: GuidedUnetConfig): void {
  if (smallSize === undefined) return;
  if (!superResolution) {
    throw new TypeError(
      `Cannot read a ${FAMILY} configuration: "small_size" is given, which needs "class" to be "SuperResModel"`,
    );
  }
  if (smallSize < imageSize && imageSize % smallSize === 0) return;
  throw new RangeError(
    `Cannot read a ${FAMILY} configuration: "small_size" is ${smallSize}, a divisor of the image size ${imageSize} ` +
      "below it is needed",
  );
}

/**
 * Reads the keyword arguments of the published constructor of `EncoderUNetModel`, with its defaults.
 * @param raw an object such as `JSON.parse` gives
 * @throws {TypeError} if `raw` is no object; if keywords are unknown, missing or ill-typed, each by name; if the pool is
 * attention and `num_head_channels` is not given
 * @throws {RangeError} if a level's channels cannot be split into the 32 groups of the norms
 */
export function guidedClassifierConfig(raw: unknown): GuidedClassifierConfig {
  const get = readKeywords(raw, CLASSIFIER_KEYWORDS, FAMILY);
  const config = { ...encoderConfig(get), pool: get<Pool>("pool", "adaptive") };
  if (config.pool === "attention" && config.numHeadChannels === undefined) {
    throw new TypeError(
      `Cannot read a ${FAMILY} configuration: "pool" is "attention", "num_head_channels" is needed with it`,
    );
  }
  return config;
}

function encoderConfig(get: KeywordReader): GuidedEncoderConfig {
  const config: GuidedEncoderConfig = {
    imageSize: get("image_size", 0),
    inChannels: get("in_channels", 0),
    modelChannels: get("model_channels", 0),
    outChannels: get("out_channels", 0),
    numResBlocks: get("num_res_blocks", 0),
    attentionResolutions: get<readonly number[]>("attention_resolutions", []),
    channelMult: get<readonly number[]>("channel_mult", [1, 2, 4, 8]),
    convResample: get("conv_resample", true),
    numHeads: get("num_heads", 1),
    numHeadChannels: counted(get("num_head_channels", -1)),
    useScaleShiftNorm: get("use_scale_shift_norm", false),
    resblockUpdown: get("resblock_updown", false),
    useNewAttentionOrder: get("use_new_attention_order", false),
  };
  requireGroups(config.channelMult, config.modelChannels, NORM_GROUPS, {
    family: FAMILY,
    multiples: "channel_mult",
    width: "model_channels",
  });
  return config;
}

/** The constructor's -1 stands for a number that is not given. */
function counted(value: number): number | undefined {
  return value === -1 ? undefined : value;
}
