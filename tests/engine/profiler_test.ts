import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Scalars, scope, type StageProfile, type Tensors, WebGpuRuntime } from "../../engine/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { costly, plus, scaled } from "../support/toy_ops.ts";

const SIZE = 2 ** 20;

/** y = factor x + factor x, in three dispatches. */
function sum({ x }: Tensors<"x">, { factor }: Scalars<"factor">): Record<"y", ReturnType<typeof plus>> {
  const [a, b] = scope("terms", () => [scope("a", () => scaled(x, factor)), scope("b", () => scaled(x, 2))]);
  return { y: scope("sum", () => plus(a!, b!)) };
}

/** A fresh runtime on which the stage "sum" has run with factor 3 on ones. */
async function withSum(body: (runtime: WebGpuRuntime, y: () => Promise<number>) => Promise<void>): Promise<void> {
  const runtime = await WebGpuRuntime.open();
  try {
    const x = runtime.upload(new Float32Array(SIZE).fill(1), [SIZE]);
    const { y } = await runtime.stage("sum", sum)({ x }, { factor: 3 });
    await body(runtime, async () => (await y.read())[SIZE - 1]!);
  } finally {
    runtime.destroy();
  }
}

function assertMatchesPlan(runtime: WebGpuRuntime, { kernels }: StageProfile): void {
  const { dispatches } = runtime.statistics().plans.get("sum")!;
  assertEquals(
    kernels.map(({ label, scope, flops, bytes, workgroups }) => ({ label, scope, flops, bytes, workgroups })),
    dispatches.map(({ label, scope, flops, bytes, workgroups }) => ({ label, scope, flops, bytes, workgroups })),
  );
  assertEquals(kernels.map(({ scope }) => scope), ["terms.a", "terms.b", "sum"]);
  for (const { label, milliseconds } of kernels) assert(milliseconds > 0, `${label} took ${milliseconds} ms`);
}

gpuTest("a profile has a row for each dispatch of the plan, and their sum is of the order of a replay", async () => {
  await withSum(async (runtime, y) => {
    const profile = await runtime.profile("sum", { replays: 3 });
    assertMatchesPlan(runtime, profile);
    assertEquals([profile.stage, profile.replays], ["sum", 3]);
    const total = profile.kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    assert(profile.kernelMilliseconds > total / 2);
    assert(total > profile.replayMilliseconds / 5, `${total} ms against ${profile.replayMilliseconds} ms`);
    assert(total < profile.replayMilliseconds * 5, `${total} ms against ${profile.replayMilliseconds} ms`);
    if (profile.spanMilliseconds !== undefined) assert(profile.spanMilliseconds >= 0.5 * total);
    assert(profile.hostMilliseconds > 0);
    assertEquals(await y(), 5);
  });
});

gpuTest("without timestamps dispatches are repeated between waits, and the result says so", async () => {
  await withSum(async (runtime, y) => {
    const profile = await runtime.profile("sum", { replays: 1, method: "repeated dispatches" });
    assertEquals([profile.method, profile.spanMilliseconds], ["repeated dispatches", undefined]);
    assertMatchesPlan(runtime, profile);
    assertEquals(await y(), 5);
  });
});

gpuTest("a profile leaves no memory behind", async () => {
  await withSum(async (runtime) => {
    const before = runtime.statistics().deviceBytes;
    await runtime.profile("sum", { replays: 2 });
    assertEquals(runtime.statistics().deviceBytes, before);
  });
});

gpuTest("a plan that is split into several submits, and one of more dispatches than a query set holds", async () => {
  const runtime = await WebGpuRuntime.open();
  const x = runtime.upload(new Float32Array(4).fill(1), [4]);
  await runtime.stage("costly", ({ x }: Tensors<"x">) => ({ y: costly(costly(costly(x))) }))({ x }, {});
  await runtime.stage("long", ({ x }: Tensors<"x">) => {
    let y = x;
    for (let i = 0; i < 2100; i++) y = scaled(y, 1);
    return { y };
  })({ x }, {});
  for (const [name, count] of [["costly", 3], ["long", 2100]] as const) {
    const { kernels } = await runtime.profile(name, { replays: 1 });
    assertEquals(kernels.length, count);
    for (const [index, { milliseconds }] of kernels.entries()) {
      assert(milliseconds > 0 && milliseconds < 1000, `${name} ${index}: ${milliseconds} ms`);
    }
  }
  runtime.destroy();
});

gpuTest(
  "each dispatch has its own time: large ones take longer than small ones that run in turn with them",
  async () => {
    const runtime = await WebGpuRuntime.open();
    try {
      const large = runtime.upload(new Float32Array(SIZE), [SIZE]);
      const small = runtime.upload(new Float32Array(4), [4]);
      await runtime.stage("mixed", ({ large, small }: Tensors<"large" | "small">) => {
        let [y, z] = [large, small];
        for (let k = 0; k < 24; k++) [y, z] = [scaled(y, k + 2), scaled(z, k + 2)];
        return { y, z };
      })({ large, small }, {});
      const { kernels } = await runtime.profile("mixed", { replays: 1 });
      const sorted = (isLarge: boolean): number[] =>
        kernels.filter(({ workgroups: [x, y] }) => (x * y > 1) === isLarge).map((kernel) => kernel.milliseconds).sort(
          (a, b) => a - b,
        );
      const [slow, fast] = [sorted(true), sorted(false)];
      assertEquals([slow.length, fast.length], [24, 24]);
      // Not the extremes: a busy machine delays single ones.
      assert(slow[6]! > 3 * fast[12]!, `large ones took ${slow} ms, small ones ${fast} ms`);
    } finally {
      runtime.destroy();
    }
  },
);

gpuTest("the time of a replay is that of one, though many run between two waits", async () => {
  const runtime = await WebGpuRuntime.open();
  try {
    const x = runtime.upload(new Float32Array(4), [4]);
    await runtime.stage("quick", ({ x }: Tensors<"x">) => {
      let y = x;
      for (let k = 0; k < 30; k++) y = scaled(y, k + 2);
      return { y };
    })({ x }, {});
    const { fastest } = await runtime.profile("quick", { replays: 5 });
    // A hundred of them take some 50 ms at least.
    assert(fastest.replayMilliseconds < 15, `${fastest.replayMilliseconds} ms`);
  } finally {
    runtime.destroy();
  }
});

gpuTest("what has not run, or was released, is not profiled, nor without replays", async () => {
  await withSum(async (runtime) => {
    await assertRejects(() => runtime.profile("other"), RangeError, 'Cannot profile stage "other"');
    await assertRejects(() => runtime.profile("sum", { replays: 0 }), RangeError, "0 replays");
    const x = runtime.upload(new Float32Array(1), [1]);
    const stage = runtime.stage("brief", ({ x }: Tensors<"x">) => ({ y: scaled(x, 2) }));
    await stage({ x }, {});
    stage.release();
    await assertRejects(() => runtime.profile("brief"), RangeError, "released");
  });
});

gpuTest("a plan tells from when to when each value lives, without overlap in a slot", async () => {
  await withSum((runtime) => {
    const { lifetimes, slotOf, inputs, outputs, dispatches } = runtime.statistics().plans.get("sum")!;
    assertEquals(lifetimes.length, 4);
    const of = (id: number): readonly number[] => {
      const { first, last } = lifetimes.find((value) => value.id === id)!;
      return [first, last];
    };
    assertEquals(of(inputs.get("x")!.id), [-1, dispatches.length]);
    assertEquals(of(outputs.get("y")!.id), [2, dispatches.length]);
    for (const a of lifetimes) {
      for (const b of lifetimes) {
        if (a === b || slotOf.get(a.id) !== slotOf.get(b.id)) continue;
        assert(a.last < b.first || b.last < a.first);
      }
    }
    return Promise.resolve();
  });
});
