/** How a guided-diffusion UNet is put together: its modules in order, and the parameters that follow from them. */
import type { Resample } from "../../kernels/mod.ts";
import type { GuidedEncoderConfig, GuidedUnetConfig } from "./config.ts";
import { convolutionParameters, matrixParameters, type NamedParameter, normParameters } from "../layers.ts";
import { attentionBlockParameters, residualBlockParameters } from "../unet_blocks.ts";
import type { Parameter } from "../weights.ts";

/** One layer of a block; `name` is its module name, such as `input_blocks.3.0`. */
export type Layer =
  | { readonly kind: "convolution"; readonly name: string; readonly inputs: number; readonly outputs: number }
  | {
    readonly kind: "residual";
    readonly name: string;
    readonly inputs: number;
    readonly outputs: number;
    readonly resample: Resample;
  }
  | { readonly kind: "attention"; readonly name: string; readonly channels: number; readonly heads: number }
  | { readonly kind: "downsample" | "upsample"; readonly name: string; readonly channels: number };

/** Layers that run one after another and count as one module, such as `input_blocks.3`. */
export interface Block {
  /** What stands before the names of its parameters. */
  readonly name: string;
  /** Its layers in order. */
  readonly layers: readonly Layer[];
}

/** The blocks of the way down and the middle. */
export interface GuidedEncoderLayout {
  /** The way down, from the full size. */
  readonly inputBlocks: readonly Block[];
  /** Channels that leave each input block. */
  readonly inputBlockChannels: readonly number[];
  /** What stands between the ways. */
  readonly middleBlock: Block;
  /** Channels that leave the middle block. */
  readonly middleChannels: number;
  /** Channels of the embedding: 4 modelChannels. */
  readonly embeddingChannels: number;
  /** Factor by which the smallest level is smaller than the image; heights and widths are multiples of it. */
  readonly downsampling: number;
}

/** The blocks of a UNet: the result of input block k is joined to the input of the k-th last output block. */
export interface GuidedUnetLayout extends GuidedEncoderLayout {
  /** The way up, from the smallest level. */
  readonly outputBlocks: readonly Block[];
  /** Channels that the head `out` reads. */
  readonly headChannels: number;
}

/** Collects the layers of one block, so that each knows its number. */
class BlockBuilder implements Block {
  readonly layers: Layer[] = [];
  readonly #config: GuidedEncoderConfig;

  constructor(readonly name: string, config: GuidedEncoderConfig) {
    this.#config = config;
  }

  get #next(): string {
    return `${this.name}.${this.layers.length}`;
  }

  convolution(inputs: number, outputs: number): this {
    this.layers.push({ kind: "convolution", name: this.#next, inputs, outputs });
    return this;
  }

  residual(inputs: number, outputs: number, resample: Resample = "none"): this {
    this.layers.push({ kind: "residual", name: this.#next, inputs, outputs, resample });
    return this;
  }

  attention(channels: number, fixedHeads: number): this {
    const width = this.#config.numHeadChannels;
    const heads = width === undefined ? fixedHeads : channels / width;
    if (!Number.isInteger(heads) || channels % heads !== 0) {
      const wanted = width === undefined ? `${fixedHeads} heads` : `heads of ${width} channels`;
      throw new RangeError(
        `Cannot build a guided UNet at "${this.#next}": ${channels} channels do not divide into ${wanted}`,
      );
    }
    this.layers.push({ kind: "attention", name: this.#next, channels, heads });
    return this;
  }

  resampling(kind: "downsample" | "upsample", channels: number): this {
    if (this.#config.resblockUpdown) return this.residual(channels, channels, kind === "upsample" ? "up" : "down");
    this.layers.push({ kind, name: this.#next, channels });
    return this;
  }
}

interface Level {
  readonly channels: number;
  readonly attends: boolean;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

function levelsOf({ channelMult, modelChannels, attentionResolutions }: GuidedEncoderConfig): readonly Level[] {
  return channelMult.map((mult, level) => ({
    channels: Math.trunc(mult * modelChannels),
    attends: attentionResolutions.includes(2 ** level),
    isFirst: level === 0,
    isLast: level === channelMult.length - 1,
  }));
}

/**
 * The modules of the way down and the middle in the order in which they run.
 * @param config the network
 * @param inputs channels that go in
 * @throws {RangeError} if an attention's channels do not divide into its heads
 */
export function guidedEncoderLayout(config: GuidedEncoderConfig, inputs: number): GuidedEncoderLayout {
  const levels = levelsOf(config);
  let channels = levels[0]!.channels;
  const inputBlocks = [new BlockBuilder("input_blocks.0", config).convolution(inputs, channels)];
  const inputBlockChannels = [channels];
  const pushInput = (): BlockBuilder => {
    const block = new BlockBuilder(`input_blocks.${inputBlocks.length}`, config);
    inputBlocks.push(block);
    return block;
  };
  for (const level of levels) {
    for (let i = 0; i < config.numResBlocks; i++) {
      const block = pushInput().residual(channels, level.channels);
      channels = level.channels;
      if (level.attends) block.attention(channels, config.numHeads);
      inputBlockChannels.push(channels);
    }
    if (!level.isLast) {
      pushInput().resampling("downsample", channels);
      inputBlockChannels.push(channels);
    }
  }
  const middleBlock = new BlockBuilder("middle_block", config)
    .residual(channels, channels).attention(channels, config.numHeads).residual(channels, channels);
  return {
    inputBlocks,
    inputBlockChannels,
    middleBlock,
    middleChannels: channels,
    embeddingChannels: 4 * config.modelChannels,
    downsampling: 2 ** (levels.length - 1),
  };
}

/**
 * The modules of a network in the order in which they run.
 * @param config the network
 * @throws {RangeError} if an attention's channels do not divide into its heads
 */
export function guidedUnetLayout(config: GuidedUnetConfig): GuidedUnetLayout {
  const encoder = guidedEncoderLayout(config, config.superResolution ? 2 * config.inChannels : config.inChannels);
  const skips = [...encoder.inputBlockChannels];
  let channels = encoder.middleChannels;
  const outputBlocks: BlockBuilder[] = [];
  for (const level of levelsOf(config).toReversed()) {
    for (let i = 0; i <= config.numResBlocks; i++) {
      const block = new BlockBuilder(`output_blocks.${outputBlocks.length}`, config)
        .residual(channels + skips.pop()!, level.channels);
      channels = level.channels;
      if (level.attends) block.attention(channels, config.numHeadsUpsample);
      if (!level.isFirst && i === config.numResBlocks) block.resampling("upsample", channels);
      outputBlocks.push(block);
    }
  }
  return { ...encoder, outputBlocks, headChannels: channels };
}

/**
 * The parameters of a network by checkpoint name in PyTorch's order, with the shapes and layouts that a checkpoint must
 * have.
 * @param config the network
 * @throws {RangeError} if an attention's channels do not divide into its heads
 */
export function guidedUnetParameters(config: GuidedUnetConfig): Map<string, Parameter> {
  return new Map(parametersOf(config));
}

function* parametersOf(config: GuidedUnetConfig): Generator<NamedParameter, void> {
  const layout = guidedUnetLayout(config);
  yield* timeParameters(config, layout);
  if (config.numClasses !== undefined) {
    yield ["label_emb.weight", { shape: [config.numClasses, layout.embeddingChannels], layout: "plain" }];
  }
  yield* blockParameters([...layout.inputBlocks, layout.middleBlock, ...layout.outputBlocks], config, layout);
  yield* normParameters("out.0", layout.headChannels);
  yield* convolutionParameters("out.2", layout.headChannels, config.outChannels, 3);
}

/**
 * The parameters of the time embedding, the way down and the middle, in PyTorch's order.
 * @param config the network
 * @param layout its modules
 */
export function* guidedEncoderParameters(
  config: GuidedEncoderConfig,
  layout: GuidedEncoderLayout,
): Generator<NamedParameter, void> {
  yield* timeParameters(config, layout);
  yield* blockParameters([...layout.inputBlocks, layout.middleBlock], config, layout);
}

function* timeParameters(
  { modelChannels }: GuidedEncoderConfig,
  { embeddingChannels }: GuidedEncoderLayout,
): Generator<NamedParameter, void> {
  yield* matrixParameters("time_embed.0", modelChannels, embeddingChannels);
  yield* matrixParameters("time_embed.2", embeddingChannels, embeddingChannels);
}

function* blockParameters(
  blocks: readonly Block[],
  config: GuidedEncoderConfig,
  { embeddingChannels }: GuidedEncoderLayout,
): Generator<NamedParameter, void> {
  for (const { layers } of blocks) {
    for (const layer of layers) yield* layerParameters(layer, embeddingChannels, config);
  }
}

function* layerParameters(
  layer: Layer,
  embeddingChannels: number,
  config: GuidedEncoderConfig,
): Generator<NamedParameter, void> {
  if (layer.kind === "convolution") {
    yield* convolutionParameters(layer.name, layer.inputs, layer.outputs, 3);
  } else if (layer.kind === "residual") {
    yield* inside(
      layer.name,
      residualBlockParameters({
        inputChannels: layer.inputs,
        outputChannels: layer.outputs,
        embeddingChannels,
        scaleShiftNorm: config.useScaleShiftNorm,
      }),
    );
  } else if (layer.kind === "attention") {
    yield* inside(layer.name, attentionBlockParameters(layer.channels, config.convolvesAttention ? [1, 1] : [1]));
  } else if (config.convResample) {
    const name = `${layer.name}.${layer.kind === "downsample" ? "op" : "conv"}`;
    yield* convolutionParameters(name, layer.channels, layer.channels, 3);
  }
}

function* inside(name: string, parameters: Iterable<NamedParameter>): Generator<NamedParameter, void> {
  for (const [inner, parameter] of parameters) yield [`${name}.${inner}`, parameter];
}
