// deno-lint-ignore-file camelcase -- values of keywords keep their published spelling
/** How a UNet2DModel is put together: its modules in order, by the names that diffusers gives them. */
import type { Resample } from "../../kernels/mod.ts";
import { type AttentionNames, DDPM_FORM, RIGHT_AND_BOTTOM, type UnetForm } from "../ddpm/form.ts";
import type { DdpmBlock, DdpmLayer, DdpmUnetLayout } from "../ddpm/layout.ts";
import type { Description } from "../family.ts";
import type { Norm } from "../layers.ts";
import type { AttentionNaming, DiffusersUnetConfig } from "./config.ts";

/** What the parts of attentions are called; the library renames the first names to the others as it loads a file. */
const ATTENTIONS: Readonly<Record<AttentionNaming, AttentionNames>> = {
  to_q: { norm: "group_norm", queries: "to_q", keys: "to_k", values: "to_v", out: "to_out.0", matrices: true },
  query: { norm: "group_norm", queries: "query", keys: "key", values: "value", out: "proj_attn", matrices: true },
};

/**
 * How the layers of attentions are called in a checkpoint, as a keyword; nothing where it is as in new ones.
 * @param names of its tensors
 */
export function attentionNaming(names: readonly string[]): Description {
  return names.some((name) => name.endsWith(`.${ATTENTIONS.query.queries}.weight`)) ? { attention_names: "query" } : {};
}

/** How the layers of a network are called and built. */
export function diffusersForm(config: DiffusersUnetConfig): UnetForm {
  const { norm } = config;
  return {
    ...DDPM_FORM,
    embedding: ["time_embedding.linear_1", "time_embedding.linear_2"],
    ...(config.numClasses === undefined ? {} : { classes: "class_embedding" }),
    residual: { ...DDPM_FORM.residual, condition: "time_emb_proj", skip: "conv_shortcut", norm },
    attention: ATTENTIONS[config.attentionNames],
    lastNorm: "conv_norm_out",
    norm,
    scaleShiftNorm: config.scaleShiftNorm,
    downsamplePadding: config.symmetricPadding ? { top: 1, left: 1, bottom: 1, right: 1 } : RIGHT_AND_BOTTOM,
  };
}

/**
 * The modules of a network in the order in which they run. The layers of `down_blocks`, `mid_block` and `up_blocks` are
 * those of the DDPM network; up blocks count from the smallest level.
 * @param config the network
 */
export function diffusersLayout(config: DiffusersUnetConfig): DdpmUnetLayout {
  const { levels, numResBlocks, middle, modelChannels, embeddingChannels, headChannels } = config;
  let channels = modelChannels;
  const skips = [channels];
  const residual = (name: string, inputs: number, outputs: number, resample: Resample = "none"): DdpmLayer => {
    channels = outputs;
    return { kind: "residual", name, inputs, outputs, resample };
  };
  const attention = (name: string, norm: Norm | undefined): DdpmLayer => ({
    kind: "attention",
    name,
    channels,
    heads: headChannels === undefined ? 1 : channels / headChannels,
    norm,
  });

  const downBlocks = levels.flatMap((level, l) => {
    const name = `down_blocks.${l}`;
    const blocks: DdpmLayer[][] = [];
    for (let i = 0; i < numResBlocks; i++) {
      const block = [residual(`${name}.resnets.${i}`, channels, level.channels)];
      if (level.attends.down) block.push(attention(`${name}.attentions.${i}`, config.norm));
      blocks.push(block);
    }
    if (l < levels.length - 1) {
      const sampler = `${name}.downsamplers.0`;
      blocks.push([
        level.resampling.down === "resnet"
          ? residual(sampler, channels, channels, "down")
          : { kind: "downsample", name: sampler, channels },
      ]);
    }
    skips.push(...blocks.map(() => channels));
    return ending(blocks, name);
  });

  const within: DdpmLayer[] = [];
  if (middle) {
    within.push(residual("mid_block.resnets.0", channels, channels));
    if (middle.attends) within.push(attention("mid_block.attentions.0", middle.norm));
    within.push(residual("mid_block.resnets.1", channels, channels));
  }
  const divided = within.map((layer) => ({ ...layer, divisor: middle!.divisor }));
  const [middleBlock = []] = ending([divided], "mid_block");

  const upBlocks = levels.toReversed().flatMap((level, l) => {
    const name = `up_blocks.${l}`;
    const blocks: DdpmLayer[][] = [];
    for (let i = 0; i <= numResBlocks; i++) {
      const block = [residual(`${name}.resnets.${i}`, channels + skips.pop()!, level.channels)];
      if (level.attends.up) block.push(attention(`${name}.attentions.${i}`, config.norm));
      blocks.push(block);
    }
    if (l < levels.length - 1) {
      const sampler = `${name}.upsamplers.0`;
      blocks.at(-1)!.push(
        level.resampling.up === "resnet"
          ? residual(sampler, channels, channels, "up")
          : { kind: "upsample", name: sampler, channels },
      );
    }
    return ending(blocks, name);
  });
  return {
    downBlocks,
    middleBlock,
    upBlocks,
    modelChannels,
    embeddingChannels,
    headChannels: channels,
    downsampling: 2 ** (levels.length - 1),
  };
}

/** Blocks of which the last layer ends a module. */
function ending(blocks: readonly DdpmBlock[], name: string): readonly DdpmBlock[] {
  return blocks.map((block, b) =>
    block.map((layer, i) => b === blocks.length - 1 && i === block.length - 1 ? { ...layer, ends: name } : layer)
  );
}
