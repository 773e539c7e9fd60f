/** The constructor keywords of the DDPM network, checked. */
import {
  COUNT,
  countsOf,
  FLAG,
  type Keyword,
  type Keywords,
  oneOf,
  readKeywords,
  required,
  requireGroups,
  SHARE,
} from "./keywords.ts";
import { NORM_GROUPS } from "./unet_blocks.ts";

/** What shapes a DDPM network (Ho et al. 2020); the names of the published keywords are given with each entry. */
export interface DdpmUnetConfig {
  /** Side of the training images, `resolution` or `image_size`; other sizes run as well. */
  readonly imageSize: number;
  /** Channels of the image, `in_channels`. */
  readonly inChannels: number;
  /** Channels of the result, `out_ch`: the image's, or twice as many where the variance is learned. */
  readonly outChannels: number;
  /** Width of the network, `ch`: level l has channelMult[l] * modelChannels channels. */
  readonly modelChannels: number;
  /** `ch_mult` */
  readonly channelMult: readonly number[];
  /** `num_res_blocks` */
  readonly numResBlocks: number;
  /** Image sizes at which residual blocks are followed by attention, for images of the training size: `attn_resolutions`. */
  readonly attentionResolutions: readonly number[];
  /** Whether down- and upsampling layers convolve, `resamp_with_conv`. */
  readonly convResample: boolean;
}

const FAMILY = "DDPM";

const MULTIPLES: Keyword = {
  needs: "a list of at least one positive integer",
  accepts: (value) => countsOf("").accepts(value) && (value as unknown[]).length > 0,
};

/** `dropout` matters in training only. */
const KEYWORDS: Keywords = new Map(Object.entries({
  class: oneOf("Model"),
  ch: required(COUNT),
  out_ch: required(COUNT),
  ch_mult: MULTIPLES,
  num_res_blocks: required(COUNT),
  attn_resolutions: required(countsOf("image sizes")),
  dropout: SHARE,
  resamp_with_conv: FLAG,
  in_channels: required(COUNT),
  resolution: COUNT,
  image_size: COUNT,
}));

/**
 * Reads the keyword arguments of the published constructor (`Model` of the DDPM, DDIM and SDEdit programs), with its
 * defaults. Unlike guided-diffusion's, `attn_resolutions` are image sizes. The training size is `resolution` in some
 * programs and `image_size` in others; one of the two is needed.
 * @param raw an object such as `JSON.parse` gives
 * @throws {TypeError} if `raw` is no object; if keywords are unknown, missing or ill-typed, each by name
 * @throws {RangeError} if a level's channels cannot be split into the 32 groups of the norms
 */
export function ddpmUnetConfig(raw: unknown): DdpmUnetConfig {
  const get = readKeywords(raw, KEYWORDS, FAMILY);
  const sizes = [get("resolution", 0), get("image_size", 0)].filter((size) => size > 0);
  if (sizes.length !== 1) {
    const found = sizes.length === 0 ? "are both missing" : "are both given";
    throw new TypeError(`Cannot read a ${FAMILY} configuration: "resolution" and "image_size" ${found}, one is needed`);
  }
  const config: DdpmUnetConfig = {
    imageSize: sizes[0]!,
    inChannels: get("in_channels", 0),
    outChannels: get("out_ch", 0),
    modelChannels: get("ch", 0),
    channelMult: get<readonly number[]>("ch_mult", [1, 2, 4, 8]),
    numResBlocks: get("num_res_blocks", 0),
    attentionResolutions: get<readonly number[]>("attn_resolutions", []),
    convResample: get("resamp_with_conv", true),
  };
  requireGroups([1, ...config.channelMult], config.modelChannels, NORM_GROUPS, {
    family: FAMILY,
    multiples: "ch_mult",
    width: "ch",
  });
  return config;
}
