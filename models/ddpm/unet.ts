/** The DDPM network (Ho et al. 2020): `Model` of the published DDPM, DDIM and SDEdit programs. */
import type { Parameter } from "../../parameters/mod.ts";
import { blockNumbers, extent, LEVELS } from "../detection.ts";
import { type Description, type NetworkFamily, networkFamily, type TensorShapes } from "../family.ts";
import { ddpmTimestepTable } from "../timestep_table.ts";
import { DDPM_KEYWORDS, ddpmConfig, type DdpmUnetConfig } from "./config.ts";
import { ddpmForm, ddpmUnetLayout, ddpmUnetParameters } from "./layout.ts";
import { recordUnet } from "./record.ts";

const ANSWERS: { readonly levels: Parameter<number | undefined> } = { levels: LEVELS };

/**
 * `Model` of the published DDPM, DDIM and SDEdit programs. It runs at all sizes that its downsampling divides, while the
 * published program insists on the training size. `forward` shows `observe` the embedding as `emb`, `conv_in`, each layer
 * (`down.0.block.1`, `mid.attn_1`, `up.2.upsample`) and `conv_out`.
 */
export const ddpm: NetworkFamily<DdpmUnetConfig, { readonly levels: Parameter<number | undefined> }> = networkFamily({
  name: "ddpm",
  about: "UNets of the DDPM, DDIM and SDEdit programs",
  paper: "Ho et al. 2020",
  predicts: "noise",
  parameters: DDPM_KEYWORDS,
  answers: ANSWERS,
  readings: { levels: ({ ch_mult }) => (ch_mult as readonly number[] | undefined)?.length },
  detect,
  // Attention is described by image sizes, so they follow from the training size.
  sized: (size, tensors) => ({
    attn_resolutions: blockNumbers(tensors, /^down\.(\d+)\.attn\./).map((level) => Math.floor(size / 2 ** level)),
  }),
  configure: ddpmConfig,
  layout: (config) => ({
    parameters: ddpmUnetParameters(config),
    downsampling: ddpmUnetLayout(config).downsampling,
  }),
  timestepTable: ddpmTimestepTable,
  build: (config, weights) => recordUnet(ddpmUnetLayout(config), ddpmForm(config), weights),
});

function* detect(tensors: TensorShapes): Generator<Description, void> {
  if (!tensors.has("temb.dense.0.weight") || !tensors.has("conv_in.weight")) return;
  const levels = blockNumbers(tensors, /^down\.(\d+)\./);
  const blocks = blockNumbers(tensors, /^down\.0\.block\.(\d+)\./);
  const width = extent(tensors, "temb.dense.0.weight", 1);
  const [inputs, outputs] = [extent(tensors, "conv_in.weight", 1), extent(tensors, "conv_out.weight", 0)];
  yield {
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
