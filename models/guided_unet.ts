/** The guided-diffusion UNet (Dhariwal and Nichol 2021): `UNetModel` and `SuperResModel` of the published code. */
import { formatShape, type HostTensor, sameShape, scope, type Shape, type Tensor } from "../engine/mod.ts";
import { add, bilinearResize, concatChannels, type Features, gatherRows, silu } from "../kernels/mod.ts";
import type { GuidedUnetConfig } from "./guided_unet_config.ts";
import { guidedBlockRunner } from "./guided_blocks.ts";
import { guidedUnetLayout } from "./guided_unet_layout.ts";
import { neededSides, type Network, type NetworkInputs } from "./network.ts";
import { guidedTimestepTable } from "./timestep_table.ts";
import { matrix, outputConvolution, type ParameterLookup } from "./unet_blocks.ts";
import type { Weights } from "./weights.ts";

/** A guided-diffusion UNet together with its weights, ready to be recorded. */
export interface GuidedUnet extends Network {
  readonly config: GuidedUnetConfig;
}

/**
 * Makes a network from its configuration and its weights. `forward` shows `observe` the results of `time_embed`, `emb`
 * (the embedding with the label's added), each block (`input_blocks.3`), each of its layers (`input_blocks.3.0`) and
 * `out`.
 * @param config the network
 * @param weights its parameters, loaded with `guidedUnetParameters(config)`
 * @throws {RangeError} if an attention's channels do not divide into its heads
 */
export function guidedUnet(config: GuidedUnetConfig, weights: Weights): GuidedUnet {
  const layout = guidedUnetLayout(config);
  const parameters: ParameterLookup = (name) => weights.constant(name);

  const embed = ({ timestepRows, labels, observe }: NetworkInputs): Tensor => {
    const first = scope("time_embed.0", () => matrix(timestepRows, "time_embed.0", parameters));
    const time = scope("time_embed.2", () => matrix(silu(first), "time_embed.2", parameters));
    observe?.("time_embed", time);
    const emb = labels ? scope("label_emb", () => add(time, gatherRows(parameters("label_emb.weight"), labels))) : time;
    observe?.("emb", emb);
    return emb;
  };

  const blocks = [...layout.inputBlocks, layout.middleBlock, ...layout.outputBlocks];

  return {
    config,
    downsampling: layout.downsampling,
    timestepTable: (timesteps: ArrayLike<number>): HostTensor => guidedTimestepTable(timesteps, config.modelChannels),
    forward(x: Tensor, inputs: NetworkInputs): Tensor {
      requireInputs(config, layout.downsampling, x, inputs);
      const { observe, lowRes } = inputs;
      const emb = embed(inputs);
      const run = guidedBlockRunner(config, blocks, emb, parameters, inputs);
      let image = x;
      if (lowRes) {
        const [, height, width] = x.shape;
        image = scope("low_res", () => concatChannels(x, bilinearResize(lowRes, height!, width!)));
      }
      const skips: Features[] = [];
      for (const block of layout.inputBlocks) {
        const before = skips.at(-1);
        skips.push(run(block, before ? [before] : image));
      }
      let h = run(layout.middleBlock, skips.slice(-1));
      for (const block of layout.outputBlocks) h = run(block, [h, skips.pop()!]);
      const out = outputConvolution(h, "out.0", "out.2", parameters);
      observe?.("out", out);
      return out;
    },
  };
}

function requireInputs(
  config: GuidedUnetConfig,
  downsampling: number,
  x: Tensor,
  { timestepRows, labels, lowRes }: NetworkInputs,
): void {
  const fail = (found: string): never => {
    throw new TypeError(`Cannot build a guided UNet: ${found}`);
  };
  const [batch, height, width, channels] = x.shape;
  if (x.shape.length !== 4 || channels !== config.inChannels) {
    fail(`x is ${formatShape(x.shape)}, [N, H, W, ${config.inChannels}] is needed`);
  }
  if (height! % downsampling !== 0 || width! % downsampling !== 0 || height! * width! === 0) {
    fail(`x is ${formatShape(x.shape)}, ${neededSides(downsampling)}`);
  }
  const rows: Shape = [batch!, config.modelChannels];
  if (!sameShape(timestepRows.shape, rows)) {
    fail(`the timestep rows are ${formatShape(timestepRows.shape)}, ${formatShape(rows)} is needed`);
  }
  if (config.numClasses === undefined ? labels !== undefined : labels?.length !== batch) {
    const needed = config.numClasses === undefined ? "none, as the network is unconditional" : `${batch}, one per item`;
    fail(`${labels?.length ?? 0} class labels were given, needed are ${needed}`);
  }
  if (config.superResolution !== (lowRes !== undefined)) {
    fail(
      config.superResolution ? "it needs a low-resolution image, none was given" : "it takes no low-resolution image",
    );
  }
  if (lowRes && (lowRes.shape.length !== 4 || lowRes.shape[0] !== batch || lowRes.shape[3] !== channels)) {
    fail(`the low-resolution image is ${formatShape(lowRes.shape)}, [${batch}, h, w, ${channels}] is needed`);
  }
}
