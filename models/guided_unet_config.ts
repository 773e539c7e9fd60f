/** The constructor keywords of the guided-diffusion UNet, checked. */
import { NORM_GROUPS } from "./unet_blocks.ts";

/** What shapes a guided-diffusion UNet; see Dhariwal and Nichol 2021, appendix B, and the published constructor. */
export interface GuidedUnetConfig {
  /** Side of the training images; other sizes run as well. */
  readonly imageSize: number;
  /** Channels of the image, without those of a low-resolution image that is appended. */
  readonly inChannels: number;
  /** Width of the network: level l has trunc(channelMult[l] * modelChannels) channels. */
  readonly modelChannels: number;
  /** Channels of the result: the image's, or twice as many where the variance is learned. */
  readonly outChannels: number;
  readonly numResBlocks: number;
  /** Downsampling factors (1, 2, 4, ...) at which residual blocks are followed by attention. */
  readonly attentionResolutions: readonly number[];
  readonly channelMult: readonly number[];
  /** Whether plain down- and upsampling layers convolve. */
  readonly convResample: boolean;
  /** Number of classes; undefined for an unconditional network. */
  readonly numClasses: number | undefined;
  /** Heads of each attention on the way down and in the middle, unless `numHeadChannels` is given. */
  readonly numHeads: number;
  /** Channels of each head; undefined: the number of heads is fixed instead. */
  readonly numHeadChannels: number | undefined;
  /** Heads of each attention on the way up, unless `numHeadChannels` is given. */
  readonly numHeadsUpsample: number;
  /** Whether the embedding scales and shifts; otherwise it is added. */
  readonly useScaleShiftNorm: boolean;
  /** Whether residual blocks do the resampling between levels. */
  readonly resblockUpdown: boolean;
  /** Whether attention channels are laid out q|k|v, head instead of head, q|k|v. */
  readonly useNewAttentionOrder: boolean;
  /** Whether a low-resolution image is resized and appended to the input (SuperResModel). */
  readonly superResolution: boolean;
}

interface Keyword {
  readonly needs: string;
  readonly accepts: (value: unknown) => boolean;
  readonly required?: true;
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;
const isListOf = (accepts: (value: unknown) => boolean) => (value: unknown): boolean =>
  Array.isArray(value) && value.every(accepts);
const isPositive = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value) && value > 0;

const COUNT: Keyword = { needs: "a positive integer", accepts: isCount };
const COUNT_OR_UNSET: Keyword = {
  needs: "a positive integer, or -1",
  accepts: (value) => value === -1 || isCount(value),
};
const FLAG: Keyword = { needs: "true or false", accepts: (value) => typeof value === "boolean" };

/** The constructor's keywords; `dropout`, `use_checkpoint` and `use_fp16` matter in training only. */
const KEYWORDS: ReadonlyMap<string, Keyword> = new Map(Object.entries({
  class: {
    needs: '"UNetModel" or "SuperResModel"',
    accepts: (value: unknown) => value === "UNetModel" || value === "SuperResModel",
  },
  image_size: { ...COUNT, required: true as const },
  in_channels: { ...COUNT, required: true as const },
  model_channels: { ...COUNT, required: true as const },
  out_channels: { ...COUNT, required: true as const },
  num_res_blocks: { ...COUNT, required: true as const },
  attention_resolutions: {
    needs: "a list of downsampling factors",
    accepts: isListOf(isCount),
    required: true as const,
  },
  dropout: {
    needs: "a number from 0 to 1",
    accepts: (value: unknown) => typeof value === "number" && value >= 0 && value <= 1,
  },
  channel_mult: {
    needs: "a list of at least one positive number",
    accepts: (value: unknown) => isListOf(isPositive)(value) && (value as unknown[]).length > 0,
  },
  conv_resample: FLAG,
  dims: { needs: "2", accepts: (value: unknown) => value === 2 },
  num_classes: {
    needs: "a positive integer, or null",
    accepts: (value: unknown) => value === null || isCount(value),
  },
  use_checkpoint: FLAG,
  use_fp16: FLAG,
  num_heads: COUNT,
  num_head_channels: COUNT_OR_UNSET,
  num_heads_upsample: COUNT_OR_UNSET,
  use_scale_shift_norm: FLAG,
  resblock_updown: FLAG,
  use_new_attention_order: FLAG,
}));

/**
 * Reads the keyword arguments of the published constructor (`UNetModel`, or `SuperResModel` if `class` says so), with its
 * defaults. As there, `attention_resolutions` are downsampling factors, not image sizes, and `in_channels` of a
 * SuperResModel counts the image alone.
 * @param raw an object such as `JSON.parse` gives
 * @throws {TypeError} if `raw` is no object; if keywords are unknown, missing or ill-typed, each by name
 * @throws {RangeError} if a level's channels cannot be split into the 32 groups of the norms
 */
export function guidedUnetConfig(raw: unknown): GuidedUnetConfig {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new TypeError("Cannot read a guided-diffusion configuration: an object of constructor keywords is needed");
  }
  const given = new Map<string, unknown>(Object.entries(raw));
  const problems = [...problemsOf(given)];
  if (problems.length > 0) {
    throw new TypeError(`Cannot read a guided-diffusion configuration: ${problems.join("; ")}`);
  }
  const get = <T>(key: string, fallback: T): T => given.has(key) ? given.get(key) as T : fallback;
  const unset = (value: number): number | undefined => value === -1 ? undefined : value;
  const numHeads = get("num_heads", 1);
  const config: GuidedUnetConfig = {
    imageSize: get("image_size", 0),
    inChannels: get("in_channels", 0),
    modelChannels: get("model_channels", 0),
    outChannels: get("out_channels", 0),
    numResBlocks: get("num_res_blocks", 0),
    attentionResolutions: get<readonly number[]>("attention_resolutions", []),
    channelMult: get<readonly number[]>("channel_mult", [1, 2, 4, 8]),
    convResample: get("conv_resample", true),
    numClasses: get<number | null>("num_classes", null) ?? undefined,
    numHeads,
    numHeadChannels: unset(get("num_head_channels", -1)),
    numHeadsUpsample: unset(get("num_heads_upsample", -1)) ?? numHeads,
    useScaleShiftNorm: get("use_scale_shift_norm", false),
    resblockUpdown: get("resblock_updown", false),
    useNewAttentionOrder: get("use_new_attention_order", false),
    superResolution: get<string>("class", "UNetModel") === "SuperResModel",
  };
  requireGroups(config);
  return config;
}

function* problemsOf(given: ReadonlyMap<string, unknown>): Generator<string> {
  for (const [key, value] of given) {
    const keyword = KEYWORDS.get(key);
    if (!keyword) yield `"${key}" is no keyword of the constructor`;
    else if (!keyword.accepts(value)) yield `"${key}" is ${JSON.stringify(value)}, ${keyword.needs} is needed`;
  }
  for (const [key, { needs, required }] of KEYWORDS) {
    if (required && !given.has(key)) yield `"${key}" is missing, ${needs} is needed`;
  }
}

function requireGroups({ channelMult, modelChannels }: GuidedUnetConfig): void {
  for (const mult of channelMult) {
    const channels = Math.trunc(mult * modelChannels);
    if (channels > 0 && channels % NORM_GROUPS === 0) continue;
    throw new RangeError(
      `Cannot read a guided-diffusion configuration: channel_mult ${mult} of ${modelChannels} model_channels gives ` +
        `${channels} channels, a multiple of ${NORM_GROUPS} is needed`,
    );
  }
}
