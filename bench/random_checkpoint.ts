/**
 * A checkpoint with the exact shapes of a measured network and random values, so that networks of published size can be
 * loaded and run without their weights. Values are made and written one parameter at a time.
 */
import {
  f32ToBf16,
  f32ToF16,
  type GuidedUnetConfig,
  guidedUnetParameters,
  type TensorToWrite,
  writeSafetensors,
} from "../models/mod.ts";
import { randomParameter } from "./random_weights.ts";

/** Element types by option value, with how f32 values become bytes of them. */
const DTYPES = {
  f16: { dtype: "F16", bytes: (values: Float32Array): Uint8Array => bytesOf(f32ToF16(values)) },
  bf16: { dtype: "BF16", bytes: (values: Float32Array): Uint8Array => bytesOf(f32ToBf16(values)) },
  f32: { dtype: "F32", bytes: bytesOf },
} as const;

/** Element type of a checkpoint, as an option value. */
export type CheckpointDtype = keyof typeof DTYPES;

/** All of them. */
export const CHECKPOINT_DTYPES = Object.keys(DTYPES) as readonly CheckpointDtype[];

function bytesOf(array: Float32Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/**
 * Writes all parameters of a network, the same values as `randomWeights` up to rounding, with the configuration that
 * `openModel` reads.
 * @param config the network
 * @param dtype element type of all tensors
 * @param sink takes the next bytes of the file
 */
export async function writeRandomCheckpoint(
  config: GuidedUnetConfig,
  dtype: CheckpointDtype,
  sink: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const { dtype: stored, bytes } = DTYPES[dtype];
  const tensors = Array.from(guidedUnetParameters(config), ([name, parameter], seed): TensorToWrite => ({
    name,
    dtype: stored,
    shape: [...parameter.shape],
    data: () => [bytes(randomParameter(name, parameter, { seed }))],
  }));
  const metadata = new Map([["config", JSON.stringify(keywordsOf(config))], ["weights", "random"]]);
  await writeSafetensors({ tensors, metadata }, sink);
}

/** The configuration as the keywords of the published constructor. */
function keywordsOf(config: GuidedUnetConfig): Readonly<Record<string, unknown>> {
  return {
    architecture: "guided-diffusion",
    class: config.superResolution ? "SuperResModel" : "UNetModel",
    image_size: config.imageSize,
    in_channels: config.inChannels,
    model_channels: config.modelChannels,
    out_channels: config.outChannels,
    num_res_blocks: config.numResBlocks,
    attention_resolutions: config.attentionResolutions,
    channel_mult: config.channelMult,
    conv_resample: config.convResample,
    num_classes: config.numClasses ?? null,
    num_heads: config.numHeads,
    num_head_channels: config.numHeadChannels ?? -1,
    num_heads_upsample: config.numHeadsUpsample,
    use_scale_shift_norm: config.useScaleShiftNorm,
    resblock_updown: config.resblockUpdown,
    use_new_attention_order: config.useNewAttentionOrder,
  };
}
