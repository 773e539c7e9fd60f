import { assert, assertEquals } from "@std/assert";
import { degrade } from "../../cli/picture.ts";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { sampleNormal } from "../../kernels/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { DRAWS_PER_SEED } from "../../samplers/mod.ts";

Deno.test("degrade() adds sigma times the last draw of the seed, which no sampler takes", async () => {
  const runtime = new ReferenceRuntime();
  const shape = [4, 4, 3];
  const operator = createOperator("identity", shape);
  const x = runtime.upload(new Float32Array(48).fill(0.5), [1, ...shape]);
  const measure = async (sigma: number, seed: number): Promise<Float32Array> =>
    await (await degrade(runtime, operator, x, { noise: { kind: "gaussian", sigma }, seed })).read();
  const deviates = sampleNormal(3 * DRAWS_PER_SEED + DRAWS_PER_SEED - 1, 48);
  const noisy = await measure(0.25, 3);
  for (const [i, value] of noisy.entries()) assert(Math.abs(value - (0.5 + 0.25 * deviates[i]!)) < 1e-6);
  assertEquals(await measure(0, 3), new Float32Array(48).fill(0.5));
});
