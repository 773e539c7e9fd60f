/** Tests that need a GPU adapter (a software one is enough). */
import { chooseBackend, type Runtime, WebGpuRuntime } from "../../engine/mod.ts";
import "./user_cache.ts";

await chooseBackend();
const adapter = await navigator.gpu?.requestAdapter();
// deno-lint-ignore no-console -- a skipped test must say why
if (!adapter) console.log("GPU tests are skipped: no WebGPU adapter was found; `deno task setup` installs one");

let shared: WebGpuRuntime | undefined;

/** One runtime for all tests of a file, so that pipelines are compiled once. */
export async function sharedRuntime(): Promise<WebGpuRuntime> {
  return shared ??= await WebGpuRuntime.open();
}

// Drivers do not expect their process to end under them.
globalThis.addEventListener("unload", () => shared?.destroy());

/** Registers a test that gets a GPU runtime; skipped with a printed reason where there is no adapter. */
export function gpuTest(name: string, body: (runtime: Runtime) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !adapter,
    // The shared device outlives each test.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => body(await sharedRuntime()),
  });
}

/** The adapters of this machine, refusing subgroups. */
export const withoutSubgroups = changed((adapter) => ({ info: adapter.info }));

/** The adapters of this machine, refusing subgroups and passing for graphics cards, so that kernels take those forms. */
export const asGraphicsCard = changed(() => ({ info: { description: "graphics card" } as GPUAdapterInfo }));

function changed(change: (adapter: GPUAdapter) => Pick<GPUAdapter, "info">): GPU {
  return {
    async requestAdapter(options?: GPURequestAdapterOptions): Promise<unknown> {
      const adapter = await navigator.gpu.requestAdapter(options);
      return adapter && {
        limits: adapter.limits,
        features: adapter.features,
        requestDevice: (descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> => {
          const features = [...descriptor.requiredFeatures ?? []] as string[];
          if (features.includes("subgroups")) return Promise.reject(new TypeError("subgroups are refused"));
          return adapter.requestDevice(descriptor);
        },
        ...change(adapter),
      };
    },
  } as unknown as GPU;
}
