/** Tensors of one item or of several, on the host or on the device. */
import { type DeviceTensor, type HostTensor, type Runtime } from "../engine/mod.ts";

/**
 * A tensor on the device with its items along the first of `rank` dimensions; a tensor of one dimension less is one item.
 * @param rank 4 for pictures
 * @returns the tensor, and whether it was uploaded here and is to be freed by the caller
 */
export function batchOf(
  runtime: Runtime,
  tensor: HostTensor | DeviceTensor,
  rank = 4,
): { readonly tensor: DeviceTensor; readonly isOwn: boolean } {
  if (!("data" in tensor)) return { tensor, isOwn: false };
  const shape = tensor.shape.length === rank ? tensor.shape : [1, ...tensor.shape];
  return { tensor: runtime.upload(tensor.data, shape, tensor.dtype), isOwn: true };
}
