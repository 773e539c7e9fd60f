/** A compiler that is slow at long texts gets short ones. */
import { assertEquals } from "@std/assert";
import { defineOp, type Op, type Tensors, WebGpuRuntime } from "../../engine/mod.ts";
import { kernel } from "../../kernels/text/wgsl.ts";
import { gpuTest } from "../support/gpu.ts";

/** Adapters whose devices take so many milliseconds more to compile a pipeline, by the clock of this program. */
function slow(milliseconds: number): { readonly gpu: GPU; readonly restore: () => void } {
  const now = performance.now.bind(performance);
  let passed = 0;
  performance.now = () => now() + passed;
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await navigator.gpu.requestAdapter(options);
    const request = adapter!.requestDevice.bind(adapter);
    adapter!.requestDevice = async (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> => {
      const device = await request(descriptor);
      const create = device.createComputePipeline.bind(device);
      device.createComputePipeline = (descriptor): GPUComputePipeline => {
        passed += milliseconds;
        return create(descriptor);
      };
      return device;
    };
    return adapter;
  };
  const gpu = Object.assign(Object.create(navigator.gpu), { requestAdapter }) as GPU;
  return { gpu, restore: () => performance.now = now };
}

/** Writes `long`, or `short` where the short text was compiled, if there is one. */
function written(long: number, short?: number): Op<Record<string, never>> {
  return defineOp<Record<string, never>>({
    name: `written${long}`,
    infer: ([x]) => [x!],
    reference: (_, [x]) => [x!],
    lower: ({ inputs: [x], outputs: [y] }) => [
      kernel({
        label: "written",
        read: { x: x! },
        write: { y: y! },
        workgroupSize: 1,
        workgroups: [1, 1, 1],
        body: `y[0] = x[0] + ${long}.0;`,
        ...(short === undefined ? {} : { shortBody: `y[0] = x[0] + ${short}.0;` }),
      }),
    ],
    cost: () => ({ flops: 0, bytes: 8 }),
    examples: [],
  });
}

gpuTest("after a text that took more than three seconds others are compiled in their short form", async () => {
  for (const [milliseconds, expected] of [[4000, [1, 2, 13, 1]], [1000, [1, 2, 3, 1]]] as const) {
    const { gpu, restore } = slow(milliseconds);
    const runtime = await WebGpuRuntime.open({ gpu });
    try {
      const x = runtime.upload(Float32Array.of(0), [1]);
      const found: number[] = [];
      // One without a short form says nothing, however slow; what is compiled stays as it is.
      for (const op of [written(1), written(2, 12), written(3, 13), written(1)]) {
        const stage = runtime.stage("s", ({ x }: Tensors<"x">) => ({ y: op([x], {})[0]! }));
        found.push((await (await stage({ x }, {})).y.read())[0]!);
      }
      assertEquals(found, [...expected], `${milliseconds} ms`);
    } finally {
      runtime.destroy();
      restore();
    }
  }
});
