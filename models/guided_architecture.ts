/** The guided-diffusion UNets as a family. */
import type { Architecture, NetworkPlan } from "./architecture.ts";
import { guidedUnet } from "./guided_unet.ts";
import { guidedUnetConfig } from "./guided_unet_config.ts";
import { guidedUnetParameters } from "./guided_unet_layout.ts";
import type { Network } from "./network.ts";
import type { Weights } from "./weights.ts";

/** `UNetModel` and `SuperResModel` of the published program; see `guidedUnetConfig` for the keywords. */
export const GUIDED_DIFFUSION: Architecture = {
  name: "guided-diffusion",
  classes: ["UNetModel", "SuperResModel"],
  predicts: "noise",
  plan(keywords): NetworkPlan {
    const config = guidedUnetConfig(keywords);
    return {
      config,
      parameters: guidedUnetParameters(config),
      build: (weights: Weights): Network => guidedUnet(config, weights),
    };
  },
};
