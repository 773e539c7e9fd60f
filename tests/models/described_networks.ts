// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** Checkpoints that have names and shapes and no values, for tests of what these tell. */
import { type Checkpoint, type CheckpointTensor, type Description, planDescription } from "../../models/mod.ts";

/** The checkpoint of a network, without its description. */
export function checkpointOf(description: Description): Checkpoint {
  const { parameters } = planDescription(description).plan;
  return checkpointWith(Array.from(parameters, ([name, { shape }]) => [name, shape]));
}

/** A checkpoint with these tensors of F32. */
export function checkpointWith(
  shapes: Iterable<readonly [name: string, shape: readonly number[]]>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Checkpoint {
  const refuse = (): never => {
    throw new Error("the tensors have no values");
  };
  const tensors = Array.from(shapes, ([name, shape]): [string, CheckpointTensor] => [
    name,
    { name, dtype: "F32", shape },
  ]);
  return {
    name: "model.pt",
    format: "pytorch",
    stateDict: "",
    metadata,
    tensors: new Map(tensors),
    readPieces: refuse,
    readBytes: refuse,
    readFloat32: refuse,
  };
}

/** A small UNet with every option that its tensors tell, and one that they do not for each that they do not. */
export const SMALL_UNET: Description = {
  architecture: "guided-diffusion",
  class: "UNetModel",
  image_size: 48,
  in_channels: 3,
  out_channels: 6,
  learn_sigma: true,
  model_channels: 64,
  num_res_blocks: 2,
  channel_mult: [0.5, 1, 2],
  attention_resolutions: [2],
  num_head_channels: 16,
  use_scale_shift_norm: true,
  resblock_updown: true,
  use_new_attention_order: true,
  noise_schedule: "cosine",
  diffusion_steps: 500,
  value_range: [0, 1],
};

/** A small DDPM network likewise. */
export const SMALL_DDPM: Description = {
  architecture: "ddpm",
  class: "Model",
  image_size: 48,
  in_channels: 1,
  out_ch: 2,
  learn_sigma: true,
  ch: 32,
  ch_mult: [1, 2, 3],
  num_res_blocks: 2,
  attn_resolutions: [24, 12],
  resamp_with_conv: true,
  noise_schedule: "linear",
  diffusion_steps: 1000,
  value_range: [-1, 1],
};

/** A small classifier likewise. */
export const SMALL_CLASSIFIER: Description = {
  architecture: "guided-diffusion-classifier",
  class: "EncoderUNetModel",
  image_size: 64,
  in_channels: 3,
  out_channels: 10,
  model_channels: 32,
  num_res_blocks: 1,
  channel_mult: [1, 2, 3],
  attention_resolutions: [2, 4],
  num_head_channels: 32,
  use_scale_shift_norm: false,
  resblock_updown: true,
  use_new_attention_order: false,
  pool: "attention",
  noise_schedule: "linear",
  diffusion_steps: 1000,
  value_range: [-1, 1],
};
