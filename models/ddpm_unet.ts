/** The DDPM network (Ho et al. 2020): `Model` of the published DDPM, DDIM and SDEdit programs. */
import { type HostTensor, scope, type Tensor } from "../engine/mod.ts";
import { concatChannels, silu } from "../kernels/mod.ts";
import { ddpmAttentionBlock, ddpmDownsample, ddpmNorm, ddpmResidualBlock, ddpmUpsample } from "./ddpm_blocks.ts";
import type { DdpmUnetConfig } from "./ddpm_unet_config.ts";
import { type DdpmBlock, type DdpmLayer, ddpmUnetLayout } from "./ddpm_unet_layout.ts";
import { type Network, type NetworkInputs, requirePlainInputs } from "./network.ts";
import { ddpmTimestepTable } from "./timestep_table.ts";
import { convolution, matrix, type ParameterLookup } from "./unet_blocks.ts";
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
      const { timestepRows, observe } = inputs;
      const observed = (module: string, tensor: Tensor): Tensor => {
        observe?.(module, tensor);
        return tensor;
      };
      const emb = observed("emb", embed(timestepRows));
      const run = (block: DdpmBlock, input: Tensor): Tensor =>
        block.reduce(
          (h, layer) => observed(layer.name, scope(layer.name, () => runLayer(layer, h, emb, config, parameters))),
          input,
        );
      let h = observed("conv_in", scope("conv_in", () => convolution(x, "conv_in", parameters)));
      const skips = [h];
      for (const block of layout.downBlocks) {
        h = run(block, h);
        skips.push(h);
      }
      h = run(layout.middleBlock, h);
      for (const block of layout.upBlocks) {
        const skip = skips.pop()!;
        h = run(block, scope(`${block[0]!.name}.skip`, () => concatChannels(h, skip)));
      }
      const activated = ddpmNorm(h, "norm_out", parameters, { silu: true });
      return observed("conv_out", scope("conv_out", () => convolution(activated, "conv_out", parameters)));
    },
  };
}

function runLayer(
  layer: DdpmLayer,
  x: Tensor,
  emb: Tensor,
  { convResample }: DdpmUnetConfig,
  parameters: ParameterLookup,
): Tensor {
  const own: ParameterLookup = (name) => parameters(`${layer.name}.${name}`);
  switch (layer.kind) {
    case "residual":
      return ddpmResidualBlock(x, emb, own, layer.outputs);
    case "attention":
      return ddpmAttentionBlock(x, own);
    case "downsample":
      return ddpmDownsample(x, own, convResample);
    case "upsample":
      return ddpmUpsample(x, own, convResample);
  }
}
