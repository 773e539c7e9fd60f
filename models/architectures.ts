/** The register of architectures: one line for each. */
import type { Architecture } from "./architecture.ts";
import { DDPM } from "./ddpm_architecture.ts";
import { GUIDED_DIFFUSION } from "./guided_architecture.ts";
import { GUIDED_CLASSIFIER } from "./guided_classifier_architecture.ts";

/** All families of networks that checkpoints may be of. */
export const ARCHITECTURES: readonly Architecture[] = [GUIDED_DIFFUSION, DDPM, GUIDED_CLASSIFIER];
