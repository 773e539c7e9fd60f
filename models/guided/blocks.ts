/** Recording the blocks of guided-diffusion networks, whose layers follow one another. */
import { checkpoint, scope, type Tensor } from "../../engine/mod.ts";
import type { Features } from "../../kernels/mod.ts";
import type { GuidedEncoderConfig } from "./config.ts";
import type { Block, Layer } from "./layout.ts";
import type { NetworkInputs } from "../network.ts";
import { convolutionFeatures, type ParameterLookup } from "../layers.ts";
import { attentionBlock, downsample, embeddingProjections, residualBlock, upsample } from "../unet_blocks.ts";

/** Records a block: on the image, or on the features of one block or two, whose channels follow each other. */
export type GuidedBlockRunner = (block: Block, input: Tensor | readonly Features[]) => Features;

/**
 * What records the blocks of a network.
 * @param config the network
 * @param blocks all its blocks, whose projections of the embedding are computed together
 * @param emb [N, E] embedding of timestep and label
 * @param parameters all parameters of the network
 * @param inputs what is called with the result of each layer and block, and with the queries and keys of attentions, and
 *   whether a reverse pass computes layers again
 */
export function guidedBlockRunner(
  config: GuidedEncoderConfig,
  blocks: readonly Block[],
  emb: Tensor,
  parameters: ParameterLookup,
  { observe, exchange, checkpoint: recomputed = false }: Pick<NetworkInputs, "observe" | "exchange" | "checkpoint">,
): GuidedBlockRunner {
  const residual = blocks.flatMap(({ layers }) => layers).filter(({ kind }) => kind === "residual");
  const projections = scope(
    "emb_layers",
    () => embeddingProjections(emb, residual.map(({ name }) => `${name}.emb_layers.1`), parameters),
  );
  const runLayer = (layer: Layer, input: Tensor | readonly Features[]): Features => {
    const own: ParameterLookup = (name) => parameters(`${layer.name}.${name}`);
    if ("shape" in input) return convolutionFeatures(input, layer.name, parameters);
    const [first] = input as readonly [Features];
    switch (layer.kind) {
      case "convolution":
        return convolutionFeatures(first.x, layer.name, parameters);
      case "residual":
        return residualBlock(input, projections.get(`${layer.name}.emb_layers.1`)!, own, {
          outputChannels: layer.outputs,
          scaleShiftNorm: config.useScaleShiftNorm,
          resample: layer.resample,
        });
      case "attention":
        return attentionBlock(first, own, {
          heads: layer.heads,
          order: config.useNewAttentionOrder ? "new" : "legacy",
          exchange: exchange && ((own) => exchange(layer.name, own)),
        });
      case "downsample":
        return downsample(first, own, config.convResample);
      case "upsample":
        return upsample(first, own, config.convResample);
    }
  };
  return (block, input) => {
    let h = input;
    for (const layer of block.layers) {
      const record = (): Features => scope(layer.name, () => runLayer(layer, h));
      const features = recomputed ? checkpoint(record) : record();
      observe?.(layer.name, features.x);
      h = [features];
    }
    const [features] = h as readonly [Features];
    observe?.(block.name, features.x);
    return features;
  };
}
