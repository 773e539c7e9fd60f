// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** Model files with random weights, for commands that need a network of some kind and no particular one. */
import { type Description, planDescription, safetensorsBytes } from "../../models/mod.ts";
import { randomTensorsOf } from "../models/random_checkpoint.ts";
import type { Folder } from "./run_command.ts";

/** A small class-conditional network with learned variance. */
export const BY_CLASS: Description = {
  architecture: "guided-diffusion",
  class: "UNetModel",
  image_size: 16,
  in_channels: 3,
  out_channels: 6,
  learn_sigma: true,
  model_channels: 32,
  num_res_blocks: 1,
  channel_mult: [1, 2],
  attention_resolutions: [2],
  num_head_channels: 32,
  use_scale_shift_norm: true,
  resblock_updown: true,
  num_classes: 5,
};

/** A small class-conditional upsampler from 4x4 to 16x16. */
export const UPSAMPLER: Description = { ...BY_CLASS, class: "SuperResModel", small_size: 4 };

/** Writes the file of a network with random weights and returns its path. */
export async function randomModel(
  folder: Folder,
  name: string,
  description: Description,
  seed = 1,
): Promise<string> {
  const tensors = randomTensorsOf(planDescription(description).plan.parameters, seed);
  const metadata = new Map([["config", JSON.stringify(description)]]);
  return folder.write(name, await safetensorsBytes({ tensors, metadata }));
}
