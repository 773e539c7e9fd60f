// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** What names and shapes of tensors say about a guided-diffusion network, and what they leave open. */
import { choice, integer, type Parameter } from "../../parameters/mod.ts";
import { blockNumbers, extent } from "../detection.ts";
import type { Description, OpenQuestion, TensorShapes } from "../family.ts";
import { CONSISTENCY_UNET } from "./config.ts";

/** What may be said of a guided-diffusion network whose tensors leave it open. */
export interface GuidedAnswers {
  /** Channels of each attention head. */
  readonly headChannels?: number | undefined;
  /** Heads of each attention. */
  readonly heads?: number | undefined;
  /** How channels of attentions are laid out: head, q|k|v (legacy) or q|k|v, head (new). */
  readonly attentionOrder?: "legacy" | "new" | undefined;
  /** Whether a UNet is given a low-resolution image, where its channels can be read both ways. */
  readonly network?: "unet" | "super-resolution" | undefined;
  /** Levels, where blocks can be counted in several ways. */
  readonly levels?: number | undefined;
}

/** Parameters for some of the answers. */
export type AnswersOf<A, K extends keyof A> = { readonly [N in K]-?: Parameter<A[N] | undefined> };

/** What tensors leave open of every attention. */
export const HEAD_ANSWERS: AnswersOf<GuidedAnswers, "headChannels" | "heads" | "attentionOrder"> = {
  headChannels: integer(undefined, { min: 1, max: 65535 }, "Channels of each attention head"),
  heads: integer(undefined, { min: 1, max: 65535 }, "Heads of each attention, instead of --head-channels"),
  attentionOrder: choice(
    undefined,
    ["legacy", "new"],
    {},
    "Order of attention channels: head, q|k|v (legacy) or q|k|v, head (new)",
  ),
};

/** Heads of some width, on which neither parameters nor cost depend. */
export const ANY_HEADS: Description = { num_head_channels: 1 };

/** The number of levels, where a description says it. */
export function levelsOf({ channel_mult }: Description): number | undefined {
  return (channel_mult as readonly number[] | undefined)?.length;
}

/** Whether tensors are of a guided-diffusion network, with a way up or without. */
function isGuided(tensors: TensorShapes, hasWayUp: boolean): boolean {
  return tensors.has("time_embed.0.weight") && tensors.has("input_blocks.0.0.weight") &&
    blockNumbers(tensors, /^output_blocks\.(\d+)\./).length > 0 === hasWayUp;
}

/**
 * The UNets that tensors can belong to. Two readings of the channels are possible: a network that is given a
 * low-resolution image, or one of twice the channels.
 */
export function* guidedUnets(tensors: TensorShapes): Generator<Description, void> {
  if (!isGuided(tensors, true)) return;
  const inputs = extent(tensors, "input_blocks.0.0.weight", 1);
  const outputs = extent(tensors, "out.2.weight", 0);
  const classes = tensors.get("label_emb.weight")?.[0];
  const single = convolvesAttention(tensors)
    ? { class: CONSISTENCY_UNET, in_channels: inputs, use_new_attention_order: true }
    : { class: "UNetModel", in_channels: inputs };
  const readings = [
    single,
    ...(PICTURES.includes(inputs / 2) ? [{ class: "SuperResModel", in_channels: inputs / 2 }] : []),
  ].filter(({ in_channels }) => outputs === in_channels || outputs === 2 * in_channels);
  for (const { encoder } of encoders(tensors)) {
    for (const reading of readings) {
      yield {
        ...reading,
        out_channels: outputs,
        learn_sigma: outputs === 2 * reading.in_channels,
        ...encoder,
        ...(classes === undefined ? {} : { num_classes: classes }),
      };
    }
  }
}

/** Channels of gray and coloured pictures, of which there are networks that make them larger. */
const PICTURES: readonly number[] = [1, 3];

/** Whether attention is stored as convolutions of images, which only consistency_models does. */
function convolvesAttention(tensors: TensorShapes): boolean {
  return tensors.entries().some(([name, shape]) => name.endsWith(".qkv.weight") && shape.length === 4);
}

/** How the published files of consistency_models begin, by what their networks are. */
const PUBLISHED_NAMES = { edm: "edm", cd: "consistency", ct: "consistency" } as const;

/**
 * What a UNet is trained with, as far as its class and the name of its file tell: those of consistency_models are given
 * noise levels, and nothing in a file tells whether they are EDM networks or consistency networks.
 */
export function guidedProcess({ class: name }: Description, fileName: string): Description {
  if (name !== CONSISTENCY_UNET) return {};
  const [, kind] = /(?:^|[^a-z0-9])(edm|cd|ct)[_.-]/i.exec(fileName) ?? [];
  const told = PUBLISHED_NAMES[kind?.toLowerCase() as keyof typeof PUBLISHED_NAMES];
  return told === undefined ? {} : { prediction_type: told, noise_input: "openai" };
}

/** What must still be said of a UNet. */
export function* guidedQuestions(description: Description, tensors: TensorShapes): Generator<OpenQuestion, void> {
  yield* headQuestions(description, tensors);
  if (description.class !== CONSISTENCY_UNET || description.prediction_type !== undefined) return;
  yield { options: ["predictionType"], what: "what the network predicts", choices: "edm or consistency" };
}

/** The classifiers that tensors can belong to; their levels may be open, as downsampling blocks look like others. */
export function* guidedClassifiers(tensors: TensorShapes): Generator<Description, void> {
  if (!isGuided(tensors, false)) return;
  const embedding = tensors.get("out.2.positional_embedding");
  for (const { encoder, levels } of encoders(tensors)) {
    const inputs = { class: "EncoderUNetModel", in_channels: extent(tensors, "input_blocks.0.0.weight", 1) };
    const head = embedding
      ? {
        pool: "attention",
        out_channels: extent(tensors, "out.2.c_proj.weight", 0),
        image_size: Math.sqrt(embedding[1]! - 1) * 2 ** (levels - 1),
      }
      : tensors.get("out.3.weight")?.length === 4
      ? { pool: "adaptive", out_channels: extent(tensors, "out.3.weight", 0) }
      : tensors.has("out.3.weight")
      ? { pool: "spatial_v2", out_channels: extent(tensors, "out.3.weight", 0) }
      : { pool: "spatial", out_channels: extent(tensors, "out.2.weight", 0) };
    yield { ...inputs, ...head, ...encoder };
  }
}

/** The ways down that fit the input blocks: 1 + L n + (L - 1) blocks are L levels of n residual blocks. */
function* encoders(
  tensors: TensorShapes,
): Generator<{ readonly encoder: Description; readonly levels: number }, void> {
  const numbers = blockNumbers(tensors, /^input_blocks\.(\d+)\./);
  const count = numbers.at(-1)! + 1;
  const width = extent(tensors, "time_embed.0.weight", 1);
  const convolves = tensors.keys().some((name) => /^input_blocks\.\d+\.0\.op\.weight$/.test(name));
  for (let levels = 1; 2 * levels <= count; levels++) {
    const step = count / levels;
    if (!Number.isInteger(step)) continue;
    const first = Array.from({ length: levels }, (_, level) => `input_blocks.${1 + level * step}`);
    const channels = first.map((block) => tensors.get(`${block}.0.out_layers.3.weight`)?.[0]);
    if (!channels.every((value) => value !== undefined)) continue;
    const resblock_updown = !convolves && numbers.length === count && levels > 1;
    const encoder = {
      model_channels: width,
      num_res_blocks: step - 1,
      channel_mult: channels.map((value) => multiple(value, width)),
      attention_resolutions: first.flatMap((block, level) => tensors.has(`${block}.1.qkv.weight`) ? [2 ** level] : []),
      use_scale_shift_norm: tensors.get("input_blocks.1.0.emb_layers.1.weight")?.[0] === 2 * channels[0]!,
      resblock_updown,
      // Blocks without parameters leave a gap in the numbers.
      ...(resblock_updown || levels === 1 ? {} : { conv_resample: convolves }),
    };
    yield { encoder, levels };
  }
}

/** The factor by which the constructor multiplies the width, and cuts to an integer. */
function multiple(channels: number, width: number): number {
  const exact = channels / width;
  return Math.trunc(exact * width) === channels ? exact : (channels + 0.5) / width;
}

/** Channels of all attentions, which the heads divide. */
function attentionChannels(tensors: TensorShapes): readonly number[] {
  const found = Array.from(tensors, ([name, shape]) => /\.(proj_out|c_proj)\.weight$/.test(name) ? shape[1]! : 0);
  return [...new Set(found)].filter((channels) => channels > 0).sort((a, b) => a - b);
}

/**
 * The keywords that answers about heads stand for.
 * @throws {RangeError} if they contradict each other or the tensors
 */
export function headKeywords(
  { heads, headChannels, attentionOrder }: GuidedAnswers,
  { pool }: Description,
  tensors: TensorShapes,
): Description {
  if (heads !== undefined && headChannels !== undefined) {
    throw new RangeError("heads and channels of a head are given, one of the two is needed");
  }
  const odd = attentionChannels(tensors).find((channels) => channels % (heads ?? headChannels ?? 1) !== 0);
  if (odd !== undefined) {
    const found = heads === undefined ? `heads of ${headChannels} channels are` : `${heads} heads are`;
    throw new RangeError(`${found} wanted, an attention has ${odd} channels`);
  }
  if (heads !== undefined && pool === "attention") {
    throw new RangeError(`${heads} heads are wanted, an attention pool needs the channels of a head`);
  }
  return {
    ...(heads === undefined ? {} : { num_heads: heads, num_head_channels: -1 }),
    ...(headChannels === undefined ? {} : { num_head_channels: headChannels }),
    ...(attentionOrder === undefined ? {} : { use_new_attention_order: attentionOrder === "new" }),
  };
}

/** What must still be said of the heads of a network. */
export function* headQuestions(
  { num_heads: heads, num_head_channels: width, use_new_attention_order: order, pool }: Description,
  tensors: TensorShapes,
): Generator<OpenQuestion, void> {
  const channels = attentionChannels(tensors);
  const known = heads !== undefined || width !== undefined;
  if (!known) {
    const smallest = channels[0] ?? 1;
    const divisors = Array.from({ length: smallest }, (_, k) => k + 1).filter((k) =>
      channels.every((c) => c % k === 0)
    );
    const choices = `a divisor of ${channels.join(" and ")}, often ${
      divisors.includes(64) ? 64 : divisors.at(-1)
    } channels`;
    const options = pool === "attention" ? ["headChannels"] as const : ["headChannels", "heads"] as const;
    yield { options, what: "channels of an attention head, or number of heads", choices };
  }
  // With a single head both orders are the same.
  const single = known && (typeof width === "number" && width > 0 ? channels.every((c) => c === width) : heads === 1);
  if (order === undefined && !single) {
    yield { options: ["attentionOrder"], what: "order of attention channels", choices: "legacy or new" };
  }
}
