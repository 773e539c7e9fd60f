import { assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { clamp } from "../../kernels/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { build, runOnce } from "./run_once.ts";

async function clampKeepsNaN(runtime: Runtime): Promise<void> {
  const x = { shape: [6], data: Float32Array.of(NaN, -Infinity, -0.5, 0.25, 2, Infinity) };
  assertEquals(await runOnce(runtime, [x], (t) => clamp(t, -1, 1)), Float32Array.of(NaN, -1, -0.5, 0.25, 1, 1));
}

Deno.test("clamp() limits infinities and lets NaN through on the CPU", () => clampKeepsNaN(new ReferenceRuntime()));
gpuTest("clamp() limits infinities and lets NaN through on the GPU", clampKeepsNaN);

Deno.test("clamp() refuses limits in the wrong order and limits that are not finite", () => {
  assertThrows(
    () => build([[2]], (x) => clamp(x, 1, -1)),
    RangeError,
    "Cannot build clamp: low is 1 and high is -1, finite numbers low <= high are needed",
  );
  assertThrows(() => build([[2]], (x) => clamp(x, NaN, 1)), RangeError, "low is NaN");
  assertThrows(() => build([[2]], (x) => clamp(x, 0, Infinity)), RangeError, "high is Infinity");
});
