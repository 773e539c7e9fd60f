import { assert, assertEquals, assertRejects } from "@std/assert";
import { constant, defineOp, type OpDef, type Runtime, type Tensors, WebGpuRuntime } from "../../engine/mod.ts";
import { weightTexelsOp } from "../../kernels/product/weight_texels.ts";
import { elementwise } from "../../kernels/text/wgsl.ts";
import { gpuTest } from "../support/gpu.ts";
import { costly, plus, preparedPlus, scaled } from "../support/toy_ops.ts";

const SIZE = 2 ** 16;

async function withRuntime(body: (runtime: WebGpuRuntime) => Promise<void>): Promise<void> {
  const runtime = await WebGpuRuntime.open();
  try {
    await body(runtime);
  } finally {
    runtime.destroy();
  }
}

/** Runs a stage that doubles ones `count` times. */
async function run(runtime: Runtime, name: string, count: number): Promise<void> {
  const x = runtime.upload(new Float32Array(SIZE).fill(1), [SIZE]);
  const stage = runtime.stage(name, ({ x }: Tensors<"x">) => {
    let y = x;
    for (let i = 0; i < count; i++) y = plus(scaled(y, i + 2), x);
    return { y };
  });
  await stage({ x }, {});
}

for (const method of [undefined, "repeated dispatches"] as const) {
  gpuTest(`a timer gives the time of a replay that grows with its dispatches (${method ?? "default"})`, async () => {
    await withRuntime(async (runtime) => {
      await run(runtime, "one", 1);
      await run(runtime, "eight", 8);
      const { deviceBytes } = runtime.statistics();
      const [one, eight] = [await runtime.timer("one", method), await runtime.timer("eight", method)];
      if (method) assertEquals(one.method, method);
      const pairs = [];
      for (let i = 0; i < 3; i++) pairs.push([await one.sample(), await eight.sample()] as const);
      const ratios = pairs.map(([one, eight]) => eight / one).sort((a, b) => a - b);
      assert(pairs.every(([one]) => one > 0) && ratios[1]! > 3 && ratios[1]! < 24, `${pairs}`);
      assertEquals(runtime.statistics().deviceBytes, deviceBytes);
    });
  });
}

gpuTest("a timer measures a replay that is split into several submits", async () => {
  await withRuntime(async (runtime) => {
    const x = runtime.upload(new Float32Array(SIZE).fill(1), [SIZE]);
    await runtime.stage("split", ({ x }: Tensors<"x">) => ({ y: costly(costly(costly(x))) }))({ x }, {});
    assert(await (await runtime.timer("split")).sample() > 0);
    await assertRejects(() => runtime.timer("other"), RangeError, 'Cannot time stage "other": it has not run');
  });
});

/** Writes the number that the preference names. */
const preferredOp = defineOp<Record<string, never>>(
  {
    name: "preferred",
    infer: ([x]) => [x!],
    reference: (_, [x]) => [x!],
    lower: ({ inputs: [x], outputs: [y] }, target) => [
      elementwise("preferred", target, {
        read: { x: x! },
        write: { y: y! },
        body: `y[i] = x[i] + ${target.preferences?.preferred ?? "0"}.0;`,
      }),
    ],
    cost: () => ({ flops: 1, bytes: 8 }),
    examples: [],
  } satisfies OpDef<Record<string, never>>,
);

gpuTest("a runtime with preferences shares tensors, takes its own ways, and frees what it made", async () => {
  await withRuntime(async (runtime) => {
    const x = runtime.upload(Float32Array.of(1), [1]);
    const weight = runtime.upload(Float32Array.of(5), [1]);
    const body = ({ x }: Tensors<"x">): Record<"y", ReturnType<typeof plus>> => ({
      y: preparedPlus(preferredOp([x], {})[0]!, constant(weight)),
    });
    const read = async (on: WebGpuRuntime): Promise<number> =>
      (await (await on.stage("s", body)({ x }, {})).y.read())[0]!;
    const before = runtime.statistics().deviceBytes;
    const view = runtime.withPreferences({ preferred: "7" });
    assertEquals([await read(view)], [13]);
    assert(view.statistics().deviceBytes > before);
    view.destroy();
    assertEquals(runtime.statistics().deviceBytes, before);
    assertEquals(await read(runtime), 6);
    const prepared = runtime.statistics().deviceBytes;
    const sharing = runtime.withPreferences({ preferred: "2" });
    const stage = sharing.stage("s", body);
    assertEquals((await (await stage({ x }, {})).y.read())[0], 8);
    stage.release();
    assertEquals(runtime.statistics().deviceBytes, prepared, "prepared constants are shared");
    sharing.destroy();
    assertEquals(await read(runtime), 6);
  });
});

/** x plus the first row of a weight [4, 16], which is read from a texture. */
const sampledOp = defineOp<Record<string, never>>({
  ...preferredOp.definition,
  name: "sampled",
  lower: ({ inputs: [x, weight], outputs: [y] }, target) => [
    elementwise("sampled", target, {
      read: {
        x: x!,
        texels: { tensor: target.prepared(weightTexelsOp.definition, [weight!], { depth: 4 })!, type: "texture" },
      },
      write: { y: y! },
      body: `y[i] = ${target.preferences?.sampled ?? "1"}.0 * x[i] + textureLoad(texels, vec2u(i, 0u), 0).x;`,
    }),
  ],
});

gpuTest("textures are shared with a runtime with preferences, or freed with it", async () => {
  await withRuntime(async (runtime) => {
    const x = runtime.upload(Float32Array.of(2), [1]);
    const weight = runtime.upload(new Float32Array(64).fill(3), [4, 16]);
    const body = ({ x }: Tensors<"x">): Record<"y", ReturnType<typeof plus>> => ({
      y: sampledOp([x, constant(weight)], {})[0]!,
    });
    const read = async (on: WebGpuRuntime): Promise<number> => {
      const stage = on.stage("s", body);
      const [value] = await (await stage({ x }, {})).y.read();
      stage.release();
      return value!;
    };
    const before = runtime.statistics().deviceBytes;
    const owner = runtime.withPreferences({ sampled: "5" });
    assertEquals(await read(owner), 13);
    owner.destroy();
    assertEquals(runtime.statistics().deviceBytes, before);
    assertEquals(await read(runtime), 5);
    const prepared = runtime.statistics().deviceBytes;
    const sharing = runtime.withPreferences({ sampled: "7" });
    assertEquals(await read(sharing), 17);
    assertEquals(runtime.statistics().deviceBytes, prepared);
    sharing.destroy();
    assertEquals(await read(runtime), 5);
  });
});

gpuTest("preferences can be found once the adapter is known", async () => {
  const runtime = await WebGpuRuntime.open({
    preferences: ({ description, features }) =>
      Promise.resolve({ preferred: `${description.length + features.length}` }),
  });
  try {
    const x = runtime.upload(Float32Array.of(1), [1]);
    const { y } = await runtime.stage("s", ({ x }: Tensors<"x">) => ({ y: preferredOp([x], {})[0]! }))({ x }, {});
    const { description, features } = runtime.adapter;
    assertEquals((await y.read())[0], 1 + description.length + features.length);
  } finally {
    runtime.destroy();
  }
});
