import { assert, assertEquals, assertThrows } from "@std/assert";
import { defineOp, type DeviceProfile, type Op, ReferenceRuntime, type Tensor } from "../../engine/mod.ts";
import { attention, attentionGradientOp, attentionOp, gradient, sampleDot } from "../../kernels/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { build, runOnce, type Values, values } from "./run_once.ts";

/** An operation as it is lowered for another class of devices, recording the kernels it chose. */
function loweredFor<A>({ definition }: Op<A>, profile: Partial<DeviceProfile>, labels: Set<string>): Op<A> {
  return defineOp({
    ...definition,
    lower: (call, target) => {
      const own = Object.entries(profile).map(([name, value]) => [name, { value }]);
      const dispatches = definition.lower(call, Object.create(target, Object.fromEntries(own)));
      for (const { label } of dispatches) labels.add(label);
      return dispatches;
    },
  });
}

const NO_SUBGROUPS = { subgroupSize: 0, leastSubgroupSize: 0 };
const SPLIT = ["attention.tile.part", "attention.merge"];

/** On graphics cards: one lane for each query, two that shuffle, four that share memory, and no memory for any. */
const CLASSES = [
  { profile: { software: false }, head: 6, lengths: [131, 67], kernels: [...SPLIT, "attention.tile"] },
  { profile: { software: false }, head: 36, lengths: [131], kernels: SPLIT },
  { profile: { software: false, ...NO_SUBGROUPS }, head: 68, lengths: [131], kernels: SPLIT },
  {
    profile: { software: false, ...NO_SUBGROUPS, maxWorkgroupBytes: 4096 },
    head: 68,
    lengths: [67, 64, 3],
    kernels: ["attention.wide"],
  },
  { profile: { software: true, subgroupSize: 0 }, head: 6, lengths: [67, 64, 3], kernels: ["attention.serial"] },
  { profile: { software: true }, head: 68, lengths: [67, 64, 3], kernels: ["attention.serial"] },
] as const;

for (const { profile, head, lengths, kernels } of CLASSES) {
  const device = JSON.stringify(profile);
  gpuTest(`attention() of head width ${head} matches its reference as lowered for ${device}`, async (runtime) => {
    const labels = new Set<string>();
    const op = loweredFor(attentionOp, profile, labels);
    for (const [index, length] of lengths.entries()) {
      const x = values([2, length, 3 * 2 * head], 1, (v) => 3 * v);
      const attrs = { heads: 2, order: index === 0 ? "legacy" as const : "new" as const, scale: head ** -0.5 };
      const expected = await runOnce(new ReferenceRuntime(), [x], (qkv) => attentionOp([qkv], attrs)[0]!);
      const actual = await runOnce(runtime, [x], (qkv) => op([qkv], attrs)[0]!);
      assertClose(actual, expected, 1e-5, `T = ${length}`);
      const alone = { shape: [1, ...x.shape.slice(1)], data: x.data.subarray(x.data.length / 2) };
      const second = await runOnce(runtime, [alone], (qkv) => op([qkv], attrs)[0]!);
      assertEquals(second, actual.subarray(actual.length / 2), "an image gives the same bits alone and in a batch");
    }
    assertEquals([...labels], [...kernels]);
  });
}

gpuTest("attention() is exact for logits of several hundred, where one key takes all the weight", async (runtime) => {
  const x = values([1, 40, 3 * 16], 5, (v) => 30 * v);
  const run = (qkv: Tensor): Tensor => attention(qkv, { heads: 2, order: "legacy" });
  const actual = await runOnce(runtime, [x], run);
  assertClose(actual, await runOnce(new ReferenceRuntime(), [x], run), 1e-4);
  assert(actual.every(Number.isFinite));
});

gpuTest("attention() over 4096 positions needs no matrix of that size", async (runtime) => {
  const length = 4096;
  const x = values([1, length, 3 * 8], 6);
  const before = runtime.statistics().peakDeviceBytes;
  const y = await runOnce(runtime, [x], (qkv) => attention(qkv, { heads: 1, order: "new", scale: 0 }));
  const mean = Array.from({ length: 8 }, (_, c) => {
    let sum = 0;
    for (let t = 0; t < length; t++) sum += x.data[t * 24 + 16 + c]!;
    return sum / length;
  });
  assertClose(y.subarray(8 * 4095), mean, 1e-4, "equal weights give the mean of v");
  assert(runtime.statistics().peakDeviceBytes - before < 4 * length * length / 8);
});

Deno.test("the two head orders differ by a permutation of the channels alone", async () => {
  const [heads, head, length] = [3, 4, 5];
  const channels = heads * head;
  const x = values([1, length, 3 * channels], 7);
  const moved: Values = { shape: x.shape, data: new Float32Array(x.data.length) };
  for (let t = 0; t < length; t++) {
    for (let part = 0; part < 3; part++) {
      for (let h = 0; h < heads; h++) {
        for (let c = 0; c < head; c++) {
          const legacy = h * 3 * head + part * head + c;
          moved.data[t * 3 * channels + part * channels + h * head + c] = x.data[t * 3 * channels + legacy]!;
        }
      }
    }
  }
  const runtime = new ReferenceRuntime();
  assertEquals(
    await runOnce(runtime, [moved], (qkv) => attention(qkv, { heads, order: "new" })),
    await runOnce(runtime, [x], (qkv) => attention(qkv, { heads, order: "legacy" })),
  );
});

Deno.test("the default scale is the inverse root of the head width", async () => {
  const x = values([1, 5, 3 * 8], 8);
  const runtime = new ReferenceRuntime();
  assertEquals(
    await runOnce(runtime, [x], (qkv) => attention(qkv, { heads: 2, order: "new" })),
    await runOnce(runtime, [x], (qkv) => attention(qkv, { heads: 2, order: "new", scale: 0.5 })),
  );
});

Deno.test("attention() refuses shapes without q, k and v, and heads that do not divide the channels", () => {
  assertThrows(
    () => build([[1, 5, 16]], (x) => attention(x, { heads: 1, order: "new" })),
    TypeError,
    "Cannot build attention: qkv has shape [1, 5, 16], a last extent of 3C is needed (q, k and v of C channels)",
  );
  assertThrows(() => build([[5, 24]], (x) => attention(x, { heads: 1, order: "new" })), TypeError, "[N, T, 3C]");
  assertThrows(
    () => build([[1, 5, 24]], (x) => attention(x, { heads: 3, order: "new" })),
    RangeError,
    "the number of heads is 3, a divisor of the 8 channels is needed",
  );
  assertThrows(() => build([[1, 5, 24]], (x) => attention(x, { heads: 0, order: "new" })), RangeError, "heads is 0");
});

const GRADIENT_CLASSES = [
  { profile: {}, head: 6, kernel: "shuffle" },
  { profile: { software: false }, head: 6, kernel: undefined },
  { profile: { software: false }, head: 68, kernel: undefined },
  { profile: { software: true, subgroupSize: 0 }, head: 6, kernel: "serial" },
  { profile: { software: true }, head: 68, kernel: "serial" },
] as const;

for (const { profile, head, kernel } of GRADIENT_CLASSES) {
  const device = JSON.stringify(profile);
  gpuTest(`the gradient of attention() of head width ${head} as lowered for ${device}`, async (runtime) => {
    const labels = new Set<string>();
    const op = loweredFor(attentionGradientOp, profile, labels);
    for (const [length, order] of [[67, "legacy"], [64, "new"], [3, "new"]] as const) {
      const shape = [2, length, 2 * head];
      const given = [values([2, length, 6 * head], 1, (v) => 3 * v), values(shape, 2), values(shape, 3)];
      const attrs = { heads: 2, order, scale: head ** -0.5 };
      const expected = await runOnce(new ReferenceRuntime(), given, (...x) => attentionGradientOp(x, attrs)[0]!);
      assertClose(await runOnce(runtime, given, (...x) => op(x, attrs)[0]!), expected, 1e-5, `T = ${length}`);
    }
    if (runtime.description.includes("llvmpipe") || kernel !== "shuffle") {
      const suffix = kernel ? `.${kernel}` : "";
      assertEquals([...labels], ["queries", "keys"].map((pass) => `attentionGradient.${pass}${suffix}`));
    }
  });
}

gpuTest("the gradient of attention() is sound for logits of several hundred", async (runtime) => {
  const given = [values([1, 40, 3 * 16], 5, (v) => 30 * v), values([1, 40, 16], 6)];
  const run = (qkv: Tensor, dy: Tensor): Tensor =>
    gradient(sampleDot(attention(qkv, { heads: 2, order: "legacy" }), dy), [qkv])[0]!;
  const actual = await runOnce(runtime, given, run);
  assertClose(actual, await runOnce(new ReferenceRuntime(), given, run), 1e-4);
  assert(actual.every(Number.isFinite));
});

gpuTest("the gradient of attention() over 4096 positions needs no matrix of that size", async (runtime) => {
  const length = 4096;
  const given = [values([1, length, 3 * 8], 6), values([1, length, 8], 7)];
  const before = runtime.statistics().peakDeviceBytes;
  const dqkv = await runOnce(runtime, given, (qkv, dy) => {
    return gradient(sampleDot(attention(qkv, { heads: 1, order: "new", scale: 0 }), dy), [qkv])[0]!;
  });
  const mean = Array.from({ length: 8 }, (_, c) => {
    let sum = 0;
    for (let t = 0; t < length; t++) sum += given[1]!.data[8 * t + c]!;
    return sum / length;
  });
  assertClose(dqkv.subarray(24 * 4095 + 16), mean, 1e-4, "equal weights give the mean of dy to every v");
  assert(runtime.statistics().peakDeviceBytes - before < 4 * length * length / 8);
});
