import { assert, assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Scalar, scope } from "../../engine/mod.ts";
import { add, mul, silu, sub, weightedSum } from "../../kernels/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { build, runOnce, values } from "./run_once.ts";

Deno.test("add(), sub() and mul() repeat the right side over the leading dimensions", async () => {
  const runtime = new ReferenceRuntime();
  const a = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
  const b = { shape: [1, 3], data: Float32Array.of(10, 20, 30) };
  assertEquals(await runOnce(runtime, [a, b], add), Float32Array.of(11, 22, 33, 14, 25, 36));
  assertEquals(await runOnce(runtime, [a, b], sub), Float32Array.of(-9, -18, -27, -6, -15, -24));
  assertEquals(await runOnce(runtime, [a, b], mul), Float32Array.of(10, 40, 90, 40, 100, 180));
});

Deno.test("add() refuses a right side that is not the trailing part of the left, and names the scope", () => {
  assertThrows(
    () => build([[2, 3, 4], [3]], (a, b) => scope("out.2", () => add(a, b))),
    TypeError,
    'Cannot build add at "out.2": a has shape [2, 3, 4], b has [3], which is not the trailing part of a; reshape b',
  );
  assertThrows(() => build([[4], [2, 4]], add), TypeError, "not the trailing part");
});

Deno.test("weightedSum() refuses wrong numbers of terms, other shapes, and coefficients that are not finite", () => {
  assertThrows(() => build([], () => weightedSum([])), TypeError, "0 tensors");
  assertThrows(() => build([[2]], (x) => weightedSum(Array(7).fill([1, x]))), TypeError, "7 tensors");
  assertThrows(
    () => build([[2], [3]], (x, y) => weightedSum([[1, x], [2, y]])),
    TypeError,
    "term 0 has shape [2] and term 1 [3]",
  );
  assertThrows(() => build([[2]], (x) => weightedSum([[NaN, x]])), RangeError, "coefficient 0 is NaN");
});

gpuTest("silu() is finite and tends to 0 and to the identity far from 0", async (runtime) => {
  const x = { shape: [6], data: Float32Array.of(-1e38, -1000, -90, 0, 90, 1e38) };
  const y = await runOnce(runtime, [x], silu);
  assert(y.subarray(0, 3).every((value) => Math.abs(value) < 1e-30), `${y}`);
  assertEquals(Array.from(y.subarray(3)), [0, 90, Math.fround(1e38)]);
});

gpuTest("silu() gives NaN for NaN", async (runtime) => {
  assertEquals(await runOnce(runtime, [{ shape: [2], data: Float32Array.of(NaN, 0) }], silu), Float32Array.of(NaN, 0));
});

gpuTest("weighted sums of as many terms share one pipeline, whatever their coefficients are", async (runtime) => {
  const inputs = [values([9], 1), values([9], 2)];
  await runOnce(runtime, inputs, (a, b) => weightedSum([[0.5, a], [2, b]]));
  const { pipelines } = runtime.statistics();
  await runOnce(runtime, inputs, (a, b) => weightedSum([[-3, a], [0.125, b]]));
  assertEquals(runtime.statistics().pipelines, pipelines);
});

gpuTest("weightedSum() takes its scalars anew at every run", async (runtime) => {
  const stage = runtime.stage("sum", ({ x }: { x: Parameters<typeof silu>[0] }, { c }: { c: Scalar }) => ({
    y: weightedSum([[c, x], [1, x]]),
  }));
  const x = runtime.upload(Float32Array.of(1, -2), [2]);
  assertEquals(await (await stage({ x }, { c: 2 })).y.read(), Float32Array.of(3, -6));
  assertEquals(await (await stage({ x }, { c: -1 })).y.read(), Float32Array.of(0, 0));
});
