/** The runtime of a command: the GPU, or the CPU reference. */
import {
  type AdapterIdentity,
  BACKENDS,
  ENGINE_VERSION,
  type Preferences,
  ReferenceRuntime,
  type Runtime,
  WebGpuRuntime,
  type WebGpuRuntimeOptions,
} from "../engine/mod.ts";
import { storedPreferences, type TunedSubject } from "../io/mod.ts";
import { CONVOLUTION_ALGORITHMS, TUNABLE_ALGORITHMS } from "../kernels/mod.ts";
import { type Precision, PRECISIONS } from "../models/mod.ts";
import type { Arguments } from "./arguments.ts";
import type { OptionSpec } from "../parameters/mod.ts";

/** The option that says which graphics API adapters come from. */
export const BACKEND_OPTION: Readonly<Record<string, OptionSpec>> = {
  backend: {
    kind: "choice",
    choices: BACKENDS,
    help: "Graphics API to compute with; by default OpenGL (gl) only where no other has an adapter",
  },
};

/** The graphics API that a command line asks for, as an option of `WebGpuRuntime.open`. */
export function backendOf(args: Arguments): Pick<WebGpuRuntimeOptions, "backend"> {
  const backend = BACKENDS.find((name) => name === args.text("backend"));
  return backend ? { backend } : {};
}

/** The options that say how the GPU computes. */
export const GPU_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  convolution: {
    kind: "choice",
    choices: ["auto", ...CONVOLUTION_ALGORITHMS],
    help: "How 3x3 convolutions are computed; auto takes the one a cost model says is fastest for each layer; " +
      "by default also what tune has stored for this adapter",
  },
  ...BACKEND_OPTION,
  "no-tuned": { kind: "flag", help: "Do not take what tune has stored for this adapter" },
};

/** The option that says how the weights of a network are kept. */
export const PRECISION_OPTION: Readonly<Record<string, OptionSpec>> = {
  precision: {
    kind: "choice",
    choices: PRECISIONS,
    help: "How weights are kept: f16 halves their memory and rounds them (default f32)",
  },
};

/** The precision that a command line asks for. */
export function precisionOf(args: Arguments): Precision {
  return PRECISIONS.find((name) => name === args.text("precision")) ?? "f32";
}

/** The options that choose the runtime. */
export const RUNTIME_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  "check-finite": { kind: "flag", help: "Stop at the first NaN and name where it came from (slow)" },
  ...GPU_OPTIONS,
  cpu: { kind: "flag", help: "Compute on the CPU reference instead of the GPU (very slow)" },
};

/**
 * Opens the runtime of a command line; the caller destroys it.
 * @throws {NoAdapterError} if there is no WebGPU adapter
 */
export async function openRuntime(args: Arguments): Promise<Runtime> {
  if (args.flag("cpu")) return new ReferenceRuntime({ checkFinite: args.flag("check-finite") });
  return await openGpu(args);
}

/**
 * Opens the GPU runtime of a command line; the caller destroys it. Its layers take what was stored for the adapter by
 * `tune`, unless the command line says how they are computed.
 * @throws {NoAdapterError} if there is no WebGPU adapter
 */
export async function openGpu(args: Arguments): Promise<WebGpuRuntime> {
  const convolution = args.text("convolution");
  const explicit: Preferences = convolution === undefined ? {} : { conv2d: convolution };
  const isExplicit = convolution !== undefined || args.flag("no-tuned");
  return await WebGpuRuntime.open({
    ...backendOf(args),
    checkFinite: args.flag("check-finite"),
    preferences: isExplicit ? explicit : (adapter) => storedPreferences(tunedSubject(adapter, precisionOf(args))),
  });
}

/** What stored choices must have been measured with to hold for an adapter and weights of a precision. */
export function tunedSubject(adapter: AdapterIdentity, precision: Precision): TunedSubject {
  return { adapter, precision, version: ENGINE_VERSION, algorithms: TUNABLE_ALGORITHMS };
}
