/** A device for tests that plan and lower without one. */
import type { DeviceProfile } from "../../engine/mod.ts";

/** A software adapter with the limits that WebGPU promises, without subgroups and half precision. */
export const SOFTWARE_PROFILE: DeviceProfile = {
  maxWorkgroupInvocations: 256,
  maxWorkgroupBytes: 16384,
  maxWorkgroupsPerDimension: 65535,
  maxStorageBuffers: 8,
  maxBindingBytes: 2 ** 27,
  maxBufferBytes: 2 ** 28,
  maxTextureSide: 8192,
  subgroupSize: 0,
  f16: false,
  software: true,
};
