import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  constant,
  DeviceLimitError,
  DeviceLostError,
  hostTensor,
  NoAdapterError,
  NonFiniteError,
  ReferenceRuntime,
  type Runtime,
  type Scalars,
  scope,
  StaleTensorError,
  type TensorPart,
  type Tensors,
  WebGpuRuntime,
} from "../../engine/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { broken, costly, plus, preparedPlus, scaled } from "../support/toy_ops.ts";

/** The same behaviour is asked of both runtimes. */
function bothTest(name: string, body: (runtime: Runtime) => Promise<void>): void {
  Deno.test(`reference runtime: ${name}`, () => body(new ReferenceRuntime()));
  gpuTest(`GPU runtime: ${name}`, body);
}

const gain = ({ x }: Tensors<"x">, { factor }: Scalars<"factor">): Record<"y", ReturnType<typeof scaled>> => ({
  y: scaled(x, factor),
});

bothTest("a stage is replayed with new scalars and its own result", async (runtime) => {
  const stage = runtime.stage("gain", gain);
  let x = runtime.upload(new Float32Array([1, -2, 3]), [3]);
  for (const factor of [2, 3, -0.5]) x = (await stage({ x }, { factor })).y;
  assertEquals(await x.read(), new Float32Array([-3, 6, -9]));
});

bothTest("each scalar of a stage reaches the calls that name it", async (runtime) => {
  const stage = runtime.stage("three", ({ x }: Tensors<"x">, { a, b, c }: Scalars<"a" | "b" | "c">) => ({
    y: plus(plus(scaled(x, a), scaled(x, b)), scaled(x, c)),
    z: scaled(x, c),
  }));
  const x = runtime.upload(new Float32Array([1, 2]), [2]);
  const { y, z } = await stage({ x }, { a: 100, b: 20, c: -3 });
  assertEquals([await y.read(), await z.read()], [new Float32Array([117, 234]), new Float32Array([-3, -6])]);
});

bothTest("a stage accepts inputs of another shape by tracing again", async (runtime) => {
  const stage = runtime.stage("gain", gain);
  const small = (await stage({ x: runtime.upload(new Float32Array([1]), [1]) }, { factor: 2 })).y;
  const large = (await stage({ x: runtime.upload(new Float32Array(70000).fill(1), [70000]) }, { factor: 3 })).y;
  assertEquals(await small.read(), new Float32Array([2]));
  assertEquals(await large.read(), new Float32Array(70000).fill(3));
});

bothTest("a result read after its stage has run again is refused, a kept one is not", async (runtime) => {
  const stage = runtime.stage("gain", gain);
  const x = runtime.upload(new Float32Array([1, 2]), [2]);
  const first = (await stage({ x }, { factor: 2 })).y;
  const kept = first.keep();
  await stage({ x }, { factor: 5 });
  await assertRejects(() => first.read(), StaleTensorError, 'stage "gain"');
  await assertRejects(() => stage({ x: first }, { factor: 1 }), StaleTensorError, 'stage "gain"');
  assertEquals(await kept.read(), new Float32Array([2, 4]));
  kept.free();
  await assertRejects(() => kept.read(), StaleTensorError, "it was freed");
});

bothTest("a released stage gives its memory back, its results are stale, and it can run again", async (runtime) => {
  const stage = runtime.stage("gain", gain);
  const x = runtime.upload(new Float32Array(1000).fill(1), [1000]);
  const before = runtime.statistics().deviceBytes;
  const { y } = await stage({ x }, { factor: 2 });
  stage.release();
  assertEquals(runtime.statistics().deviceBytes, before);
  await assertRejects(() => y.read(), StaleTensorError, 'stage "gain"');
  assertEquals((await (await stage({ x }, { factor: 3 })).y.read())[999], 3);
});

bothTest("constants and what depends on them alone reach every run", async (runtime) => {
  const bias = hostTensor(new Float32Array([10, 20]), [2]);
  const weight = runtime.upload(new Float32Array([100, 200]), [2]);
  const stage = runtime.stage("affine", ({ x }: Tensors<"x">, { s }: Scalars<"s">) => ({
    y: plus(scaled(x, s), scaled(plus(constant(bias), constant(weight)), 0.5)),
  }));
  const x = runtime.upload(new Float32Array([1, 1]), [2]);
  await stage({ x }, { s: 1 });
  assertEquals(await (await stage({ x }, { s: 2 })).y.read(), new Float32Array([57, 112]));
});

bothTest("an upload whose elements do not fill the shape is refused", async (runtime) => {
  await assertRejects(
    () => Promise.resolve().then(() => runtime.upload(new Float32Array(3), [2, 2])),
    TypeError,
    "3 elements were given, 4 are needed",
  );
});

Deno.test("a tensor of one runtime is refused by another", async () => {
  const x = new ReferenceRuntime().upload(new Float32Array([1]), [1]);
  const foreign = { ...x, read: () => x.read() } as typeof x;
  const stage = new ReferenceRuntime().stage("gain", gain);
  await assertRejects(() => stage({ x: foreign }, { factor: 1 }), TypeError, "tensor of another runtime");
});

bothTest("a tensor can come in parts that share one array, in any order", async (runtime) => {
  const before = runtime.statistics().deviceBytes;
  const count = 3_000_001;
  const array = new Float32Array(1_000_000);
  function* parts(): Generator<TensorPart> {
    for (const at of [2_000_000, 0, 3_000_000, 1_000_000]) {
      const data = array.subarray(0, Math.min(array.length, count - at));
      for (let i = 0; i < data.length; i++) data[i] = at + i;
      yield { at, data };
    }
  }
  const tensor = runtime.uploadParts({ shape: [count], dtype: "f32" }, parts());
  array.fill(-1);
  assert((await tensor.read()).every((value, i) => value === i));
  tensor.free();
  const four = { shape: [4], dtype: "f32" } as const;
  const wrong = (parts: readonly TensorPart[], message: string): void => {
    assertThrows(() => runtime.uploadParts(four, parts), TypeError, message);
  };
  wrong([{ at: 0, data: new Float32Array(3) }], "they hold 3 words, 4 are needed");
  wrong([{ at: 2, data: new Float32Array(3) }], "one ends at word 5 of 4");
  wrong([{ at: 0, data: new Uint32Array(4) }], "one is a Uint32Array");
  assertEquals(runtime.statistics().deviceBytes, before);
});

async function namesFirstNonFinite(runtime: Runtime): Promise<void> {
  const stage = runtime.stage("net", ({ x }: Tensors<"x">, { s }: Scalars<"s">) => {
    const early = scope("early", () => scaled(scaled(x, 2), s));
    return { y: scope("late", () => scaled(early, 0)) };
  });
  const x = runtime.upload(new Float32Array([3e38, 1]), [2]);
  await assertRejects(() => stage({ x }, { s: 1 }), NonFiniteError, 'scaled at "early" gave Infinity');
  const fine = runtime.upload(new Float32Array([1, 1]), [2]);
  await assertRejects(() => stage({ x: fine }, { s: 3e38 }), NonFiniteError, 'scaled at "early" gave Infinity');
  assertEquals(await (await stage({ x: fine }, { s: 1 })).y.read(), new Float32Array([0, 0]));
  runtime.destroy();
}

Deno.test("a finite check names the first scope with an infinite value on the CPU", async () => {
  await namesFirstNonFinite(new ReferenceRuntime({ checkFinite: true }));
});

gpuTest("a finite check names the first scope with an infinite value on the GPU", async () => {
  await namesFirstNonFinite(await WebGpuRuntime.open({ checkFinite: true }));
});

gpuTest("values computed from constants alone are shared by stages and computed once", async () => {
  const runtime = await WebGpuRuntime.open();
  const weight = hostTensor(new Float32Array(1000).fill(1), [1000]);
  const body = ({ x }: Tensors<"x">, { s }: Scalars<"s">): Record<"y", ReturnType<typeof plus>> => ({
    y: plus(scaled(x, s), scaled(constant(weight), 2)),
  });
  const x = runtime.upload(new Float32Array(1000), [1000]);
  await runtime.stage("one", body)({ x }, { s: 1 });
  const before = runtime.statistics().deviceBytes;
  await runtime.stage("two", body)({ x }, { s: 1 });
  const perStage = runtime.statistics().plans.get("two")!.slotBytes.reduce((a, b) => a + b, 0);
  const growth = runtime.statistics().deviceBytes - before;
  assert(growth < perStage + 3000, `the second stage took ${growth} bytes, its slots are ${perStage}`);
  assertEquals(runtime.statistics().pipelines, 3);
  runtime.destroy();
});

gpuTest("what a kernel prepares from constants is computed once and shared by stages", async () => {
  const runtime = await WebGpuRuntime.open();
  const weight = hostTensor(new Float32Array(1000).fill(3), [1000]);
  const body = ({ x }: Tensors<"x">): Record<"y", ReturnType<typeof plus>> => ({
    y: preparedPlus(preparedPlus(x, constant(weight)), constant(weight)),
  });
  const x = runtime.upload(new Float32Array(1000).fill(1), [1000]);
  assertEquals((await (await runtime.stage("one", body)({ x }, {})).y.read())[999], 7);
  const before = runtime.statistics().deviceBytes;
  assertEquals((await (await runtime.stage("two", body)({ x }, {})).y.read())[999], 7);
  const plan = runtime.statistics().plans.get("two")!;
  assertEquals([plan.prepared.length, plan.constants.size], [1, 1]);
  const growth = runtime.statistics().deviceBytes - before - plan.slotBytes.reduce((a, b) => a + b, 0);
  assert(growth < 3000, `besides its slots the second stage took ${growth} bytes`);
  runtime.destroy();
});

gpuTest("a kernel cannot prepare what is no constant", async (runtime) => {
  const stage = runtime.stage("sum", ({ x }: Tensors<"x">) => ({ y: preparedPlus(x, x) }));
  const { y } = await stage({ x: runtime.upload(new Float32Array([1, 2]), [2]) }, {});
  assertEquals(await y.read(), new Float32Array([2, 4]));
});

gpuTest("a kernel that does not compile is reported with its name and line", async (runtime) => {
  const stage = runtime.stage("bad", ({ x }: Tensors<"x">) => ({ y: broken([x], {})[0]! }));
  const x = runtime.upload(new Float32Array([1]), [1]);
  const error = await assertRejects(() => stage({ x }, {}), Error, 'Cannot compile kernel "broken.kernel"');
  assert(/nonsense/.test((error as Error).message), (error as Error).message);
});

gpuTest("a missing or infinite scalar is refused before anything runs", async (runtime) => {
  const stage = runtime.stage("gain", gain);
  const x = runtime.upload(new Float32Array([1]), [1]);
  await assertRejects(() => stage({ x }, { factor: Infinity }), RangeError, 'scalar "factor" is Infinity');
});

/** The adapters of this machine, and the devices that they have given. */
function watched(): { readonly gpu: GPU; readonly devices: GPUDevice[] } {
  const devices: GPUDevice[] = [];
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await navigator.gpu.requestAdapter(options);
    const request = adapter?.requestDevice.bind(adapter);
    return adapter && Object.assign(adapter, {
      requestDevice: async (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> => {
        const device = await request!(descriptor);
        devices.push(device);
        return device;
      },
    });
  };
  return { gpu: { requestAdapter } as unknown as GPU, devices };
}

gpuTest("work on a lost device is refused by name, and the device is not taken again", async () => {
  const { gpu, devices } = watched();
  const runtime = await WebGpuRuntime.open({ gpu });
  const stage = runtime.stage("gain", gain);
  const x = runtime.upload(new Float32Array([1]), [1]);
  await stage({ x }, { factor: 1 });
  devices.at(-1)!.destroy();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await assertRejects(() => stage({ x }, { factor: 1 }), DeviceLostError, "was lost");
  runtime.destroy();
  const known = devices.length;
  const next = await WebGpuRuntime.open({ gpu });
  assert(devices.length > known);
  assertEquals(await gainOf(next, 3), [3, 6]);
  next.destroy();
});

/** [1, 2] times a factor, on a runtime. */
async function gainOf(runtime: WebGpuRuntime, factor: number): Promise<number[]> {
  const x = runtime.upload(new Float32Array([1, 2]), [2]);
  const { y } = await runtime.stage("gain", gain)({ x }, { factor });
  return [...await y.read()];
}

gpuTest(
  "work after destroy() is refused, and the device serves the next runtime that asks for one like it",
  async () => {
    const { gpu, devices } = watched();
    const runtime = await WebGpuRuntime.open({ gpu });
    const stage = runtime.stage("gain", gain);
    const x = runtime.upload(new Float32Array([1]), [1]);
    await stage({ x }, { factor: 1 });
    runtime.destroy();
    runtime.destroy();
    await assertRejects(() => stage({ x }, { factor: 1 }), DeviceLostError, "was closed");
    assertThrows(() => runtime.upload(new Float32Array([1]), [1]), DeviceLostError, "was closed");
    const requests = devices.length;
    const [next, other] = [await WebGpuRuntime.open({ gpu }), await WebGpuRuntime.open({ gpu })];
    assertEquals(devices.length - requests, requests, "the first takes the device again, the second a new one");
    assertEquals([await gainOf(next, 2), await gainOf(other, 5)], [[2, 4], [5, 10]]);
    assertEquals(next.statistics().pipelines, 1);
    next.destroy();
    other.destroy();
  },
);

gpuTest("opening and closing many runtimes asks for one device", async () => {
  const { gpu, devices } = watched();
  for (let k = 0; k < 200; k++) (await WebGpuRuntime.open({ gpu })).destroy();
  assert(devices.length <= 4, `${devices.length} devices`);
});

gpuTest(
  "a released stage leaves nothing of its constants on the device, nor of what was computed from them",
  async (shared) => {
    const runtime = shared as WebGpuRuntime;
    const x = runtime.upload(new Float32Array([1, 2]), [2]);
    const kept = runtime.upload(new Float32Array([5, 7]), [2]);
    const run = async (): Promise<number> => {
      const own = hostTensor(new Float32Array([2, 3]), [2]);
      const stage = runtime.stage("own constants", ({ x }: Tensors<"x">) => ({
        y: plus(x, plus(constant(own), plus(constant(own), constant(kept)))),
      }));
      const { y } = await stage({ x }, {});
      assertEquals([...await y.read()], [10, 15]);
      const other = runtime.withPreferences({});
      const again = other.stage(
        "the same constants",
        ({ x }: Tensors<"x">) => ({ y: plus(x, plus(constant(own), x)) }),
      );
      stage.release();
      const { y: z } = await again({ x }, {});
      assertEquals([...await z.read()], [4, 7]);
      other.destroy();
      return runtime.statistics().deviceBytes;
    };
    const before = await run();
    for (let k = 0; k < 5; k++) assertEquals(await run(), before);
    x.free();
    kept.free();
  },
);

Deno.test("a provider without adapters is refused with what to do", async () => {
  const none = { requestAdapter: () => Promise.resolve(null) } as unknown as GPU;
  await assertRejects(() => WebGpuRuntime.open({ gpu: none }), NoAdapterError, "deno task setup");
});

gpuTest("a long plan is split into several submits and gives the same result", async (runtime) => {
  const stage = runtime.stage("long", ({ x }: Tensors<"x">) => {
    let y = x;
    for (let k = 0; k < 9; k++) y = costly(plus(y, x));
    return { y };
  });
  const x = runtime.upload(new Float32Array([1, 2]), [2]);
  assertEquals(await (await stage({ x }, {})).y.read(), new Float32Array([10, 20]));
});

gpuTest("a device whose memory is full says so, and what takes less", async () => {
  let device: GPUDevice | undefined;
  const runtime = await WebGpuRuntime.open({
    gpu: Object.assign(Object.create(navigator.gpu), {
      requestAdapter: async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
        const adapter = await navigator.gpu.requestAdapter(options);
        const request = adapter!.requestDevice.bind(adapter);
        adapter!.requestDevice = async (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> =>
          device = await request(descriptor);
        return adapter;
      },
    }),
  });
  const error = new GPUOutOfMemoryError("Not enough memory left");
  device!.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
  assertThrows(
    () => runtime.upload(new Float32Array(1), [1]),
    DeviceLimitError,
    "reported: Not enough memory left; its memory is full: use a smaller image or batch, or weights in half precision",
  );
  runtime.destroy();
});
