/** Recording networks that are built as the DDPM network is. */
import { checkpoint, scope, type Tensor } from "../../engine/mod.ts";
import { add, type Features, gatherRows, weightedSum } from "../../kernels/mod.ts";
import { convolutionFeatures, type ParameterLookup, type Projection, withStatistics } from "../layers.ts";
import type { Network, NetworkInputs } from "../network.ts";
import { embeddedTimestep, embeddingProjections, outputConvolution, residualBlock, upsample } from "../unet_blocks.ts";
import type { Weights } from "../weights.ts";
import { ddpmAttentionBlock, ddpmDownsample } from "./blocks.ts";
import type { UnetForm } from "./form.ts";
import { type DdpmBlock, type DdpmLayer, type DdpmUnetLayout, layersOf } from "./layout.ts";

/**
 * What records a network. It shows `observe` the embedding of the timestep as `emb`, `conv_in`, each layer, each module
 * that ends with one, and `conv_out`.
 * @param layout its layers
 * @param form what they are called and how they are built
 * @param weights the parameters, loaded with `unetParameters`
 */
export function recordUnet(layout: DdpmUnetLayout, form: UnetForm, weights: Weights): Network["forward"] {
  const parameters: ParameterLookup = (name) => weights.constant(name);
  const { condition } = form.residual;
  return (x, inputs) => {
    const { observe, exchange, checkpoint: recomputed = false } = inputs;
    const emb = embedding(inputs, form, parameters);
    const residual = layersOf(layout).filter(({ kind }) => kind === "residual").map(({ name }) =>
      `${name}.${condition}`
    );
    const projections = scope(condition, () => embeddingProjections(emb, residual, parameters));
    const observed = (module: string, features: Features): Features => {
      observe?.(module, features.x);
      return features;
    };
    const run = (block: DdpmBlock, input: readonly Features[]): Features => {
      let h = input;
      for (const layer of block) {
        const projection = projections.get(`${layer.name}.${condition}`);
        const record = (): Features =>
          scope(layer.name, () => divided(runLayer(layer, h, projection, form, parameters, exchange), layer.divisor));
        h = [observed(layer.name, recomputed ? checkpoint(record) : record())];
        if (layer.ends !== undefined) observed(layer.ends, h[0]!);
      }
      return h[0]!;
    };
    const first = scope("conv_in", () => convolutionFeatures(x, "conv_in", parameters));
    const skips = [observed("conv_in", first)];
    for (const block of layout.downBlocks) skips.push(run(block, skips.slice(-1)));
    let h = run(layout.middleBlock, skips.slice(-1));
    for (const block of layout.upBlocks) h = run(block, [h, skips.pop()!]);
    const out = outputConvolution(h, form.lastNorm, "conv_out", parameters, form.norm);
    observe?.("conv_out", out);
    return out;
  };
}

/** [N, E] embedding of the timestep, with that of the class added where there are classes. */
function embedding(
  { timestepRows, labels, observe }: NetworkInputs,
  { embedding: [first, second], classes }: UnetForm,
  parameters: ParameterLookup,
): Tensor {
  const time = embeddedTimestep(timestepRows, first, second, parameters);
  observe?.("emb", time);
  if (classes === undefined || labels === undefined) return time;
  return scope(classes, () => add(time, gatherRows(parameters(`${classes}.weight`), labels)));
}

function divided(features: Features, divisor = 1): Features {
  return divisor === 1 ? features : withStatistics(weightedSum([[1 / divisor, features.x]]));
}

function runLayer(
  layer: DdpmLayer,
  parts: readonly Features[],
  projection: Projection | undefined,
  { residual, attention, scaleShiftNorm, convResample, downsamplePadding }: UnetForm,
  parameters: ParameterLookup,
  exchange: NetworkInputs["exchange"],
): Features {
  const own: ParameterLookup = (name) => parameters(`${layer.name}.${name}`);
  const [first] = parts as readonly [Features];
  switch (layer.kind) {
    case "residual": {
      const { outputs: outputChannels, resample = "none" } = layer;
      return residualBlock(parts, projection!, own, { outputChannels, scaleShiftNorm, resample }, residual);
    }
    case "attention":
      return ddpmAttentionBlock(first, own, {
        names: attention,
        heads: layer.heads,
        norm: layer.norm,
        exchange: exchange && ((queriesAndKeys) => exchange(layer.name, queriesAndKeys)),
      });
    case "downsample":
      return ddpmDownsample(first, own, convResample, downsamplePadding);
    case "upsample":
      return upsample(first, own, convResample);
  }
}
