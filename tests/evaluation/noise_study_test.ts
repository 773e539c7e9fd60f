import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { inversionTimesteps, NoiseStudy } from "../../evaluation/noise_study.ts";
import type { StepNoise } from "../../evaluation/store.ts";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import { noiseStatistics } from "../../metrics/mod.ts";
import type { NoiseModel } from "../../models/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { invert, respace, restorationStep, SAMPLERS, seededNoise } from "../../samplers/mod.ts";
import type { InversionOptions } from "../../samplers/steps/inversion.ts";

/** A network that predicts the state times the timestep. */
const MODEL: NoiseModel = {
  imageShape: [2, 2, 1],
  alphaBar: new Float64Array(10).fill(0.5),
  predictEps: (xt, timestep) => weightedSum([[timestep, xt]]),
};

Deno.test("NoiseStudy looks at the noise predicted for the state before each step, of every sample alone", async () => {
  const runtime = new ReferenceRuntime();
  const upload = (values: readonly number[]): ReturnType<typeof runtime.upload> =>
    runtime.upload(Float32Array.from(values), [2, 2, 2, 1]);
  const states = [[1, 2, 3, 4, 8, 7, 6, 5], [5, 1, 1, 1, 2, 2, 3, 9], [9, 9, 9, 8, 0, 0, 0, 1]].map(upload);
  using study = new NoiseStudy(runtime, MODEL, states[0]!, { timesteps: [2, 4, 6], clipDenoised: false });
  const progress = { steps: 5, nfe: 0, x0: states[0]! };
  await study.add({ ...progress, name: "inv.0", step: 1, xt: states[1]! });
  await study.add({ ...progress, name: "inv.1", step: 2, xt: states[2]! });
  await study.add({ ...progress, name: "gen.0", step: 3, xt: states[2]! });
  // With alphaBar 1/2 everywhere the effective noise is sqrt(2) x' - x/sqrt(1/2) + eps.
  const expected = (timestep: number, before: readonly number[], after: readonly number[]): StepNoise => ({
    timestep,
    ...noiseStatistics(Float32Array.from(before, (value) => timestep * value)),
    effective: noiseStatistics(
      Float32Array.from(before, (value, index) => Math.SQRT2 * (after[index]! - value) + timestep * value),
    ),
  });
  const found = [study.of(0), study.of(1)];
  const needed = [
    [expected(2, [1, 2, 3, 4], [5, 1, 1, 1]), expected(4, [5, 1, 1, 1], [9, 9, 9, 8])],
    [expected(2, [8, 7, 6, 5], [2, 2, 3, 9]), expected(4, [2, 2, 3, 9], [0, 0, 0, 1])],
  ];
  const numbers = (rows: readonly (readonly StepNoise[])[]): readonly number[] =>
    rows.flat().flatMap((
      { timestep, effective, ...of },
    ) => [timestep, ...Object.values(of), ...Object.values(effective)]);
  numbers(found).forEach((value, index) => assertAlmostEquals(value, numbers(needed)[index]!, 1e-5));
});

/** A network whose noise has a mean and a variance of its own: 0.7 x. */
const BIASED: NoiseModel = {
  imageShape: [64, 64, 3],
  alphaBar: Float64Array.from({ length: 10 }, (_, t) => 0.95 - 0.09 * t),
  predictEps: (xt) => weightedSum([[0.7, xt]]),
};

/** What a study finds of an inversion of a picture by the network above. */
async function studied(options: InversionOptions): Promise<readonly StepNoise[]> {
  const runtime = new ReferenceRuntime();
  const timesteps = [0, 3, 6, 9];
  const image = runtime.upload(Float32Array.from({ length: 64 * 64 * 3 }, (_, i) => 0.3 + Math.sin(i)), [
    1,
    64,
    64,
    3,
  ]);
  const operator = createOperator("identity", BIASED.imageShape);
  const step = restorationStep(runtime, { model: BIASED, operator, y: image, sigmaY: 0 }, {
    clipDenoised: true,
    noise: seededNoise([0]),
  });
  using study = new NoiseStudy(runtime, BIASED, image, { timesteps });
  let done = 0;
  for await (const { xt } of invert(step, image, { ...options, levels: respace(BIASED.alphaBar, timesteps) })) {
    await study.add({ name: "inv.", step: ++done, xt });
  }
  return study.of(0);
}

Deno.test("the effective noise of DDIM inversion is the predicted noise", async () => {
  for (const { effective, mean, variance } of await studied({ inversion: "ddim", eta: 0 })) {
    assertAlmostEquals(effective.mean, mean, 1e-5);
    assertAlmostEquals(effective.variance, variance, 1e-5);
  }
});

Deno.test("the effective noise of Distortion Adaptive inversion is nearer to normal, as theorem 1 says by how much", async () => {
  const levels = respace(BIASED.alphaBar, [0, 3, 6, 9]);
  const rows = await studied({ inversion: "da", eta: 0.6 });
  assertEquals(rows.length, 3);
  rows.forEach(({ effective, mean, variance, divergence }, index) => {
    const { alphaBar, beta } = levels[index + 1]!;
    const share = 0.6 * beta / (1 - alphaBar);
    // Of 12288 values: four standard deviations of a mean and of a variance.
    assertAlmostEquals(effective.mean, Math.sqrt(1 - share) * mean, 0.04);
    assertAlmostEquals(effective.variance, (1 - share) * variance + share, 0.05);
    assert(effective.divergence < divergence, `${effective.divergence} after ${divergence}`);
  });
});

Deno.test("inversionTimesteps() knows the timesteps of Shortcut Sampling, and that others invert nothing", () => {
  const options = SAMPLERS.ssd.defaultsFor("super_resolution");
  assertEquals(inversionTimesteps(options), [0, 137, 274, 412, 549]);
  assertEquals(inversionTimesteps(SAMPLERS.ddnm.defaultsFor("super_resolution")), undefined);
});
