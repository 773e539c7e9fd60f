/** The DDPM network (Ho et al. 2020): `Model` of the published DDPM, DDIM and SDEdit programs. */
import { checkpoint, scope } from "../../engine/mod.ts";
import type { Features } from "../../kernels/mod.ts";
import type { Parameter } from "../../parameters/mod.ts";
import { blockNumbers, extent, LEVELS } from "../detection.ts";
import { type Description, type NetworkFamily, networkFamily, type TensorShapes } from "../family.ts";
import type { Network, NetworkInputs } from "../network.ts";
import { ddpmTimestepTable } from "../timestep_table.ts";
import { convolutionFeatures, type ParameterLookup, type Projection } from "../layers.ts";
import { embeddedTimestep, embeddingProjections, outputConvolution, residualBlock, upsample } from "../unet_blocks.ts";
import type { Weights } from "../weights.ts";
import { ddpmAttentionBlock, ddpmDownsample, RESIDUAL } from "./blocks.ts";
import { DDPM_KEYWORDS, ddpmConfig, type DdpmUnetConfig } from "./config.ts";
import { type DdpmBlock, type DdpmLayer, ddpmUnetLayout, ddpmUnetParameters } from "./layout.ts";

const ANSWERS: { readonly levels: Parameter<number | undefined> } = { levels: LEVELS };

/**
 * `Model` of the published DDPM, DDIM and SDEdit programs. It runs at all sizes that its downsampling divides, while the
 * published program insists on the training size. `forward` shows `observe` the embedding as `emb`, `conv_in`, each layer
 * (`down.0.block.1`, `mid.attn_1`, `up.2.upsample`) and `conv_out`.
 */
export const ddpm: NetworkFamily<DdpmUnetConfig, typeof ANSWERS> = networkFamily({
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
  build: record,
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

function record(config: DdpmUnetConfig, weights: Weights): Network["forward"] {
  const layout = ddpmUnetLayout(config);
  const parameters: ParameterLookup = (name) => weights.constant(name);
  return (x, { timestepRows, observe, exchange, checkpoint: recomputed = false }) => {
    const emb = embeddedTimestep(timestepRows, "temb.dense.0", "temb.dense.1", parameters);
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
    const out = outputConvolution(h, "norm_out", "conv_out", parameters, RESIDUAL.eps);
    observe?.("conv_out", out);
    return out;
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
      return residualBlock(
        parts,
        condition!,
        own,
        { outputChannels: layer.outputs, scaleShiftNorm: false, resample: "none" },
        RESIDUAL,
      );
    case "attention":
      return ddpmAttentionBlock(first, own, exchange && ((queriesAndKeys) => exchange(layer.name, queriesAndKeys)));
    case "downsample":
      return ddpmDownsample(first, own, convResample);
    case "upsample":
      return upsample(first, own, convResample);
  }
}
