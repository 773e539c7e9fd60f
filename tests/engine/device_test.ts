/** What a runtime finds out about its device, and what it counts. */
import { assert, assertEquals } from "@std/assert";
import { WebGpuRuntime } from "../../engine/mod.ts";
import { openDevice } from "../../engine/webgpu/device.ts";
import { gpuTest } from "../support/gpu.ts";

/** Adapters with another description of themselves, which refuse some features and have other limits. */
function adapters(
  info: Partial<GPUAdapterInfo>,
  refused: readonly string[] = [],
  limits: Readonly<Record<string, number>> = {},
): GPU {
  return {
    async requestAdapter(options?: GPURequestAdapterOptions): Promise<unknown> {
      const adapter = await navigator.gpu.requestAdapter(options);
      return adapter && {
        info,
        limits: new Proxy(adapter.limits, { get: (all, name: keyof GPUSupportedLimits) => limits[name] ?? all[name] }),
        features: adapter.features,
        requestDevice: (descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> => {
          const asked = [...descriptor.requiredFeatures ?? []] as string[];
          if (asked.some((name) => refused.includes(name))) return Promise.reject(new TypeError("refused"));
          return adapter.requestDevice(descriptor);
        },
      };
    },
  } as unknown as GPU;
}

gpuTest("subgroups are used only where they are granted and all have one size", async () => {
  const sizeOf = async (least: number, most: number, refused: readonly string[] = []): Promise<[number, boolean]> => {
    const gpu = adapters({ description: "card", subgroupMinSize: least, subgroupMaxSize: most }, refused);
    const { device, profile, features } = await openDevice({ gpu });
    device.destroy();
    return [profile.subgroupSize, features.includes("subgroups")];
  };
  const [fixed, granted] = await sizeOf(8, 8);
  assertEquals(fixed, granted ? 8 : 0);
  assertEquals((await sizeOf(4, 8))[0], 0);
  assertEquals(await sizeOf(8, 8, ["subgroups"]), [0, false]);
});

gpuTest("half precision is computed in only where the device grants it", async () => {
  const { device, profile, features } = await openDevice({ gpu: adapters({ description: "card" }, ["shader-f16"]) });
  device.destroy();
  assertEquals([profile.f16, features.includes("shader-f16")], [false, false]);
});

gpuTest("an adapter counts as software where its name or its word says so", async () => {
  const software = async (info: Partial<GPUAdapterInfo>): Promise<boolean> => {
    const { device, profile } = await openDevice({ gpu: adapters(info) });
    device.destroy();
    return profile.software;
  };
  assertEquals(await software({ description: "llvmpipe (LLVM 15)" }), true);
  assertEquals(await software({ description: "card", isFallbackAdapter: true }), true);
  assertEquals(await software({ description: "card" }), false);
});

gpuTest("the maker of a GPU is known by its name or its PCI number, unless it stands for a CPU", async () => {
  const vendorOf = async (info: Partial<GPUAdapterInfo>): Promise<string | undefined> => {
    const { device, profile } = await openDevice({ gpu: adapters(info) });
    device.destroy();
    return profile.vendor;
  };
  assertEquals(await vendorOf({ vendor: "4318", description: "card" }), "nvidia");
  assertEquals(await vendorOf({ vendor: "amd", description: "card" }), "amd");
  assertEquals(await vendorOf({ vendor: "0", description: "Apple M2 Pro" }), "apple");
  assertEquals(await vendorOf({ vendor: "32902", description: "card" }), "intel");
  assertEquals(await vendorOf({ vendor: "5140", description: "card" }), undefined);
  assertEquals(await vendorOf({ vendor: "4318", description: "llvmpipe" }), undefined);
});

gpuTest("a GPU of large buffers has more room for prepared constants than others and a CPU", async () => {
  const preparedBytes = async (description: string, maxBufferSize: number): Promise<number | undefined> => {
    const { device, profile } = await openDevice({ gpu: adapters({ description }, [], { maxBufferSize }) });
    device.destroy();
    return profile.preparedBytes;
  };
  assertEquals(await preparedBytes("card", 2 ** 30), 2 ** 30);
  assertEquals(await preparedBytes("card", 2 ** 29), 2 ** 29);
  assertEquals(await preparedBytes("llvmpipe", 2 ** 30), 2 ** 29);
});

gpuTest("limits and the bytes for prepared constants can be set below those of the device", async () => {
  const { device, profile } = await openDevice({ preparedBytes: 12, limits: { maxBindingBytes: 1024 } });
  device.destroy();
  assertEquals([profile.preparedBytes, profile.maxBindingBytes], [12, 1024]);
  assert(profile.maxBufferBytes > 1024);
});

gpuTest(
  "a tensor may be as large as a buffer and the parts that a kernel can bind, for every kernel a binding",
  async () => {
    const cases = [[1024, 4096, 4096, 1024], [4096, 1024, 1024, 1024], [300, 2 ** 20, 23 * 256, 300], [
      200,
      4096,
      200,
      200,
    ]];
    for (const [maxBindingBytes, maxBufferBytes, tensor, binding] of cases as [number, number, number, number][]) {
      const limits = { maxBindingBytes, maxBufferBytes, maxStorageBuffers: 48 };
      const runtime = await WebGpuRuntime.open({ limits });
      assertEquals([runtime.maxTensorBytes, runtime.maxBindingBytes], [tensor, binding]);
      runtime.destroy();
    }
  },
);

gpuTest("the peak of memory stays when memory is given back", async () => {
  const runtime = await WebGpuRuntime.open();
  const [small, large] = [runtime.upload(new Float32Array(10), [10]), runtime.upload(new Float32Array(1000), [1000])];
  const peak = 4 * 1010;
  assertEquals([runtime.statistics().deviceBytes, runtime.statistics().peakDeviceBytes], [peak, peak]);
  large.free();
  assertEquals([runtime.statistics().deviceBytes, runtime.statistics().peakDeviceBytes], [40, peak]);
  const another = runtime.upload(new Float32Array(20), [20]);
  assertEquals([runtime.statistics().deviceBytes, runtime.statistics().peakDeviceBytes], [120, peak]);
  small.free();
  another.free();
  assertEquals(runtime.statistics().deviceBytes, 0);
  runtime.destroy();
});
