import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { sampleNormal } from "../../kernels/mod.ts";
import { faithfulness, noiseStatistics } from "../../metrics/mod.ts";

Deno.test("noiseStatistics() is (variance + mean^2 - 1 - ln variance) / 2 of the fitted normal distribution", () => {
  const { mean, variance, divergence } = noiseStatistics(Float32Array.of(1, 3, 5, 7));
  assertEquals([mean, variance], [4, 5]);
  assertAlmostEquals(divergence, 0.5 * (5 + 16 - 1 - Math.log(5)), 1e-14);
  assertEquals(noiseStatistics(Float32Array.of(2, 2)).divergence, Infinity);
  assertThrows(() => noiseStatistics(new Float32Array(0)), TypeError, "0 values");
});

Deno.test("noiseStatistics() of standard normal numbers is near zero, of wider ones is not", () => {
  const noise = sampleNormal(3, 20_000);
  const { divergence } = noiseStatistics(noise);
  assert(divergence >= 0 && divergence < 3e-4, `${divergence}`);
  const wide = noiseStatistics(noise.map((v) => 1.5 * v)).divergence;
  assertAlmostEquals(wide, 0.5 * (2.25 - 1 - Math.log(2.25)), 0.03);
});

Deno.test("faithfulness() is the Euclidean distance from the guide, and its root mean square", () => {
  assertEquals(faithfulness(Float32Array.of(1, 2, 3, 4), Float32Array.of(1, 2, 0, 0)), { l2: 5, rms: 2.5 });
  assertThrows(() => faithfulness(new Float32Array(2), new Float32Array(3)), TypeError, "2 and 3 values");
});
