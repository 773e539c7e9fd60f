// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** What names and shapes of a checkpoint's tensors say about its network, and no more than that. */
import type { Shape } from "../engine/mod.ts";
import type { Description } from "./model_description.ts";

/** The shapes of a checkpoint's tensors by name. */
export type TensorShapes = ReadonlyMap<string, Shape>;

/**
 * The networks that tensors of these names and shapes can belong to, each described as far as names and shapes go; none
 * if they are of no known architecture. The caller compares the parameters of each with the tensors, since only the
 * tensors that the structure shows in are looked at here.
 *
 * Open is always: schedule, number of diffusion steps, range of values, order and number of attention heads, and the
 * training size (except where a classifier's attention pool fixes it). Several candidates come of two readings of the
 * channels (a network that is given a low-resolution image, or one of twice the channels), or of the levels of a
 * classifier, whose downsampling blocks look like others.
 * @param tensors shapes by name
 */
export function detectArchitecture(tensors: TensorShapes): readonly Description[] {
  if (tensors.has("time_embed.0.weight") && tensors.has("input_blocks.0.0.weight")) {
    return blockNumbers(tensors, /^output_blocks\.(\d+)\./).length > 0
      ? [...guidedUnets(tensors)]
      : [...guidedClassifiers(tensors)];
  }
  return tensors.has("temb.dense.0.weight") && tensors.has("conv_in.weight") ? [ddpm(tensors)] : [];
}

function* guidedUnets(tensors: TensorShapes): Generator<Description, void> {
  const inputs = extent(tensors, "input_blocks.0.0.weight", 1);
  const outputs = extent(tensors, "out.2.weight", 0);
  const classes = tensors.get("label_emb.weight")?.[0];
  const readings = [
    { class: "UNetModel", in_channels: inputs },
    { class: "SuperResModel", in_channels: inputs / 2 },
  ].filter(({ in_channels }) => outputs === in_channels || outputs === 2 * in_channels);
  for (const { encoder } of encoders(tensors)) {
    for (const reading of readings) {
      yield {
        architecture: "guided-diffusion",
        ...reading,
        out_channels: outputs,
        learn_sigma: outputs === 2 * reading.in_channels,
        ...encoder,
        ...(classes === undefined ? {} : { num_classes: classes }),
      };
    }
  }
}

function* guidedClassifiers(tensors: TensorShapes): Generator<Description, void> {
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
    yield { architecture: "guided-diffusion-classifier", ...inputs, ...head, ...encoder };
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

function ddpm(tensors: TensorShapes): Description {
  const levels = blockNumbers(tensors, /^down\.(\d+)\./);
  const blocks = blockNumbers(tensors, /^down\.0\.block\.(\d+)\./);
  const width = extent(tensors, "temb.dense.0.weight", 1);
  const [inputs, outputs] = [extent(tensors, "conv_in.weight", 1), extent(tensors, "conv_out.weight", 0)];
  return {
    architecture: "ddpm",
    class: "Model",
    in_channels: inputs,
    out_ch: outputs,
    learn_sigma: outputs === 2 * inputs,
    ch: width,
    ch_mult: levels.map((level) => extent(tensors, `down.${level}.block.0.conv2.weight`, 0) / width),
    num_res_blocks: blocks.length,
    resamp_with_conv: levels.length === 1 || tensors.has("down.0.downsample.conv.weight"),
  };
}

/** The levels of a DDPM network that attend; their image sizes follow when the training size is known. */
export function ddpmAttentionLevels(tensors: TensorShapes): readonly number[] {
  return blockNumbers(tensors, /^down\.(\d+)\.attn\./);
}

/** Channels of all attentions, which the heads divide. */
export function attentionChannels(tensors: TensorShapes): readonly number[] {
  const found = Array.from(tensors, ([name, shape]) => /\.(proj_out|c_proj)\.weight$/.test(name) ? shape[1]! : 0);
  return [...new Set(found)].filter((channels) => channels > 0).sort((a, b) => a - b);
}

/** The different numbers that a pattern finds in the names, ascending. */
function blockNumbers(tensors: TensorShapes, pattern: RegExp): readonly number[] {
  const found = tensors.keys().map((name) => pattern.exec(name)?.[1]).filter((digits) => digits !== undefined);
  return [...new Set(found.map(Number))].sort((a, b) => a - b);
}

/** One extent of a tensor; NaN, which fits nothing, where there is no such tensor. */
function extent(tensors: TensorShapes, name: string, axis: number): number {
  return tensors.get(name)?.[axis] ?? NaN;
}
