/** The runtime of a command: the GPU, or the CPU reference. */
import {
  type AdapterIdentity,
  BACKENDS,
  ENGINE_VERSION,
  NoAdapterError,
  type Preferences,
  ReferenceRuntime,
  type Runtime,
  SUBGROUP_MATRIX_FEATURE,
  WebGpuRuntime,
  type WebGpuRuntimeOptions,
} from "../engine/mod.ts";
import { DAWN_COMMAND, openDawn, storedPreferences, type TunedSubject } from "../io/mod.ts";
import {
  ATTENTION_ALGORITHMS,
  CONVOLUTION_ALGORITHMS,
  MATMUL_ALGORITHMS,
  MATRIX_ALGORITHM,
  TUNABLE_ALGORITHMS,
} from "../kernels/mod.ts";
import { type Precision, PRECISIONS } from "../models/mod.ts";
import type { Arguments } from "./arguments.ts";
import { type OptionSpec, UsageError } from "../parameters/mod.ts";

/** Where adapters come from: Deno's own WebGPU, or Dawn. */
const PROVIDERS = ["deno", "dawn"] as const;

/** The options that say where adapters come from: the WebGPU, and its graphics API. */
export const ADAPTER_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  gpu: {
    kind: "choice",
    choices: PROVIDERS,
    help:
      "WebGPU to compute with (default deno); dawn, which alone offers matrix-f16, needs --allow-ffi and is fetched " +
      `by ${DAWN_COMMAND}`,
  },
  backend: {
    kind: "choice",
    choices: BACKENDS,
    help: "Graphics API to compute with; by default OpenGL (gl) only where no other has an adapter",
  },
};

/**
 * Where adapters come from by a command line, as options of `WebGpuRuntime.open`.
 * @throws {UsageError} if it asks for a graphics API of Dawn, which chooses by itself
 * @throws {FileError} if it asks for Dawn and that cannot be loaded
 */
export async function adaptersOf(args: Arguments): Promise<Pick<WebGpuRuntimeOptions, "backend" | "gpu">> {
  const backend = BACKENDS.find((name) => name === args.text("backend"));
  if (args.text("gpu") !== "dawn") return backend ? { backend } : {};
  if (backend) {
    throw new UsageError(`--backend ${backend} chooses an API of Deno's WebGPU: leave it out, or --gpu dawn`);
  }
  return { gpu: await openDawn() };
}

/** The options that say how the GPU computes. */
export const GPU_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  convolution: {
    kind: "choice",
    choices: ["auto", ...CONVOLUTION_ALGORITHMS],
    help: "How 3x3 convolutions are computed; auto takes the one a cost model says is fastest for each layer; " +
      "by default also what tune has stored for this adapter",
  },
  matmul: {
    kind: "choice",
    choices: ["auto", ...MATMUL_ALGORITHMS],
    help: "How matrix products and 1x1 convolutions are computed; by default as with --convolution",
  },
  attention: {
    kind: "choice",
    choices: ["auto", ...ATTENTION_ALGORITHMS],
    help: `How attention is computed; ${MATRIX_ALGORITHM} needs a device with subgroup matrices`,
  },
  ...ADAPTER_OPTIONS,
  "no-tuned": { kind: "flag", help: "Do not take what tune has stored for this adapter" },
};

/** The options that say how an operation is computed, and its name. */
const OPERATION_OF = { convolution: "conv2d", matmul: "matmul", attention: "attention" } as const;

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
 * @throws {NoAdapterError} if there is no WebGPU adapter, or none with the subgroup matrices that are asked for
 */
export async function openGpu(args: Arguments): Promise<WebGpuRuntime> {
  const wishes = Object.entries(OPERATION_OF).map(([option, operation]) => [operation, args.text(option)] as const);
  const explicit: Preferences = Object.fromEntries(
    wishes.flatMap(([operation, wish]) => wish === undefined ? [] : [[operation, wish]]),
  );
  const isExplicit = Object.keys(explicit).length > 0 || args.flag("no-tuned");
  const runtime = await WebGpuRuntime.open({
    ...await adaptersOf(args),
    checkFinite: args.flag("check-finite"),
    preferences: isExplicit ? explicit : (adapter) => storedPreferences(tunedSubject(adapter, precisionOf(args))),
  });
  if (Object.values(explicit).includes(MATRIX_ALGORITHM) && !runtime.features.includes(SUBGROUP_MATRIX_FEATURE)) {
    runtime.destroy();
    throw new NoAdapterError(
      `Cannot compute by ${MATRIX_ALGORITHM}: ${runtime.description} offers no subgroup matrices of half-precision ` +
        "factors here; leave the option out, or try --gpu dawn with a driver that has cooperative matrices",
    );
  }
  return runtime;
}

/** What stored choices must have been measured with to hold for an adapter and weights of a precision. */
export function tunedSubject(adapter: AdapterIdentity, precision: Precision): TunedSubject {
  return { adapter, precision, version: ENGINE_VERSION, algorithms: TUNABLE_ALGORITHMS[precision] };
}
