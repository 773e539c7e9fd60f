/** The noise-aware classifiers of guided-diffusion as a family. */
import type { Architecture, NetworkPlan } from "./architecture.ts";
import { guidedClassifier, guidedClassifierParameters } from "./guided_classifier.ts";
import { guidedClassifierConfig } from "./guided_unet_config.ts";
import type { Network } from "./network.ts";
import type { Weights } from "./weights.ts";

/** `EncoderUNetModel` of the published program; see `guidedClassifierConfig` for the keywords. */
export const GUIDED_CLASSIFIER: Architecture = {
  name: "guided-diffusion-classifier",
  classes: ["EncoderUNetModel"],
  predicts: "classes",
  plan(keywords): NetworkPlan {
    const config = guidedClassifierConfig(keywords);
    return {
      config,
      parameters: guidedClassifierParameters(config),
      build: (weights: Weights): Network => guidedClassifier(config, weights),
    };
  },
};
