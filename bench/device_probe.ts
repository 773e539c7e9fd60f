/** A runtime whose waiting can be suspended, so that a benchmark decides when to wait. */
import { WebGpuRuntime } from "../engine/mod.ts";

/** An open runtime and control over its waits. */
export interface ProbedRuntime {
  readonly runtime: WebGpuRuntime;
  /**
   * Runs `body` while waits for the queue return at once: what remains of a stage is to encode and to submit it. The
   * caller settles afterwards.
   */
  withoutWaiting<T>(body: () => Promise<T>): Promise<T>;
}

/**
 * Opens the device that the engine would open.
 * @param provider where adapters come from
 * @throws {NoAdapterError} if there is none
 */
export async function openProbed(provider: GPU = navigator.gpu): Promise<ProbedRuntime> {
  let device: GPUDevice | undefined;
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await provider.requestAdapter(options);
    if (!adapter) return null;
    const request = adapter.requestDevice.bind(adapter);
    // The engine may try several devices before it keeps one: the last.
    adapter.requestDevice = async (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> =>
      device = await request(descriptor);
    return adapter;
  };
  const gpu: GPU = Object.assign(Object.create(provider), { requestAdapter });
  const runtime = await WebGpuRuntime.open({ gpu });
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
