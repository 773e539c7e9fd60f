/** A runtime whose waiting can be suspended, so that a benchmark decides when to wait. */
import { chooseBackend, ENGINE_VERSION, WebGpuRuntime } from "../engine/mod.ts";
import { storedPreferences } from "../io/mod.ts";
import { TUNABLE_ALGORITHMS } from "../kernels/mod.ts";
import type { Precision } from "../models/mod.ts";

/** An open runtime and control over its waits. */
export interface ProbedRuntime {
  readonly runtime: WebGpuRuntime;
  /**
   * Runs `body` while waits for the queue return at once: what remains of a stage is to encode and to submit it. The
   * caller settles afterwards.
   */
  withoutWaiting<T>(body: () => Promise<T>): Promise<T>;
}

/** Which device is opened, and how its layers are computed. */
export interface ProbeOptions {
  /** Where adapters come from; Deno's own by default. */
  readonly provider?: GPU;
  /** Whether layers take what `tune` has stored for the adapter; not by default. */
  readonly tuned?: boolean;
  /** How weights are kept, `f32` by default: what was stored differs. */
  readonly precision?: Precision;
  /** Whether subgroups are refused, as adapters without them do; not by default. */
  readonly withoutSubgroups?: boolean;
}

/**
 * Opens the device that the engine would open.
 * @throws {NoAdapterError} if there is none
 */
export async function openProbed(
  { provider, tuned = false, precision = "f32", withoutSubgroups = false }: ProbeOptions = {},
): Promise<ProbedRuntime> {
  if (!provider) await chooseBackend();
  const adapters = provider ?? navigator.gpu;
  let device: GPUDevice | undefined;
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await adapters.requestAdapter(options);
    if (!adapter) return null;
    const request = adapter.requestDevice.bind(adapter);
    // The engine may try several devices before it keeps one: the last.
    adapter.requestDevice = async (descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> => {
      const features = [...descriptor.requiredFeatures ?? []] as string[];
      if (withoutSubgroups && features.includes("subgroups")) throw new TypeError("Subgroups are refused");
      return device = await request(descriptor);
    };
    return adapter;
  };
  const gpu: GPU = Object.assign(Object.create(adapters), { requestAdapter });
  const runtime = await WebGpuRuntime.open({
    gpu,
    preferences: (adapter) =>
      tuned
        ? storedPreferences({
          adapter,
          precision,
          version: ENGINE_VERSION,
          algorithms: TUNABLE_ALGORITHMS[precision],
        })
        : Promise.resolve({}),
  });
  const { queue } = device!;
  return {
    runtime,
    async withoutWaiting<T>(body: () => Promise<T>): Promise<T> {
      queue.onSubmittedWorkDone = (): Promise<undefined> => Promise.resolve(undefined);
      try {
        return await body();
      } finally {
        delete (queue as Partial<GPUQueue>).onSubmittedWorkDone;
      }
    },
  };
}
