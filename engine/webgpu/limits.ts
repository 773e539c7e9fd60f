/** How large a tensor may be on a device. */
import { BINDING_ALIGNMENT, type DeviceProfile } from "../op.ts";
import type { Runtime } from "../runtime.ts";

/** Bytes of one tensor at most, in parts and in one binding. */
export function tensorLimits(profile: DeviceProfile): Pick<Runtime, "maxTensorBytes" | "maxBindingBytes"> {
  const { maxBindingBytes, maxBufferBytes } = profile;
  return {
    maxTensorBytes: Math.min(Math.max(maxBindingBytes, bytesInParts(profile)), maxBufferBytes),
    maxBindingBytes: Math.min(maxBindingBytes, maxBufferBytes),
  };
}

/** Bytes of the tensors that a kernel can read one and write another of, with a small one, in parts of a binding each. */
function bytesInParts({ maxStorageBuffers, maxBindingBytes }: DeviceProfile): number {
  const part = Math.floor(maxBindingBytes / BINDING_ALIGNMENT) * BINDING_ALIGNMENT;
  return part * Math.floor((maxStorageBuffers - 1) / 2);
}
