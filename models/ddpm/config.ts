// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** The constructor keywords of the DDPM network, and what they say. */
import { choice, flag, integer, required, type ValuesOf } from "../../parameters/mod.ts";
import { count, counts, DROPOUT, requireGroups } from "../keywords.ts";
import { NORM_GROUPS } from "../layers.ts";

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

/** Keywords of `Model`; `dropout` matters in training only. */
export const DDPM_KEYWORDS = {
  class: choice("Model", ["Model"], {}, "class of the published program"),
  ch: count("width of the network"),
  out_ch: count("channels of the result"),
  ch_mult: counts("positive integers", 1, "factor of the width by level"),
  num_res_blocks: count("residual blocks of each level"),
  attn_resolutions: required(counts("image sizes", 0, "where residual blocks are followed by attention")),
  dropout: DROPOUT,
  resamp_with_conv: flag(true, {}, "whether down- and upsampling layers convolve"),
  in_channels: count("channels of the image"),
  resolution: integer(undefined, { min: 1 }, "side of the training images"),
  image_size: integer(undefined, { min: 1 }, "side of the training images, as other programs call it"),
};

/**
 * What the keywords say. Unlike guided-diffusion's, `attn_resolutions` are image sizes. The training size is `resolution`
 * in some programs and `image_size` in others; one of the two is needed.
 * @throws {TypeError} if the training size is missing or given twice
 * @throws {RangeError} if a level's channels cannot be split into the 32 groups of the norms
 */
export function ddpmConfig(given: ValuesOf<typeof DDPM_KEYWORDS>): DdpmUnetConfig {
  const { resolution, image_size, ch: modelChannels, ch_mult: channelMult = [1, 2, 4, 8] } = given;
  const imageSize = resolution ?? image_size;
  if (imageSize === undefined || (resolution !== undefined && image_size !== undefined)) {
    const found = imageSize === undefined ? "are both missing" : "are both given";
    throw new TypeError(`Cannot read a ddpm configuration: "resolution" and "image_size" ${found}, one is needed`);
  }
  requireGroups([1, ...channelMult], modelChannels, NORM_GROUPS, { family: "ddpm", multiples: "ch_mult", width: "ch" });
  return {
    imageSize,
    inChannels: given.in_channels,
    outChannels: given.out_ch,
    modelChannels,
    channelMult,
    numResBlocks: given.num_res_blocks,
    attentionResolutions: given.attn_resolutions,
    convResample: given.resamp_with_conv,
  };
}
