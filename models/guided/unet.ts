/** The guided-diffusion UNet (Dhariwal and Nichol 2021): `UNetModel` and `SuperResModel` of the published code. */
import { scope, type Tensor } from "../../engine/mod.ts";
import { add, bilinearResize, concatChannels, type Features, gatherRows } from "../../kernels/mod.ts";
import { choice } from "../../parameters/mod.ts";
import { LEVELS } from "../detection.ts";
import { type NetworkFamily, networkFamily } from "../family.ts";
import type { Network, NetworkInputs } from "../network.ts";
import { guidedTimestepTable } from "../timestep_table.ts";
import { type ParameterLookup } from "../layers.ts";
import { embeddedTimestep, outputConvolution } from "../unet_blocks.ts";
import type { Weights } from "../weights.ts";
import { guidedBlockRunner } from "./blocks.ts";
import { DHARIWAL_2021, GUIDED, type GuidedUnetConfig, UNET_KEYWORDS, unetConfig } from "./config.ts";
import {
  type AnswersOf,
  ANY_HEADS,
  type GuidedAnswers,
  guidedProcess,
  guidedQuestions,
  guidedUnets,
  HEAD_ANSWERS,
  headKeywords,
  levelsOf,
} from "./detect.ts";
import { guidedUnetLayout, guidedUnetParameters } from "./layout.ts";

const ANSWERS: AnswersOf<GuidedAnswers, keyof GuidedAnswers> = {
  ...HEAD_ANSWERS,
  network: choice(
    undefined,
    ["unet", "super-resolution"],
    {},
    "Whether the network is given a low-resolution image, where its channels can be read both ways",
  ),
  levels: LEVELS,
};

/** `UNetModel` and `SuperResModel` of the published program. */
export const guidedDiffusion: NetworkFamily<GuidedUnetConfig, AnswersOf<GuidedAnswers, keyof GuidedAnswers>> =
  networkFamily({
    name: GUIDED,
    about: "UNets of guided-diffusion, its upsamplers, and of consistency_models (EDM and consistency networks)",
    paper: DHARIWAL_2021,
    predicts: "noise",
    parameters: UNET_KEYWORDS,
    answers: ANSWERS,
    readings: {
      network: ({ class: name }) => name === undefined ? name : name === "SuperResModel" ? "super-resolution" : "unet",
      levels: levelsOf,
    },
    standIns: ANY_HEADS,
    detect: guidedUnets,
    describe: (answers, { found, published, tensors }) => ({
      ...headKeywords(answers, found, tensors),
      // The small images of a published upsampler are those of its own image size.
      ...(answers.imageSize === undefined || answers.imageSize === published.image_size
        ? {}
        : { small_size: undefined }),
    }),
    process: guidedProcess,
    questions: guidedQuestions,
    configure: unetConfig,
    layout: (config) => ({
      parameters: guidedUnetParameters(config),
      downsampling: guidedUnetLayout(config).downsampling,
    }),
    timestepTable: guidedTimestepTable,
    build: record,
  });

/**
 * What the keyword arguments of the published constructor say (`UNetModel`, or what `class` says), with
 * its defaults. `small_size`, an argument of the published function that builds upsamplers, is the side of their
 * low-resolution images; it may be left out.
 * @param raw an object such as `JSON.parse` gives
 * @throws {TypeError} if `raw` is no object; if keywords are unknown, missing or ill-typed, each by name
 * @throws {TypeError | RangeError} as `unetConfig`
 */
export function guidedUnetConfig(raw: unknown): GuidedUnetConfig {
  return guidedDiffusion.config(raw);
}

/**
 * Makes a network from its configuration and its weights. `forward` shows `observe` the results of `time_embed`, `emb`
 * (the embedding with the label's added), each block (`input_blocks.3`), each of its layers (`input_blocks.3.0`) and
 * `out`.
 * @param config the network
 * @param weights its parameters, loaded with `guidedUnetParameters(config)`
 * @throws {RangeError} if an attention's channels do not divide into its heads
 */
export function guidedUnet(config: GuidedUnetConfig, weights: Weights): Network<GuidedUnetConfig> {
  return guidedDiffusion.planOf(config).build(weights);
}

function record(config: GuidedUnetConfig, weights: Weights): Network["forward"] {
  const layout = guidedUnetLayout(config);
  const parameters: ParameterLookup = (name) => weights.constant(name);

  const embed = ({ timestepRows, labels, observe }: NetworkInputs): Tensor => {
    const time = embeddedTimestep(timestepRows, "time_embed.0", "time_embed.2", parameters);
    observe?.("time_embed", time);
    const emb = labels ? scope("label_emb", () => add(time, gatherRows(parameters("label_emb.weight"), labels))) : time;
    observe?.("emb", emb);
    return emb;
  };

  const blocks = [...layout.inputBlocks, layout.middleBlock, ...layout.outputBlocks];

  return (x, inputs) => {
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
  };
}
