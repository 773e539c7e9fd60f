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

const { num_classes: _, ...WITHOUT_CLASSES } = BY_CLASS;

/**
 * A network of one level without attention, of which commands take least time that need some network: as the embedded
 * prior it is for pictures of 64 x 64, and takes those of any size.
 */
const QUICK: Description = {
  ...WITHOUT_CLASSES,
  image_size: 64,
  channel_mult: [1],
  attention_resolutions: [],
  resblock_updown: false,
  noise_schedule: "linear",
  diffusion_steps: 1000,
  value_range: [-1, 1],
};

let quick: string | undefined;

/** Path of the file of a small network, the same for all tests of a file. */
export async function quickModel(): Promise<string> {
  if (quick !== undefined) return quick;
  const folder = await Deno.makeTempDir();
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const write = (name: string, bytes: Uint8Array): string => {
    Deno.writeFileSync(`${folder}/${name}`, bytes);
    return `${folder}/${name}`;
  };
  return quick = await randomModel({ write }, "quick.safetensors", QUICK);
}

/** Writes the file of a network with random weights and returns its path. */
export async function randomModel(
  folder: Pick<Folder, "write">,
  name: string,
  description: Description,
  seed = 1,
): Promise<string> {
  const tensors = randomTensorsOf(planDescription(description).plan.parameters, seed);
  const metadata = new Map([["config", JSON.stringify(description)]]);
  return folder.write(name, await safetensorsBytes({ tensors, metadata }));
}
