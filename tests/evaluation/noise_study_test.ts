import { assertEquals } from "@std/assert";
import { inversionTimesteps, NoiseStudy } from "../../evaluation/noise_study.ts";
import type { StepNoise } from "../../evaluation/store.ts";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import { noiseStatistics } from "../../metrics/mod.ts";
import type { NoiseModel } from "../../models/mod.ts";
import { SAMPLERS } from "../../samplers/mod.ts";

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
  using study = new NoiseStudy(runtime, MODEL, states[0]!, [2, 4, 6]);
  const progress = { steps: 5, nfe: 0, x0: states[0]! };
  await study.add({ ...progress, name: "inv.0", step: 1, xt: states[1]! });
  await study.add({ ...progress, name: "inv.1", step: 2, xt: states[2]! });
  await study.add({ ...progress, name: "gen.0", step: 3, xt: states[2]! });
  const expected = (timestep: number, values: readonly number[]): StepNoise => ({
    timestep,
    ...noiseStatistics(Float32Array.from(values, (value) => timestep * value)),
  });
  assertEquals(study.of(0), [expected(2, [1, 2, 3, 4]), expected(4, [5, 1, 1, 1])]);
  assertEquals(study.of(1), [expected(2, [8, 7, 6, 5]), expected(4, [2, 2, 3, 9])]);
});

Deno.test("inversionTimesteps() knows the timesteps of Shortcut Sampling, and that others invert nothing", () => {
  const options = SAMPLERS.ssd.defaultsFor("super_resolution");
  assertEquals(inversionTimesteps(options), [0, 137, 274, 412, 549]);
  assertEquals(inversionTimesteps(SAMPLERS.ddnm.defaultsFor("super_resolution")), undefined);
});
