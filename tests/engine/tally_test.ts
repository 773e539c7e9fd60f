import { assertEquals } from "@std/assert";
import {
  checkpoint,
  constant,
  counted,
  hostTensor,
  ReferenceRuntime,
  type Runtime,
  type Tensor,
  type Tensors,
} from "../../engine/mod.ts";
import { add, gradient, mul } from "../../kernels/mod.ts";
import { gpuTest } from "../support/gpu.ts";

/** The same counts are asked of both runtimes. */
function bothTest(name: string, body: (runtime: Runtime) => Promise<void>): void {
  Deno.test(`reference runtime: ${name}`, () => body(new ReferenceRuntime()));
  gpuTest(`GPU runtime: ${name}`, body);
}

const NET = { name: "net", reverse: "net vjp" };
const MAP = { name: "map", reverse: "map back" };

/** x^2 of a batch, counted. */
const square = (x: Tensor): Tensor => counted(NET, x.shape[0]!, () => mul(x, x));

/** What runs of a stage add to the counts. */
async function countsOf(
  runtime: Runtime,
  body: (x: Tensor) => Tensor,
  { runs = 1, samples = 2 }: { readonly runs?: number; readonly samples?: number } = {},
): Promise<object> {
  const stage = runtime.stage("counted", ({ x }: Tensors<"x">) => ({ y: body(x) }));
  const x = runtime.upload(new Float32Array(samples).fill(3), [samples]);
  const before = runtime.statistics().applications;
  for (let k = 0; k < runs; k++) await stage({ x }, {});
  stage.release();
  x.free();
  const added = Array.from(
    runtime.statistics().applications,
    ([name, count]) => [name, count - (before.get(name) ?? 0)] as const,
  );
  return Object.fromEntries(added.filter(([, count]) => count > 0));
}

bothTest("every run of a stage counts its applications, in items of the batch", async (runtime) => {
  assertEquals(await countsOf(runtime, (x) => square(add(square(x), x)), { runs: 3, samples: 2 }), { net: 3 * 2 * 2 });
  assertEquals(await countsOf(runtime, square, { samples: 5 }), { net: 5 });
});

bothTest("of nested applications the outermost counts", async (runtime) => {
  assertEquals(await countsOf(runtime, (x) => counted(MAP, x.shape[0]!, () => square(square(x)))), { map: 2 });
  // So of a reverse pass inside one.
  const derived = (x: Tensor): Tensor => counted(MAP, x.shape[0]!, () => gradient(square(x), [x])[0]!);
  assertEquals(await countsOf(new ReferenceRuntime(), derived), { map: 2 });
});

bothTest("what nobody uses, is equal to another, or depends on constants alone is not counted", async (runtime) => {
  const fixed = hostTensor(new Float32Array([1, 2]), [2]);
  const body = (x: Tensor): Tensor => {
    square(add(x, x));
    return add(add(square(x), square(x)), square(constant(fixed)));
  };
  assertEquals(await countsOf(runtime, body), { net: 2 });
});

bothTest("a reverse pass through applications counts one for each, however often it is recorded", async (runtime) => {
  const body = (around: (of: () => Tensor) => Tensor) => (x: Tensor): Tensor => {
    const y = around(() => square(square(x)));
    return add(y, gradient(y, [x])[0]!);
  };
  const counts = { net: 4, "net vjp": 4 };
  assertEquals(await countsOf(runtime, body((of) => of())), counts);
  // What a checkpoint computes again is part of the pass.
  assertEquals(await countsOf(runtime, body(checkpoint)), counts);
  const alone = (x: Tensor): Tensor => gradient(checkpoint(() => square(square(x))), [x])[0]!;
  assertEquals(await countsOf(runtime, alone), { net: 2, "net vjp": 4 }, "what the pass reads is evaluated once");
});

bothTest("a reverse pass beside an application does not count it", async (runtime) => {
  const body = (x: Tensor): Tensor => {
    const seen = square(x);
    return gradient(mul(seen, mul(seen, seen)), [seen])[0]!;
  };
  assertEquals(await countsOf(runtime, body), { net: 2 });
});

gpuTest(
  "what was prepared for a released stage is let go when the peak begins anew, and comes back",
  async (runtime) => {
    // As the weights of a network: the device has them whether or not a stage reads them.
    const table = runtime.upload(new Float32Array(500).fill(2), [500]);
    const stage = runtime.stage(
      "prepared",
      ({ x }: Tensors<"x">) => ({ y: mul(x, mul(constant(table), constant(table))) }),
    );
    const x = runtime.upload(new Float32Array(500).fill(3), [500]);
    const held = async (): Promise<readonly [number, Float32Array]> => {
      const { y } = await stage({ x }, {});
      return [runtime.statistics().deviceBytes, (await y.read()).slice(0, 1)];
    };
    const before = await held();
    runtime.resetPeak();
    assertEquals(await held(), before, "a stage keeps what it reads");
    stage.release();
    const { deviceBytes } = runtime.statistics();
    runtime.resetPeak();
    assertEquals(runtime.statistics().deviceBytes, deviceBytes - 2000);
    assertEquals(runtime.statistics().peakDeviceBytes, runtime.statistics().deviceBytes);
    assertEquals(await held(), before);
    stage.release();
    runtime.resetPeak();
    for (const tensor of [x, table]) tensor.free();
  },
);

gpuTest("the peak of device bytes begins anew", (runtime) => {
  const held = runtime.upload(new Float32Array(10), [10]);
  const large = runtime.upload(new Float32Array(1000), [1000]);
  large.free();
  const { deviceBytes, peakDeviceBytes } = runtime.statistics();
  assertEquals(peakDeviceBytes >= deviceBytes + 4000, true);
  runtime.resetPeak();
  assertEquals(runtime.statistics().peakDeviceBytes, deviceBytes);
  const small = runtime.upload(new Float32Array(10), [10]);
  assertEquals(runtime.statistics().peakDeviceBytes, deviceBytes + 40);
  for (const tensor of [small, held]) tensor.free();
  return Promise.resolve();
});
