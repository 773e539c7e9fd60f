/** `UNet2DModel` of the diffusers library: the DDPM network with more to choose, and other names. */
import { scope, type Tensor } from "../../engine/mod.ts";
import { fill, weightedSum } from "../../kernels/mod.ts";
import { unetParameters } from "../ddpm/layout.ts";
import { recordUnet } from "../ddpm/record.ts";
import { type NetworkFamily, networkFamily, type NetworkPlan } from "../family.ts";
import type { Network } from "../network.ts";
import { sinusoidTable } from "../timestep_table.ts";
import type { Weights } from "../weights.ts";
import { DIFFUSERS, DIFFUSERS_KEYWORDS, diffusersConfig, type DiffusersUnetConfig } from "./config.ts";
import { attentionNaming, diffusersForm, diffusersLayout } from "./layout.ts";

/**
 * `UNet2DModel` of the diffusers library. Its keywords are the keys of config.json; tensors do not tell them, so files of
 * this family are recognized by the configuration beside them. `forward` shows `observe` the embedding as `emb`,
 * `conv_in`, each layer (`down_blocks.0.resnets.1`), each block (`down_blocks.0`, `mid_block`) and `conv_out`.
 */
export const diffusers: NetworkFamily<DiffusersUnetConfig, Record<never, never>> = networkFamily({
  name: DIFFUSERS,
  about: "UNet2DModel of diffusers, with its config.json",
  paper: "von Platen et al. 2022",
  predicts: "noise",
  parameters: DIFFUSERS_KEYWORDS,
  // Norms, heads, padding and sinusoids leave no trace in names and shapes.
  detect: () => [],
  stored: attentionNaming,
  passesOver: (key) => key.startsWith("_"),
  configure: diffusersConfig,
  layout(config): Pick<NetworkPlan, "parameters" | "downsampling"> {
    const layout = diffusersLayout(config);
    return {
      parameters: new Map(unetParameters(layout, diffusersForm(config), config)),
      downsampling: layout.downsampling,
    };
  },
  timestepTable: (timesteps, width, { sinusoids }) => sinusoidTable(timesteps, width, sinusoids),
  build: record,
});

function record(config: DiffusersUnetConfig, weights: Weights): Network["forward"] {
  const forward = recordUnet(diffusersLayout(config), diffusersForm(config), weights);
  return (x, inputs) => forward(config.centersInput ? centered(x) : x, inputs);
}

/** 2 x - 1 */
function centered(x: Tensor): Tensor {
  return scope("center_input_sample", () => weightedSum([[2, x], [-1, fill(x.shape, 1)]]));
}
