/** What a runtime hands to the device at once, and when it waits. */
import { assert, assertEquals } from "@std/assert";
import { type Stage, type Tensors, WebGpuRuntime } from "../../engine/mod.ts";
import { FIRST_SUBMIT_FLOPS, submitsOf } from "../../engine/webgpu/pace.ts";
import { gpuTest } from "../support/gpu.ts";
import { costly, plus } from "../support/toy_ops.ts";

/** Calls of the queue of a device. */
interface Counts {
  submits: number;
  waits: number;
  /** Bytes written since the last submit, and the most of them at any time. */
  written: number;
  mostWritten: number;
  /** Milliseconds that a wait takes longer. */
  delay: number;
}

/** A runtime whose queue is watched. */
async function withCounts(
  body: (runtime: WebGpuRuntime, counts: Counts) => Promise<void>,
  { asCard = true }: { readonly asCard?: boolean } = {},
): Promise<void> {
  const counts: Counts = { submits: 0, waits: 0, written: 0, mostWritten: 0, delay: 0 };
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await navigator.gpu.requestAdapter(options);
    // Drivers of graphics cards have watchdogs.
    if (asCard) Object.defineProperty(adapter, "info", { value: { description: "graphics card" } });
    const request = adapter!.requestDevice.bind(adapter);
    adapter!.requestDevice = async (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> => {
      const device = await request(descriptor);
      watch(device.queue, counts);
      return device;
    };
    return adapter;
  };
  const gpu = Object.assign(Object.create(navigator.gpu), { requestAdapter }) as GPU;
  const runtime = await WebGpuRuntime.open({ gpu });
  try {
    await body(runtime, counts);
  } finally {
    runtime.destroy();
  }
}

function watch(queue: GPUQueue, counts: Counts): void {
  const [submit, done, write] = [
    queue.submit.bind(queue),
    queue.onSubmittedWorkDone.bind(queue),
    queue.writeBuffer.bind(queue),
  ];
  queue.submit = (buffers): undefined => {
    counts.submits++;
    counts.written = 0;
    submit(buffers);
  };
  queue.onSubmittedWorkDone = async () => {
    counts.waits++;
    await new Promise((resolve) => setTimeout(resolve, counts.delay));
    return await done();
  };
  queue.writeBuffer = (buffer: GPUBuffer, at: number, data: Uint8Array<ArrayBuffer>): undefined => {
    counts.written += data.byteLength;
    counts.mostWritten = Math.max(counts.mostWritten, counts.written);
    write(buffer, at, data);
  };
}

/** A stage of nine dispatches that state 30 GFLOP each, and nine that state almost none. */
function nineCostly(runtime: WebGpuRuntime): Stage<"x", never, "y"> {
  return runtime.stage("long", ({ x }: Tensors<"x">) => {
    let y = x;
    for (let k = 0; k < 9; k++) y = costly(plus(y, x));
    return { y };
  });
}

gpuTest("what has not run yet is handed over in small submits, what is known to be quick in larger ones", async () => {
  await withCounts(async (runtime, counts) => {
    const stage = nineCostly(runtime);
    const x = runtime.upload(new Float32Array([1, 2]), [2]);
    counts.submits = 0;
    await stage({ x }, {});
    assertEquals(counts.submits, 18);
    counts.submits = 0;
    const { y } = await stage({ x }, {});
    // Two of 30 GFLOP each: a submit may grow to 80 GFLOP at once.
    assertEquals(counts.submits, 5);
    assertEquals(await y.read(), new Float32Array([10, 20]));
  });
});

gpuTest("software adapters, which have no watchdog, get submits of 40 GFLOP whatever was measured", async (runtime) => {
  if (!(runtime as WebGpuRuntime).software) return;
  await withCounts(async (runtime, counts) => {
    const stage = nineCostly(runtime);
    const x = runtime.upload(new Float32Array([1, 2]), [2]);
    for (let run = 0; run < 2; run++) {
      counts.submits = 0;
      await stage({ x }, {});
      assertEquals(counts.submits, 9);
    }
  }, { asCard: false });
});

gpuTest("the time of a run decides the submits of the next: a quarter of a second each", async () => {
  await withCounts(async (runtime, counts) => {
    const stage = nineCostly(runtime);
    const x = runtime.upload(new Float32Array([1, 2]), [2]);
    counts.delay = 1600;
    await stage({ x }, {});
    counts.delay = 0;
    counts.submits = 0;
    const { y } = await stage({ x }, {});
    // 9 x 30 GFLOP in 1.6 s: one of them, and not two, takes a quarter of a second.
    assertEquals(counts.submits, 9);
    assertEquals(await y.read(), new Float32Array([10, 20]));
  });
});

Deno.test("no submit holds more than its share of the time, or its number of dispatches", () => {
  const ofFlops = (flops: readonly number[], budget = FIRST_SUBMIT_FLOPS, most?: number): readonly number[][] =>
    submitsOf(flops.map((flops) => ({ flops })), budget, most).map(({ first, end }) => [first, end]);
  assertEquals(ofFlops([]), [[0, 0]]);
  assertEquals(ofFlops([1e9, 3e9, 1, 16e9, 0, 0]), [[0, 2], [2, 3], [3, 4], [4, 6]]);
  assertEquals(ofFlops([2, 2, 2, 2], 2), [[0, 1], [1, 2], [2, 3], [3, 4]]);
  assertEquals(ofFlops([2, 2, 2, 2], 4), [[0, 2], [2, 4]]);
  assertEquals(ofFlops([0, 0, 0], 0, 2), [[0, 2], [2, 3]]);
  assertEquals(ofFlops([0, 0, 0], NaN), [[0, 3]]);
});

gpuTest("a short plan is one submit", async () => {
  await withCounts(async (runtime, counts) => {
    const stage = runtime.stage("short", ({ x }: Tensors<"x">) => ({ y: plus(plus(x, x), x) }));
    const x = runtime.upload(new Float32Array([1]), [1]);
    await stage({ x }, {});
    counts.submits = 0;
    await stage({ x }, {});
    assertEquals(counts.submits, 1);
  });
});

gpuTest("an upload is submitted piece by piece, so that the host never holds much of it", async () => {
  await withCounts(async (runtime, counts) => {
    const count = 5 * 2 ** 18;
    const tensor = runtime.upload(Float32Array.from({ length: count }, (_, i) => i), [count]);
    assertEquals(counts.submits, 5);
    assert(counts.mostWritten <= 2 ** 20, `${counts.mostWritten} bytes were written before a submit`);
    assert((await tensor.read()).every((value, i) => value === i));
  });
});

gpuTest("a run of unknown length is waited for, quick ones after it only now and then", async () => {
  await withCounts(async (runtime, counts) => {
    const stage = runtime.stage("quick", ({ x }: Tensors<"x">) => ({ y: plus(x, x) }));
    const x = runtime.upload(new Float32Array([1]), [1]);
    await stage({ x }, {});
    assert(counts.waits > 0, "nothing waited for the first run");
    counts.waits = 0;
    for (let run = 0; run < 10; run++) await stage({ x }, {});
    assert(counts.waits < 10, `10 quick runs waited ${counts.waits} times`);
  });
});
