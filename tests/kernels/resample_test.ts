import { assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { averagePool, bilinearResize, upsampleNearest } from "../../kernels/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { build, runOnce, values } from "./run_once.ts";

gpuTest("averagePool() undoes upsampleNearest()", async (runtime) => {
  const x = values([2, 5, 7, 3], 1);
  for (const factor of [1, 2, 5]) {
    assertClose(await runOnce(runtime, [x], (t) => averagePool(upsampleNearest(t, factor), factor)), x.data, 2e-7);
  }
});

Deno.test("bilinearResize() interpolates between pixel centres and repeats the border", async () => {
  const runtime = new ReferenceRuntime();
  const row = { shape: [1, 1, 4, 1], data: Float32Array.of(0, 4, 8, 4) };
  assertEquals(
    await runOnce(runtime, [row], (x) => bilinearResize(x, 1, 8)),
    Float32Array.of(0, 1, 3, 5, 7, 7, 5, 4),
  );
  assertEquals(await runOnce(runtime, [row], (x) => bilinearResize(x, 1, 2)), Float32Array.of(2, 6));
  const column = { shape: [1, 2, 1, 1], data: Float32Array.of(1, 3) };
  assertEquals(await runOnce(runtime, [column], (x) => bilinearResize(x, 4, 1)), Float32Array.of(1, 1.5, 2.5, 3));
});

gpuTest("bilinearResize() keeps a constant image and agrees with the CPU", async (runtime) => {
  const flat = values([1, 5, 3, 2], 1, () => 0.75);
  assertClose(
    await runOnce(runtime, [flat], (x) => bilinearResize(x, 8, 11)),
    new Float32Array(8 * 11 * 2).fill(0.75),
    1e-7,
  );
  const x = values([2, 6, 5, 3], 2);
  const expected = await runOnce(new ReferenceRuntime(), [x], (t) => bilinearResize(t, 9, 4));
  assertClose(await runOnce(runtime, [x], (t) => bilinearResize(t, 9, 4)), expected, 1e-6);
});

Deno.test("resampling refuses other ranks, factors that are no positive integer, and blocks beyond the image", () => {
  assertThrows(() => build([[4, 4, 3]], (x) => upsampleNearest(x, 2)), TypeError, "[N, H, W, C] is needed");
  assertThrows(() => build([[1, 4, 4, 3]], (x) => upsampleNearest(x, 1.5)), RangeError, "the factor is 1.5");
  assertThrows(() => build([[1, 4, 9, 3]], (x) => averagePool(x, 5)), RangeError, "at most 4 is needed");
  assertThrows(() => build([[4, 4]], (x) => bilinearResize(x, 2, 2)), TypeError, "[N, H, W, C] is needed");
  assertThrows(() => build([[1, 4, 4, 3]], (x) => bilinearResize(x, 0, 2)), RangeError, "height is 0 and width is 2");
});
