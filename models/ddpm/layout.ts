/** How a DDPM network is put together: its modules in order, and the parameters that follow from them. */
import { ddpmAttentionParameters, RESIDUAL } from "./blocks.ts";
import type { DdpmUnetConfig } from "./config.ts";
import { convolutionParameters, matrixParameters, type NamedParameter, normParameters } from "../layers.ts";
import { residualBlockParameters } from "../unet_blocks.ts";
import type { Parameter } from "../weights.ts";

/** One layer; `name` is its module name, such as `down.3.block.0`. */
export type DdpmLayer =
  | { readonly kind: "residual"; readonly name: string; readonly inputs: number; readonly outputs: number }
  | { readonly kind: "attention" | "downsample" | "upsample"; readonly name: string; readonly channels: number };

/** Layers that run one after another. */
export type DdpmBlock = readonly DdpmLayer[];

/**
 * The layers of a network: what `conv_in` and each down block give is kept, and joined to the input of the up blocks,
 * the last first.
 */
export interface DdpmUnetLayout {
  readonly downBlocks: readonly DdpmBlock[];
  readonly middleBlock: DdpmBlock;
  readonly upBlocks: readonly DdpmBlock[];
  /** Channels of the embedding: 4 modelChannels. */
  readonly embeddingChannels: number;
  /** Channels that `norm_out` and `conv_out` read. */
  readonly headChannels: number;
  /** Factor by which the smallest level is smaller than the image; heights and widths are multiples of it. */
  readonly downsampling: number;
}

/**
 * The modules of a network in the order in which they run. Attention follows the blocks of a level if the size of that
 * level, for images of the training size, is among the `attentionResolutions`.
 * @param config the network
 */
export function ddpmUnetLayout(config: DdpmUnetConfig): DdpmUnetLayout {
  const { channelMult, modelChannels, numResBlocks } = config;
  const levels = channelMult.map((mult, level) => ({
    level,
    channels: mult * modelChannels,
    attends: config.attentionResolutions.includes(Math.floor(config.imageSize / 2 ** level)),
    isLast: level === channelMult.length - 1,
  }));
  let channels = modelChannels;
  const skips = [channels];
  const withAttention = (attends: boolean, name: string, residual: DdpmLayer): DdpmLayer[] =>
    attends ? [residual, { kind: "attention", name, channels }] : [residual];
  const residual = (name: string, inputs: number, outputs: number): DdpmLayer => {
    channels = outputs;
    return { kind: "residual", name, inputs, outputs };
  };

  const downBlocks: DdpmBlock[] = [];
  for (const { level, channels: outputs, attends, isLast } of levels) {
    for (let i = 0; i < numResBlocks; i++) {
      const layer = residual(`down.${level}.block.${i}`, channels, outputs);
      downBlocks.push(withAttention(attends, `down.${level}.attn.${i}`, layer));
      skips.push(channels);
    }
    if (isLast) continue;
    downBlocks.push([{ kind: "downsample", name: `down.${level}.downsample`, channels }]);
    skips.push(channels);
  }
  const middleBlock = [
    ...withAttention(true, "mid.attn_1", residual("mid.block_1", channels, channels)),
    residual("mid.block_2", channels, channels),
  ];
  const upBlocks: DdpmBlock[] = [];
  for (const { level, channels: outputs, attends } of levels.toReversed()) {
    for (let i = 0; i <= numResBlocks; i++) {
      const layer = residual(`up.${level}.block.${i}`, channels + skips.pop()!, outputs);
      const block = withAttention(attends, `up.${level}.attn.${i}`, layer);
      if (level > 0 && i === numResBlocks) {
        block.push({ kind: "upsample", name: `up.${level}.upsample`, channels });
      }
      upBlocks.push(block);
    }
  }
  return {
    downBlocks,
    middleBlock,
    upBlocks,
    embeddingChannels: 4 * modelChannels,
    headChannels: channels,
    downsampling: 2 ** (levels.length - 1),
  };
}

/**
 * The parameters of a network by checkpoint name, with the shapes and layouts that a checkpoint must have.
 * @param config the network
 */
export function ddpmUnetParameters(config: DdpmUnetConfig): Map<string, Parameter> {
  return new Map(parametersOf(config));
}

function* parametersOf(config: DdpmUnetConfig): Generator<NamedParameter, void> {
  const layout = ddpmUnetLayout(config);
  yield* matrixParameters("temb.dense.0", config.modelChannels, layout.embeddingChannels);
  yield* matrixParameters("temb.dense.1", layout.embeddingChannels, layout.embeddingChannels);
  yield* convolutionParameters("conv_in", config.inChannels, config.modelChannels, 3);
  for (const layer of [...layout.downBlocks, layout.middleBlock, ...layout.upBlocks].flat()) {
    for (const [name, parameter] of layerParameters(layer, layout.embeddingChannels, config)) {
      yield [`${layer.name}.${name}`, parameter];
    }
  }
  yield* normParameters("norm_out", layout.headChannels);
  yield* convolutionParameters("conv_out", layout.headChannels, config.outChannels, 3);
}

function* layerParameters(
  layer: DdpmLayer,
  embeddingChannels: number,
  { convResample }: DdpmUnetConfig,
): Generator<NamedParameter, void> {
  if (layer.kind === "residual") {
    const { inputs, outputs } = layer;
    const channels = { inputChannels: inputs, outputChannels: outputs, embeddingChannels };
    yield* residualBlockParameters({ ...channels, scaleShiftNorm: false }, RESIDUAL);
  } else if (layer.kind === "attention") {
    yield* ddpmAttentionParameters(layer.channels);
  } else if (convResample) {
    yield* convolutionParameters("conv", layer.channels, layer.channels, 3);
  }
}
