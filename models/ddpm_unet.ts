/** The DDPM network (Ho et al. 2020): `Model` of the published DDPM, DDIM and SDEdit programs. */
import { checkpoint, type HostTensor, scope, type Tensor } from "../engine/mod.ts";
import { type Features, silu } from "../kernels/mod.ts";
import { ddpmAttentionBlock, ddpmDownsample, ddpmOutput, ddpmResidualBlock, ddpmUpsample } from "./ddpm_blocks.ts";
import type { DdpmUnetConfig } from "./ddpm_unet_config.ts";
import { type DdpmBlock, type DdpmLayer, ddpmUnetLayout } from "./ddpm_unet_layout.ts";
import { type Network, type NetworkInputs, requirePlainInputs } from "./network.ts";
import { ddpmTimestepTable } from "./timestep_table.ts";
import {
  convolutionFeatures,
  embeddingProjections,
  matrix,
  type ParameterLookup,
  type Projection,
} from "./unet_blocks.ts";
import type { Weights } from "./weights.ts";

/**
 * Makes a DDPM network from its configuration and its weights. It runs at all sizes that its downsampling divides, while
 * the published program insists on the training size. `forward` shows `observe` the embedding as `emb`, `conv_in`, each
 * layer (`down.0.block.1`, `mid.attn_1`, `up.2.upsample`) and `conv_out`.
 * @param config the network
 * @param weights its parameters, loaded with `ddpmUnetParameters(config)`
 */
export function ddpmUnet(config: DdpmUnetConfig, weights: Weights): Network {
  const layout = ddpmUnetLayout(config);
  const parameters: ParameterLookup = (name) => weights.constant(name);
  const { downsampling } = layout;

  const embed = (timestepRows: Tensor): Tensor => {
    const first = scope("temb.dense.0", () => matrix(timestepRows, "temb.dense.0", parameters));
    return scope("temb.dense.1", () => matrix(silu(first), "temb.dense.1", parameters));
  };

  return {
    config,
    downsampling,
    timestepTable: (timesteps: ArrayLike<number>): HostTensor => ddpmTimestepTable(timesteps, config.modelChannels),
    forward(x: Tensor, inputs: NetworkInputs): Tensor {
      requirePlainInputs("a DDPM network", { config, downsampling }, x, inputs);
      const { timestepRows, observe, exchange, checkpoint: recomputed = false } = inputs;
      const emb = embed(timestepRows);
      observe?.("emb", emb);
      const residual = [...layout.downBlocks, layout.middleBlock, ...layout.upBlocks].flat()
        .filter(({ kind }) => kind === "residual").map(({ name }) => `${name}.temb_proj`);
      const projections = scope("temb_proj", () => embeddingProjections(emb, residual, parameters));
      const observed = (module: string, features: Features): Features => {
        observe?.(module, features.x);
        return features;
      };
      const run = (block: DdpmBlock, input: readonly Features[]): Features => {
        let h = input;
        for (const layer of block) {
          const condition = projections.get(`${layer.name}.temb_proj`);
          const record = (): Features =>
            scope(layer.name, () => runLayer(layer, h, condition, config, parameters, exchange));
          h = [observed(layer.name, recomputed ? checkpoint(record) : record())];
        }
        return h[0]!;
      };
      const first = scope("conv_in", () => convolutionFeatures(x, "conv_in", parameters));
      const skips = [observed("conv_in", first)];
      for (const block of layout.downBlocks) skips.push(run(block, skips.slice(-1)));
      let h = run(layout.middleBlock, skips.slice(-1));
      for (const block of layout.upBlocks) h = run(block, [h, skips.pop()!]);
      const out = ddpmOutput(h, parameters);
      observe?.("conv_out", out);
      return out;
    },
  };
}

function runLayer(
  layer: DdpmLayer,
  parts: readonly Features[],
  condition: Projection | undefined,
  { convResample }: DdpmUnetConfig,
  parameters: ParameterLookup,
  exchange: NetworkInputs["exchange"],
): Features {
  const own: ParameterLookup = (name) => parameters(`${layer.name}.${name}`);
  const [first] = parts as readonly [Features];
  switch (layer.kind) {
    case "residual":
      return ddpmResidualBlock(parts, condition!, own, layer.outputs);
    case "attention":
      return ddpmAttentionBlock(first, own, exchange && ((queriesAndKeys) => exchange(layer.name, queriesAndKeys)));
    case "downsample":
      return ddpmDownsample(first, own, convResample);
    case "upsample":
      return ddpmUpsample(first, own, convResample);
  }
}
