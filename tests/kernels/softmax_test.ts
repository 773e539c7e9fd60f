import { assert, assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { softmax } from "../../kernels/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { build, runOnce, values } from "./run_once.ts";

gpuTest("softmax() survives logits that would overflow, and its rows sum to 1", async (runtime) => {
  const y = await runOnce(runtime, [values([5, 77], 3, (value) => 1000 * value)], softmax);
  for (let row = 0; row < 5; row++) {
    const sum = y.subarray(row * 77, (row + 1) * 77).reduce((a, b) => a + b, 0);
    assert(Math.abs(sum - 1) < 1e-6, `row ${row} sums to ${sum}`);
  }
});

Deno.test("the reference of softmax() survives logits that would overflow", async () => {
  const x = { shape: [2, 2], data: Float32Array.of(1000, 1000, -2000, -1000) };
  assertEquals(await runOnce(new ReferenceRuntime(), [x], softmax), Float32Array.of(0.5, 0.5, 0, 1));
});

gpuTest("softmax() gives NaN in the rows that hold one, and only there", async (runtime) => {
  const y = await runOnce(runtime, [{ shape: [2, 2], data: Float32Array.of(NaN, 1, 2, 2) }], softmax);
  assertEquals(y, Float32Array.of(NaN, NaN, 0.5, 0.5));
});

Deno.test("softmax() refuses a single number", () => {
  assertThrows(() => build([[]], softmax), TypeError, "Cannot build softmax: x has shape [], [..., C] is needed");
});
