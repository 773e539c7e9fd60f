/** Timestamps whose ticks are no nanoseconds: what is told of them is right, or they are refused. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Tensors, WebGpuRuntime } from "../../engine/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { scaled } from "../support/toy_ops.ts";

const SIZE = 2 ** 18;

/** The adapters of this machine, which count `ticks` ticks a nanosecond. */
function ticking(ticks: number): GPU {
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await navigator.gpu.requestAdapter(options);
    const request = adapter!.requestDevice.bind(adapter);
    adapter!.requestDevice = async (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> => {
      const device = await request(descriptor);
      scaleTimestamps(device, ticks);
      return device;
    };
    return adapter;
  };
  return Object.assign(Object.create(navigator.gpu), { requestAdapter }) as GPU;
}

/** What is mapped after queries were resolved are their timestamps. */
function scaleTimestamps(device: GPUDevice, ticks: number): void {
  let areNext = false;
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor: GPUBufferDescriptor): GPUBuffer => {
    const buffer = create(descriptor);
    if (descriptor.usage & GPUBufferUsage.MAP_READ && areNext) {
      const map = buffer.getMappedRange.bind(buffer);
      buffer.getMappedRange = (...range): ArrayBuffer =>
        new BigUint64Array(map(...range)).map((count) => BigInt(Math.round(Number(count) * ticks))).buffer;
    }
    areNext = (descriptor.usage & GPUBufferUsage.QUERY_RESOLVE) !== 0;
    return buffer;
  };
}

/** A runtime on such an adapter, on which a stage "eight" of eight dispatches has run. */
async function withTicks(ticks: number, body: (runtime: WebGpuRuntime) => Promise<void>): Promise<void> {
  const runtime = await WebGpuRuntime.open({ gpu: ticking(ticks) });
  try {
    if (!runtime.features.includes("timestamp-query")) return;
    const x = runtime.upload(new Float32Array(SIZE).fill(1), [SIZE]);
    await runtime.stage("eight", ({ x }: Tensors<"x">) => {
      let y = x;
      for (let k = 0; k < 8; k++) y = scaled(y, k + 2);
      return { y };
    })({ x }, {});
    await body(runtime);
  } finally {
    runtime.destroy();
  }
}

gpuTest("a timer tells milliseconds where a tick takes 80 ns", async () => {
  await withTicks(1 / 80, async (runtime) => {
    const [timer, wall] = [await runtime.timer("eight"), await runtime.timer("eight", "repeated dispatches")];
    assertEquals([timer.method, wall.method], ["timestamps", "repeated dispatches"]);
    const ratios = [];
    for (let k = 0; k < 3; k++) ratios.push(await timer.sample() / await wall.sample());
    const middle = ratios.sort((a, b) => a - b)[1]!;
    assert(middle > 0.5 && middle < 2, `${ratios}`);
  });
});

gpuTest("a profile tells milliseconds where a tick takes 10 ns", async () => {
  await withTicks(1 / 10, async (runtime) => {
    const { fastest, method } = await runtime.profile("eight", { replays: 1 });
    const part = fastest.kernelMilliseconds / fastest.replayMilliseconds;
    assert(method === "timestamps" && part > 0.3 && part < 3, `${part}`);
  });
});

gpuTest("timestamps are refused where no known tick makes them agree with wall time", async () => {
  // A tick of 3.2 ns: between 1 and 10 ns no clock is known.
  await withTicks(1 / 3.2, async (runtime) => {
    const error = await assertRejects(() => runtime.timer("eight"), Error, 'Cannot time stage "eight" with timestamps');
    assert(/ms of wall time gave \d+ ticks, which is \d.* ns a tick.*within 20 %/.test(error.message), error.message);
    await assertRejects(() => runtime.profile("eight"), Error, "repeat dispatches between waits");
  });
});
