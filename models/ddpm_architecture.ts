/** The DDPM networks, such as the one for CelebA-HQ, as a family. */
import type { Architecture, NetworkPlan } from "./architecture.ts";
import { ddpmUnet } from "./ddpm_unet.ts";
import { ddpmUnetConfig } from "./ddpm_unet_config.ts";
import { ddpmUnetParameters } from "./ddpm_unet_layout.ts";
import type { Network } from "./network.ts";
import type { Weights } from "./weights.ts";

/** `Model` of the published DDPM, DDIM and SDEdit programs; see `ddpmUnetConfig` for the keywords. */
export const DDPM: Architecture = {
  name: "ddpm",
  classes: ["Model"],
  predicts: "noise",
  plan(keywords): NetworkPlan {
    const config = ddpmUnetConfig(keywords);
    return {
      config,
      parameters: ddpmUnetParameters(config),
      build: (weights: Weights): Network => ddpmUnet(config, weights),
    };
  },
};
