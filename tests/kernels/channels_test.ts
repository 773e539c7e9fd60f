import { assertEquals, assertThrows } from "@std/assert";
import { concatChannels, sliceChannels } from "../../kernels/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { build, runOnce, values } from "./run_once.ts";

gpuTest("sliceChannels() cuts out again what concatChannels() joined", async (runtime) => {
  const [a, b] = [values([2, 9, 5, 6], 1), values([2, 9, 5, 35], 2)];
  assertEquals(await runOnce(runtime, [a, b], (x, y) => sliceChannels(concatChannels(x, y), 0, 6)), a.data);
  assertEquals(await runOnce(runtime, [a, b], (x, y) => sliceChannels(concatChannels(x, y), 6, 41)), b.data);
});

Deno.test("channel operations refuse shapes and ranges that do not fit", () => {
  assertThrows(() => build([[2, 3, 4], [2, 5, 4]], concatChannels), TypeError, "may differ in the last extent only");
  assertThrows(() => build([[6, 4], [2, 3, 4]], concatChannels), TypeError, "may differ in the last extent only");
  assertThrows(() => build([[2, 5]], (x) => sliceChannels(x, 3, 3)), RangeError, "begin is 3 and end is 3");
  assertThrows(() => build([[2, 5]], (x) => sliceChannels(x, 0, 6)), RangeError, "end <= 5");
});
