/** Sequential Monte Carlo: resampling, and the posterior that many particles draw from. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { seededNoise } from "../../samplers/mod.ts";
import { chosen, normalised, parents, uniformSource } from "../../samplers/methods/particles/particles.ts";
import { restored } from "./few_steps.ts";
import { gaussianModel } from "./gaussian_model.ts";

Deno.test("weights are normalised whatever their size, and a particle is chosen as often as it weighs", () => {
  const logs = normalised([-1000, -1000 + Math.log(3), -1000 + Math.log(6)]);
  for (const [i, weight] of [0.1, 0.3, 0.6].entries()) assertAlmostEquals(Math.exp(logs[i]!), weight, 1e-12);
  const positions = Array.from({ length: 1000 }, (_, i) => (i + 0.5) / 1000);
  const counts = [0, 0, 0];
  for (const position of positions) counts[chosen(logs, position)]!++;
  assertEquals(counts, [100, 300, 600]);
});

Deno.test("parents of systematic and stratified resampling lie in their part of the weights", () => {
  const logs = normalised([Math.log(1), Math.log(5), Math.log(1), Math.log(3)]);
  assertEquals(parents(logs, [0.3], "systematic"), [0, 1, 1, 3]);
  assertEquals(parents(logs, [0.9], "systematic"), [1, 1, 3, 3]);
  assertEquals(parents(logs, [0.3, 0.9, 0.3, 0.9], "stratified"), [0, 1, 1, 3]);
  assertEquals(parents(logs, [0.95, 0.05, 0.65, 0.5], "multinomial"), [3, 0, 2, 1]);
});

Deno.test("even numbers are even, and those of a batch are those of its samples", async () => {
  const runtime = new ReferenceRuntime();
  const noise = seededNoise([3, 4]);
  const source = uniformSource(runtime, noise, { samples: 2, count: 2000 });
  const [first, second] = await source({ name: "u", ordinal: 5 }) as [readonly number[], readonly number[]];
  const alone = uniformSource(runtime, seededNoise([4]), { samples: 1, count: 2000 });
  assertEquals((await alone({ name: "u", ordinal: 5 }))[0], second);
  const parts = new Array<number>(10).fill(0);
  for (const u of first) {
    assert(u >= 0 && u < 1);
    parts[Math.floor(10 * u)]!++;
  }
  // 200 each, within five deviations.
  for (const count of parts) assert(Math.abs(count - 200) < 5 * Math.sqrt(180), `${parts}`);
});

const SHAPE = [2, 2, 1];
const PRIOR = { mean: 0.2, variance: 0.3 };
const SIGMA = 0.25;
const SAMPLES = 100;

/** Mean and variance of samples of one pixel by DDSMC, over all images and measured pixels. */
async function drawn(particles: number, eta: number): Promise<{ readonly mean: number; readonly variance: number }> {
  const operator = createOperator("identity", SHAPE);
  const y = 0.6;
  const images = await restored({
    name: "ddsmc",
    options: { steps: 8, particles, eta, sigmaMax: 20, sigmaMin: 0.1, spreadMax: 2, spreadMin: 0.05 },
    model: gaussianModel(new Float32Array(4).fill(PRIOR.mean), PRIOR.variance, SHAPE),
    operator,
    y: new Float32Array(4 * SAMPLES).fill(y),
    sigmaY: SIGMA,
    seeds: Array.from({ length: SAMPLES }, (_, seed) => seed),
  });
  const mean = images.reduce((sum, value) => sum + value, 0) / images.length;
  return { mean, variance: images.reduce((sum, value) => sum + (value - mean) ** 2, 0) / images.length };
}

Deno.test("many particles of DDSMC sample the posterior however they are tied to their past, one does not", async () => {
  const precision = 1 / PRIOR.variance + 1 / SIGMA ** 2;
  const mean = (PRIOR.mean / PRIOR.variance + 0.6 / SIGMA ** 2) / precision;
  const deviations = (found: { readonly mean: number; readonly variance: number }): readonly number[] => [
    (found.mean - mean) * Math.sqrt(precision * 4 * SAMPLES),
    (found.variance * precision - 1) * Math.sqrt(2 * SAMPLES),
  ];
  for (const eta of [0, 0.5, 1]) {
    for (const value of deviations(await drawn(64, eta))) assert(Math.abs(value) < 4, `eta ${eta}: ${value}`);
  }
  assert(deviations(await drawn(1, 0)).some((value) => Math.abs(value) > 8), "one particle has no weight");
});
