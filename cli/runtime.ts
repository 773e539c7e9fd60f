/** The runtime of a command: the GPU, or the CPU reference. */
import { ReferenceRuntime, type Runtime, WebGpuRuntime } from "../engine/mod.ts";
import type { Arguments, OptionSpec } from "./arguments.ts";

/** The options that choose it. */
export const RUNTIME_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  "check-finite": { kind: "flag", help: "Stop at the first NaN and name where it came from (slow)" },
  cpu: { kind: "flag", help: "Compute on the CPU reference instead of the GPU (very slow)" },
};

/**
 * Opens the runtime of a command line; the caller destroys it.
 * @throws {NoAdapterError} if there is no WebGPU adapter
 */
export async function openRuntime(args: Arguments): Promise<Runtime> {
  const checkFinite = args.flag("check-finite");
  return args.flag("cpu") ? new ReferenceRuntime({ checkFinite }) : await WebGpuRuntime.open({ checkFinite });
}
