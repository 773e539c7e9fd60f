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

const SHAPE = [1, 1, 3];
const PRIOR = { mean: 0.2, variance: 0.3 };
const [SIGMA, MEASURED] = [0.25, 0.6];
const SAMPLES = 150;
const LEVELS = { sigmaMax: 20, sigmaMin: 0.1 };

/** Mean and variance of values. */
interface Normal {
  readonly mean: number;
  readonly variance: number;
}

/** What the steps of DDSMC draw without a measurement: x' = a D + (1 - a) x + sqrt(a) sigma' z from D, the denoised x. */
function drawnPrior(steps: number, eta: number): Normal {
  const [high, low] = [LEVELS.sigmaMax ** (1 / 7), LEVELS.sigmaMin ** (1 / 7)];
  const sigmas = Array.from({ length: steps }, (_, i) => (high + i / (steps - 1) * (low - high)) ** 7);
  let [mean, variance] = [0, LEVELS.sigmaMax ** 2];
  for (const [k, sigma] of sigmas.entries()) {
    const next = sigmas[k + 1] ?? 0;
    const a = (sigma ** 2 - next ** 2) / (eta * next ** 2 + sigma ** 2 - next ** 2);
    const known = PRIOR.variance / (PRIOR.variance + sigma ** 2);
    const kept = a * known + 1 - a;
    mean = a * (1 - known) * PRIOR.mean + kept * mean;
    variance = kept ** 2 * variance + a * next ** 2;
  }
  return { mean, variance };
}

/** The posterior of a value that was measured with noise. */
function posterior({ mean, variance }: Normal): Normal {
  const precision = 1 / variance + 1 / SIGMA ** 2;
  return { mean: (mean / variance + MEASURED / SIGMA ** 2) / precision, variance: 1 / precision };
}

/** How many deviations mean and variance of what DDSMC draws are off. */
async function deviations(particles: number, steps: number, eta: number): Promise<readonly number[]> {
  const operator = createOperator("identity", SHAPE);
  const images = await restored({
    name: "ddsmc",
    options: { ...LEVELS, steps, particles, eta, spreadMax: 1, spreadMin: 0.005 },
    model: gaussianModel(new Float32Array(3).fill(PRIOR.mean), PRIOR.variance, SHAPE),
    operator,
    y: new Float32Array(3 * SAMPLES).fill(MEASURED),
    sigmaY: SIGMA,
    seeds: Array.from({ length: SAMPLES }, (_, seed) => seed),
  });
  const count = images.length;
  const mean = images.reduce((sum, value) => sum + value, 0) / count;
  const variance = images.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  const expected = posterior(drawnPrior(steps, eta));
  return [
    (mean - expected.mean) * Math.sqrt(count / expected.variance),
    (variance / expected.variance - 1) * Math.sqrt(count / 2),
  ];
}

Deno.test("many particles of DDSMC sample the posterior under the prior that its steps draw, one does not", async () => {
  for (const [steps, eta] of [[8, 0], [8, 0.5], [16, 1]] as const) {
    for (const off of await deviations(64, steps, eta)) assert(Math.abs(off) < 4, `eta ${eta}: ${off} deviations`);
  }
  assert((await deviations(1, 8, 0.5)).some((off) => Math.abs(off) > 6), "one particle has no weight");
});
