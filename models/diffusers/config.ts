// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** The constructor keywords of diffusers' UNet2DModel, as config.json has them, and what they say. */
import { choice, data, flag, integer, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { countOr, counts, DROPOUT } from "../keywords.ts";
import type { Norm } from "../layers.ts";
import type { NetworkConfig } from "../network.ts";
import type { Sinusoids } from "../timestep_table.ts";

/** The name of the family, which messages about its networks begin with. */
export const DIFFUSERS = "diffusers";

/** The class of its networks, as `_class_name` of config.json and recorded runs have it. */
export const UNET_CLASS = "UNet2DModel";

/** How a level passes to the next one: by a convolution, or by a residual block. */
export type Resampling = "conv" | "resnet";

/** One level of a network. */
export interface DiffusersLevel {
  /** Channels of its residual blocks. */
  readonly channels: number;
  /** Whether attention follows each residual block on the way down, and on the way up. */
  readonly attends: { readonly down: boolean; readonly up: boolean };
  /** How the image is halved on the way down, and doubled on the way up, unless the level is the last of its way. */
  readonly resampling: { readonly down: Resampling; readonly up: Resampling };
}

/** What shapes a UNet2DModel; the names of the published keywords are given with each entry. */
export interface DiffusersUnetConfig extends NetworkConfig {
  /** From the image on: `block_out_channels`, `down_block_types` and `up_block_types`. */
  readonly levels: readonly DiffusersLevel[];
  /** Residual blocks of a level on the way down, one less than on the way up: `layers_per_block`. */
  readonly numResBlocks: number;
  /** Channels of each attention head, `attention_head_dim`; undefined: one head of all channels. */
  readonly headChannels: number | undefined;
  /** Norms but that of the attention in the middle: `norm_num_groups` and `norm_eps`. */
  readonly norm: Norm;
  /** The middle; undefined where there is none, `mid_block_type`. */
  readonly middle: DiffusersMiddle | undefined;
  /** Whether the embedding scales and shifts, `resnet_time_scale_shift`; otherwise it is added. */
  readonly scaleShiftNorm: boolean;
  /** Whether a convolution that halves has zeros on all sides, `downsample_padding`; otherwise right and bottom only. */
  readonly symmetricPadding: boolean;
  /** The sinusoids of a timestep: `flip_sin_to_cos` and `freq_shift`. */
  readonly sinusoids: Sinusoids;
  /** Channels of the embedding, `time_embedding_dim`. */
  readonly embeddingChannels: number;
  /** Whether the network is given 2 x - 1, `center_input_sample`. */
  readonly centersInput: boolean;
  /** What the layers of attentions are called: as the library writes them now (`to_q`), or wrote them first (`query`). */
  readonly attentionNames: AttentionNaming;
}

/** The middle of a network. */
export interface DiffusersMiddle {
  /** Whether it has attention, `add_attention`. */
  readonly attends: boolean;
  /** The norm of its attention; undefined where that has none, `attn_norm_num_groups`. */
  readonly norm: Norm | undefined;
  /** What its sums with the residual are divided by, `mid_block_scale_factor`. */
  readonly divisor: number;
}

/** How the layers of attentions are called in a checkpoint: to_q, to_k, to_v, to_out.0; or query, key, value, proj_attn. */
export const ATTENTION_NAMINGS = ["to_q", "query"] as const;

/** One of `ATTENTION_NAMINGS`. */
export type AttentionNaming = typeof ATTENTION_NAMINGS[number];

/** Ways from a level to the next by the class of its block. */
const DOWN = ["DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"] as const;
const UP = ["UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"] as const;

/** What other classes of blocks belong to, for messages. */
const FOREIGN_BLOCKS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/Cross/, "a network that is given a text or an image as well"],
  [/Skip/, "an NCSN++ network"],
  [/^K/, "an upscaler of latent images"],
];

const isText = (value: unknown): boolean => typeof value === "string";
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;

function blocks(example: string, help: string): Parameter<readonly string[] | undefined> {
  const fits = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every(isText);
  return data({ needed: `a list of classes such as "${example}"`, fits }, help);
}

/** A keyword that may be null, which is not its default. */
function orNull<T>(initial: T, parameter: Parameter<T | undefined>): Parameter<T | undefined> {
  return { ...parameter, default: initial };
}

function isSampleSize(value: unknown): boolean {
  return value === null || isCount(value) || (Array.isArray(value) && value.length === 2 && value.every(isCount));
}

/** Keywords of `UNet2DModel` with the library's defaults; `dropout` and `num_train_timesteps` are read and not used. */
export const DIFFUSERS_KEYWORDS = {
  class: choice(UNET_CLASS, [UNET_CLASS], {}, "class of the published program"),
  image_size: integer(undefined, { min: 1 }, "side of the training images, instead of sample_size"),
  sample_size: data<number | readonly [number, number]>(
    { needed: "a positive integer, a pair of them, or null", fits: isSampleSize },
    "side, or height and width, of the training images",
  ),
  in_channels: integer(3, { min: 1 }, "channels of the image"),
  out_channels: integer(3, { min: 1 }, "channels of the result"),
  center_input_sample: flag(false, {}, "whether the network is given 2 x - 1"),
  time_embedding_type: choice("positional", ["positional"], {}, "how a timestep is embedded"),
  time_embedding_dim: data<number>(
    { needed: "a positive integer, or null", fits: (value) => value === null || value === 0 || isCount(value) },
    "channels of the embedding, four times the width by default",
  ),
  freq_shift: number(0, { min: 0 }, "spacing of the periods of sinusoids"),
  flip_sin_to_cos: flag(true, {}, "whether cosines come before sines"),
  down_block_types: blocks(DOWN[0], "class of each level on the way down"),
  up_block_types: blocks(UP[0], "class of each level on the way up, the smallest first"),
  mid_block_type: orNull<string>(
    "UNetMidBlock2D",
    data({
      needed: 'null or "UNetMidBlock2D"',
      fits: (value) => value === null || value === "UNetMidBlock2D",
    }, "class of the middle"),
  ),
  block_out_channels: counts("positive integers", 1, "channels of each level"),
  layers_per_block: integer(2, { min: 1 }, "residual blocks of each level"),
  mid_block_scale_factor: number(1, {}, "what sums with the residual are divided by in the middle"),
  downsample_padding: integer(1, { min: 0, max: 1 }, "zeros around an image that a convolution halves"),
  downsample_type: choice("conv", ["conv", "resnet"], {}, "how levels with attention are halved"),
  upsample_type: choice("conv", ["conv", "resnet"], {}, "how levels with attention are doubled"),
  dropout: DROPOUT,
  act_fn: choice("silu", ["silu", "swish"], {}, "activation"),
  attention_head_dim: orNull<number>(8, countOr(null, "channels of each attention head; null: one head")),
  norm_num_groups: integer(32, { min: 1 }, "groups of norms"),
  attn_norm_num_groups: countOr(null, "groups of the norm of the attention in the middle"),
  norm_eps: number(1e-5, { min: 0 }, "what norms add to variances"),
  resnet_time_scale_shift: choice("default", ["default", "scale_shift"], {}, "how the embedding enters"),
  add_attention: flag(true, {}, "whether there is attention in the middle"),
  class_embed_type: data<never>({ needed: "null (a table of classes)", fits: (value) => value === null }, "classes"),
  num_class_embeds: countOr(null, "number of classes"),
  num_train_timesteps: countOr(null, "number of timesteps of a learned embedding"),
  attention_names: choice("to_q", ATTENTION_NAMINGS, {}, "what the layers of attentions are called in the checkpoint"),
};

/** Keywords that leave no trace in names and shapes: where a configuration lacks one, its default decides unseen. */
export const UNSEEN_KEYWORDS = [
  "attention_head_dim",
  "norm_num_groups",
  "norm_eps",
  "downsample_padding",
  "flip_sin_to_cos",
  "freq_shift",
] as const;

/** The library's defaults of the keywords that are lists. */
const DEFAULT_LEVELS = {
  block_out_channels: [224, 448, 672, 896],
  down_block_types: ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
  up_block_types: ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
};

/**
 * What the keywords say. The image size is the smaller side where `sample_size` is a pair.
 * @throws {TypeError} if there is no training size, or the lists of levels differ in length
 * @throws {RangeError} if a class of blocks is not supported, or a level's channels cannot be split into the groups of the
 * norms or the heads
 */
export function diffusersConfig(given: ValuesOf<typeof DIFFUSERS_KEYWORDS>): DiffusersUnetConfig {
  const levels = levelsOf(given);
  const norm: Norm = { groups: given.norm_num_groups, eps: given.norm_eps };
  const headChannels = given.attention_head_dim;
  const scaleShiftNorm = given.resnet_time_scale_shift === "scale_shift";
  const groups = given.attn_norm_num_groups ?? (scaleShiftNorm ? undefined : norm.groups);
  const middle = given.mid_block_type === undefined ? undefined : {
    attends: given.add_attention,
    norm: groups === undefined ? undefined : { ...norm, groups },
    divisor: given.mid_block_scale_factor,
  };
  requireDivisible(levels, norm.groups, (groups) => `${groups} groups ("norm_num_groups")`);
  if (middle?.attends && middle.norm) {
    requireDivisible(levels.slice(-1), middle.norm.groups, (groups) => `${groups} groups ("attn_norm_num_groups")`);
  }
  if (headChannels !== undefined) {
    const attending = levels.filter(({ attends }, level) =>
      attends.down || attends.up || (level === levels.length - 1 && middle?.attends)
    );
    requireDivisible(attending, headChannels, (width) => `heads of ${width} channels ("attention_head_dim")`);
  }
  if (given.norm_eps === 0 || given.mid_block_scale_factor === 0) {
    throw refusal('"norm_eps" and "mid_block_scale_factor" are 0, positive numbers are needed');
  }
  const modelChannels = levels[0]!.channels;
  return {
    imageSize: given.image_size ?? sideOf(given.sample_size),
    inChannels: given.in_channels,
    outChannels: given.out_channels,
    modelChannels,
    numClasses: given.num_class_embeds,
    levels,
    numResBlocks: given.layers_per_block,
    headChannels,
    norm,
    middle,
    scaleShiftNorm,
    symmetricPadding: given.downsample_padding === 1,
    sinusoids: { cosinesFirst: given.flip_sin_to_cos, shift: given.freq_shift },
    embeddingChannels: given.time_embedding_dim || 4 * modelChannels,
    centersInput: given.center_input_sample,
    attentionNames: given.attention_names,
  };
}

function refusal(found: string): RangeError {
  return new RangeError(`Cannot read a ${DIFFUSERS} configuration: ${found}`);
}

/** The training size; the smaller side of images that are no squares. */
export function sideOf(size: number | readonly [number, number] | undefined): number {
  if (size !== undefined) return typeof size === "number" ? size : Math.min(...size);
  throw new TypeError(
    `Cannot read a ${DIFFUSERS} configuration: "sample_size" is not given, the side of the training images is needed`,
  );
}

function levelsOf(given: ValuesOf<typeof DIFFUSERS_KEYWORDS>): readonly DiffusersLevel[] {
  const {
    block_out_channels = DEFAULT_LEVELS.block_out_channels,
    down_block_types: down = DEFAULT_LEVELS.down_block_types,
    up_block_types: up = DEFAULT_LEVELS.up_block_types,
  } = given;
  const lengths = [block_out_channels, down, up].map(({ length }) => length);
  if (new Set(lengths).size > 1) {
    throw new TypeError(
      `Cannot read a ${DIFFUSERS} configuration: block_out_channels, down_block_types and up_block_types have ` +
        `${lengths.join(", ")} entries, one for each level is needed`,
    );
  }
  requireKnown("down_block_types", down, DOWN);
  requireKnown("up_block_types", up, UP);
  const upwards = up.toReversed();
  return block_out_channels.map((channels, level) => {
    const attends = { down: down[level] === "AttnDownBlock2D", up: upwards[level] === "AttnUpBlock2D" };
    return {
      channels,
      attends,
      // Blocks without attention have their kind of resampling in their name.
      resampling: {
        down: down[level] === "ResnetDownsampleBlock2D" || (attends.down && given.downsample_type === "resnet")
          ? "resnet"
          : "conv",
        up: upwards[level] === "ResnetUpsampleBlock2D" || (attends.up && given.upsample_type === "resnet")
          ? "resnet"
          : "conv",
      },
    };
  });
}

function requireKnown(key: string, classes: readonly string[], known: readonly string[]): void {
  const foreign = classes.find((name) => !known.includes(name));
  if (foreign === undefined) return;
  const what = FOREIGN_BLOCKS.find(([pattern]) => pattern.test(foreign))?.[1];
  throw refusal(
    `"${key}" has "${foreign}"${what === undefined ? "" : `, which belongs to ${what}`}; ` +
      `${known.slice(0, -1).join(", ")} and ${known.at(-1)} can be run`,
  );
}

function requireDivisible(levels: readonly DiffusersLevel[], divisor: number, of: (divisor: number) => string): void {
  const odd = levels.find(({ channels }) => channels % divisor !== 0);
  if (odd) throw refusal(`${odd.channels} channels ("block_out_channels") do not divide into ${of(divisor)}`);
}
