/**
 * A checkpoint with the exact shapes of a measured network and random values, so that networks of published size can be
 * loaded and run without their weights. Values are made and written one parameter at a time.
 */
import {
  type Description,
  f32ToBf16,
  f32ToF16,
  planDescription,
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
 * @param description the network
 * @param dtype element type of all tensors
 * @param sink takes the next bytes of the file
 */
export async function writeRandomCheckpoint(
  description: Description,
  dtype: CheckpointDtype,
  sink: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const { dtype: stored, bytes } = DTYPES[dtype];
  const tensors = Array.from(
    planDescription(description).plan.parameters,
    ([name, parameter], seed): TensorToWrite => ({
      name,
      dtype: stored,
      shape: [...parameter.shape],
      data: () => [bytes(randomParameter(name, parameter, { seed }))],
    }),
  );
  const metadata = new Map([["config", JSON.stringify(description)], ["weights", "random"]]);
  await writeSafetensors({ tensors, metadata }, sink);
}
