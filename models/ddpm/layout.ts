/** How a DDPM network is put together: its modules in order, and the parameters that follow from them. */
import type { Resample } from "../../kernels/mod.ts";
import { ddpmAttentionParameters } from "./blocks.ts";
import type { DdpmUnetConfig } from "./config.ts";
import { DDPM_FORM, type UnetForm } from "./form.ts";
import { convolutionParameters, matrixParameters, type NamedParameter, type Norm, normParameters } from "../layers.ts";
import { residualBlockParameters } from "../unet_blocks.ts";
import type { Parameter } from "../weights.ts";

/** What a layer of any kind has. */
interface AnyLayer {
  /** Module name, such as `down.3.block.0`. */
  readonly name: string;
  /** Module that ends with the layer, where one of several layers has a name. */
  readonly ends?: string;
  /** What the sum with the residual is divided by; 1 where it is left out. */
  readonly divisor?: number;
}

/** A residual block. */
export interface DdpmResidual extends AnyLayer {
  readonly kind: "residual";
  readonly inputs: number;
  readonly outputs: number;
  /** Whether it doubles or halves the image; it does neither where this is left out. */
  readonly resample?: Resample;
}

/** Self-attention over all pixels. */
export interface DdpmAttention extends AnyLayer {
  readonly kind: "attention";
  readonly channels: number;
  readonly heads: number;
  /** How its norm divides; undefined where it has none. */
  readonly norm: Norm | undefined;
}

/** A layer that halves or doubles the image outside residual blocks. */
export interface DdpmResampling extends AnyLayer {
  readonly kind: "downsample" | "upsample";
  readonly channels: number;
}

/** One layer of a network. */
export type DdpmLayer = DdpmResidual | DdpmAttention | DdpmResampling;

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
  /** Channels of the sinusoids and of what `conv_in` gives. */
  readonly modelChannels: number;
  /** Channels of the embedding: 4 modelChannels, unless a configuration says otherwise. */
  readonly embeddingChannels: number;
  /** Channels that the last norm and `conv_out` read. */
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
    attends ? [residual, { kind: "attention", name, channels, heads: 1, norm: DDPM_FORM.norm }] : [residual];
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
    modelChannels,
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
  return new Map(unetParameters(ddpmUnetLayout(config), ddpmForm(config), config));
}

/** How the layers of a DDPM network are called and built. */
export function ddpmForm({ convResample }: DdpmUnetConfig): UnetForm {
  return { ...DDPM_FORM, convResample };
}

/** All layers of a network in the order in which they run, but `conv_in` and `conv_out`. */
export function layersOf({ downBlocks, middleBlock, upBlocks }: DdpmUnetLayout): readonly DdpmLayer[] {
  return [...downBlocks, middleBlock, ...upBlocks].flat();
}

/**
 * The parameters of the layers of a network.
 * @param layout its layers
 * @param form their names
 * @param channels of the image and the result, and the number of classes if there are any
 */
export function* unetParameters(
  layout: DdpmUnetLayout,
  form: UnetForm,
  { inChannels, outChannels, numClasses = 0 }: {
    readonly inChannels: number;
    readonly outChannels: number;
    readonly numClasses?: number | undefined;
  },
): Generator<NamedParameter, void> {
  const [first, second] = form.embedding;
  yield* matrixParameters(first, layout.modelChannels, layout.embeddingChannels);
  yield* matrixParameters(second, layout.embeddingChannels, layout.embeddingChannels);
  if (form.classes !== undefined) {
    yield [`${form.classes}.weight`, { shape: [numClasses, layout.embeddingChannels], layout: "plain" }];
  }
  yield* convolutionParameters("conv_in", inChannels, layout.modelChannels, 3);
  for (const layer of layersOf(layout)) {
    for (const [name, parameter] of layerParameters(layer, layout.embeddingChannels, form)) {
      yield [`${layer.name}.${name}`, parameter];
    }
  }
  yield* normParameters(form.lastNorm, layout.headChannels);
  yield* convolutionParameters("conv_out", layout.headChannels, outChannels, 3);
}

function* layerParameters(
  layer: DdpmLayer,
  embeddingChannels: number,
  { residual, attention, scaleShiftNorm, convResample }: UnetForm,
): Generator<NamedParameter, void> {
  if (layer.kind === "residual") {
    const { inputs, outputs } = layer;
    const channels = { inputChannels: inputs, outputChannels: outputs, embeddingChannels };
    yield* residualBlockParameters({ ...channels, scaleShiftNorm }, residual);
  } else if (layer.kind === "attention") {
    yield* ddpmAttentionParameters(layer.channels, attention, layer.norm !== undefined);
  } else if (convResample) {
    yield* convolutionParameters("conv", layer.channels, layer.channels, 3);
  }
}
