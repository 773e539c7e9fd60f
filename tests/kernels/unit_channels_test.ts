import { assert, assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { relu, unitChannels } from "../../kernels/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { build, runOnce } from "./run_once.ts";

Deno.test("unitChannels() gives every pixel length 1 and leaves a black one black", async () => {
  const x = { shape: [2, 2], data: Float32Array.of(3, -4, 0, 0) };
  assertEquals(
    await runOnce(new ReferenceRuntime(), [x], (t) => unitChannels(t, 1e-10)),
    Float32Array.of(3 / 5, -4 / 5, 0, 0),
  );
  assertThrows(() => build([[2, 2]], (t) => unitChannels(t, -1)), RangeError, "eps is -1");
});

gpuTest("relu() keeps positive numbers, drops negative ones and shows a NaN", async (runtime) => {
  const x = { shape: [4], data: Float32Array.of(-2, 0.5, NaN, 3e38) };
  const y = await runOnce(runtime, [x], relu);
  assertEquals([y[0], y[1], y[3]], [0, 0.5, x.data[3]]);
  assert(Number.isNaN(y[2]));
});
