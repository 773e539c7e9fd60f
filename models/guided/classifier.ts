/** The noise-aware classifiers of guided-diffusion (Dhariwal and Nichol 2021): `EncoderUNetModel` of the published code. */
import { formatShape, scope, type Tensor } from "../../engine/mod.ts";
import { clamp, concatChannels, type Features, reshape } from "../../kernels/mod.ts";
import { LEVELS } from "../detection.ts";
import { type NetworkFamily, networkFamily } from "../family.ts";
import { attentionPool, attentionPoolParameters } from "./attention_pool.ts";
import { guidedBlockRunner } from "./blocks.ts";
import { CLASSIFIER_KEYWORDS, classifierConfig, DHARIWAL_2021, type GuidedClassifierConfig } from "./config.ts";
import {
  type AnswersOf,
  ANY_HEADS,
  type GuidedAnswers,
  guidedClassifiers,
  HEAD_ANSWERS,
  headKeywords,
  headQuestions,
  levelsOf,
} from "./detect.ts";
import { type GuidedEncoderLayout, guidedEncoderLayout, guidedEncoderParameters } from "./layout.ts";
import type { Network } from "../network.ts";
import { meanOverPixels } from "../pixel_mean.ts";
import { guidedTimestepTable } from "../timestep_table.ts";
import {
  convolution,
  convolutionParameters,
  matrix,
  matrixParameters,
  type NamedParameter,
  normActivation,
  normParameters,
  type ParameterLookup,
} from "../layers.ts";
import { embeddedTimestep } from "../unet_blocks.ts";
import type { Parameter, Weights } from "../weights.ts";

/** Width of the hidden layer behind spatial pools. */
const HIDDEN = 2048;

const LARGEST_F32 = 3.4028234663852886e38;

const ANSWERS: AnswersOf<GuidedAnswers, Exclude<keyof GuidedAnswers, "network">> = { ...HEAD_ANSWERS, levels: LEVELS };

/**
 * `EncoderUNetModel` of the published program: the way down and the middle of a guided-diffusion UNet, and a head that its
 * `pool` chooses. `adaptive`: mean of the last image, 1x1 convolution. `attention`: see `attentionPool`. `spatial`,
 * `spatial_v2`: the means of what all blocks give, through two linear layers with ReLU, or with group norm and SiLU,
 * between them. `forward` shows `observe` the embedding as `emb`, each block (`input_blocks.3`, `middle_block`), each of
 * its layers and `out`. Nothing is joined on a way up, so sides may be odd: halving rounds them as PyTorch does.
 */
export const guidedClassifier: NetworkFamily<
  GuidedClassifierConfig,
  AnswersOf<GuidedAnswers, Exclude<keyof GuidedAnswers, "network">>
> = networkFamily({
  name: "guided-diffusion-classifier",
  about: "classifiers of noisy images of guided-diffusion",
  paper: DHARIWAL_2021,
  predicts: "classes",
  parameters: CLASSIFIER_KEYWORDS,
  answers: ANSWERS,
  readings: { levels: levelsOf },
  standIns: ANY_HEADS,
  detect: guidedClassifiers,
  describe: (answers, { found, tensors }) => headKeywords(answers, found, tensors),
  questions: headQuestions,
  configure: classifierConfig,
  layout: (config) => ({
    parameters: guidedClassifierParameters(config),
    downsampling: guidedEncoderLayout(config, config.inChannels).downsampling,
  }),
  timestepTable: guidedTimestepTable,
  build: record,
});

function record(config: GuidedClassifierConfig, weights: Weights): Network["forward"] {
  const layout = guidedEncoderLayout(config, config.inChannels);
  const parameters: ParameterLookup = (name) => weights.constant(name);
  return (x, { timestepRows, ...inputs }) => {
    requireSize(config, x);
    const emb = embeddedTimestep(timestepRows, "time_embed.0", "time_embed.2", parameters);
    inputs.observe?.("emb", emb);
    const blocks = [...layout.inputBlocks, layout.middleBlock];
    const run = guidedBlockRunner(config, blocks, emb, parameters, inputs);
    const features: Features[] = [];
    for (const block of blocks) {
      const before = features.at(-1);
      features.push(run(block, before ? [before] : x));
    }
    const out = head(features.map(({ x }) => x), config, parameters);
    inputs.observe?.("out", out);
    return out;
  };
}

/**
 * The parameters of a classifier by checkpoint name, with the shapes and layouts that a checkpoint must have.
 * @param config the network
 * @throws {RangeError} if an attention's channels do not divide into its heads
 */
export function guidedClassifierParameters(config: GuidedClassifierConfig): Map<string, Parameter> {
  const layout = guidedEncoderLayout(config, config.inChannels);
  return new Map([...guidedEncoderParameters(config, layout), ...headParameters(config, layout)]);
}

function* headParameters(
  { pool, imageSize, outChannels }: GuidedClassifierConfig,
  { middleChannels, inputBlockChannels, downsampling }: GuidedEncoderLayout,
): Generator<NamedParameter, void> {
  if (pool === "adaptive") {
    yield* normParameters("out.0", middleChannels);
    yield* convolutionParameters("out.3", middleChannels, outChannels, 1);
  } else if (pool === "attention") {
    yield* normParameters("out.0", middleChannels);
    const side = Math.floor(imageSize / downsampling);
    for (const [name, parameter] of attentionPoolParameters(side, middleChannels, outChannels)) {
      yield [`out.2.${name}`, parameter];
    }
  } else {
    const features = inputBlockChannels.reduce((sum, channels) => sum + channels, middleChannels);
    yield* matrixParameters("out.0", features, HIDDEN);
    if (pool === "spatial_v2") yield* normParameters("out.1", HIDDEN);
    yield* matrixParameters(pool === "spatial_v2" ? "out.3" : "out.2", HIDDEN, outChannels);
  }
}

/** The logits [N, classes] from what each block gives. */
function head(
  features: readonly Tensor[],
  { pool, numHeadChannels }: GuidedClassifierConfig,
  parameters: ParameterLookup,
): Tensor {
  if (pool === "adaptive" || pool === "attention") {
    const activated = normActivation(features.at(-1)!, "out.0", parameters);
    const [batch, , , channels] = activated.shape as [number, number, number, number];
    if (pool === "attention") {
      const own: ParameterLookup = (name) => parameters(`out.2.${name}`);
      return scope("out.2", () => attentionPool(activated, own, channels / numHeadChannels!));
    }
    const mean = scope("out.2", () => meanOverPixels(activated));
    const logits = scope("out.3", () => convolution(mean, "out.3", parameters, { padding: 0 }));
    return reshape(logits, [batch, logits.shape[3]!]);
  }
  const joined = scope("mean", () => {
    const means = features.map((image) => reshape(meanOverPixels(image), [image.shape[0]!, image.shape[3]!]));
    return means.reduce((all, mean) => concatChannels(all, mean));
  });
  const hidden = scope("out.0", () => matrix(joined, "out.0", parameters));
  if (pool === "spatial") {
    const positive = scope("out.1", () => clamp(hidden, 0, LARGEST_F32));
    return scope("out.2", () => matrix(positive, "out.2", parameters));
  }
  const activated = normActivation(hidden, "out.1", parameters);
  return scope("out.3", () => matrix(activated, "out.3", parameters));
}

/** The positional embedding of an attention pool is for one size. */
function requireSize({ pool, imageSize }: GuidedClassifierConfig, { shape }: Tensor): void {
  if (pool !== "attention" || (shape[1] === imageSize && shape[2] === imageSize)) return;
  throw new TypeError(
    `Cannot build a guided classifier: x is ${
      formatShape(shape)
    }, its attention pool needs ${imageSize} x ${imageSize}`,
  );
}
