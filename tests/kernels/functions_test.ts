import { assert, assertEquals } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { clampGradient, exp, gradient, reciprocalOrZero, sampleNorm, sampleSum, sqrt } from "../../kernels/mod.ts";
import { gpuTest } from "../support/gpu.ts";
import { runOnce, values } from "./run_once.ts";

gpuTest("exp() is the power of e within 1e-5 of every value", async (gpu) => {
  const x = { shape: [81], data: Float32Array.from({ length: 81 }, (_, i) => -4 + i / 10) };
  for (const runtime of [gpu, new ReferenceRuntime()]) {
    const y = await runOnce(runtime, [x], exp);
    y.forEach((value, i) => {
      const ratio = value / Math.exp(x.data[i]!);
      assert(Math.abs(ratio - 1) < 1e-5, `exp(${x.data[i]}): ratio ${ratio} on ${runtime.description}`);
    });
  }
});

gpuTest("where there is nothing, reciprocals, lengths and roots have gradients of 0", async (gpu) => {
  const zeros = { shape: [2, 3], data: new Float32Array(6) };
  for (const runtime of [gpu, new ReferenceRuntime()]) {
    assertEquals(await runOnce(runtime, [zeros], reciprocalOrZero), zeros.data);
    assertEquals(await runOnce(runtime, [zeros], (x) => gradient(sampleNorm(x), [x])[0]!), zeros.data);
    assertEquals(await runOnce(runtime, [zeros], (x) => gradient(sampleSum(sqrt(x)), [x])[0]!), zeros.data);
  }
});

gpuTest("the gradient of a clamp shows a NaN where it arose, and only there", async (gpu) => {
  const x = { shape: [4], data: Float32Array.of(NaN, -2, 0.5, 2) };
  const dy = values([4], 3);
  for (const runtime of [gpu, new ReferenceRuntime()]) {
    const y = await runOnce(runtime, [x, dy], (x, dy) => clampGradient(x, dy, -1, 1));
    assertEquals(y, Float32Array.of(NaN, 0, dy.data[2]!, 0));
  }
});
