// deno-lint-ignore-file camelcase -- constructor keywords and stored names keep their published spelling
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type BetaCurve,
  type NoiseSchedule,
  noiseSchedule,
  respacedSchedule,
  scheduleFromBetas,
} from "../../models/noise_schedule.ts";
import { assertClose } from "../support/close.ts";
import { openGolden } from "./golden_file.ts";

const TABLES: Readonly<Record<string, Exclude<keyof NoiseSchedule, "timesteps">>> = {
  betas: "betas",
  alphas_cumprod: "alphaBar",
  alphas_cumprod_prev: "alphaBarPrev",
  alphas_cumprod_next: "alphaBarNext",
  posterior_variance: "posteriorVariance",
  posterior_log_variance_clipped: "posteriorLogVarianceClipped",
  posterior_mean_coef1: "posteriorMeanX0",
  posterior_mean_coef2: "posteriorMeanXt",
};

/** Compares entry by entry, so that a small wrong entry does not hide behind large ones. */
function assertEntriesClose(actual: Float64Array, expected: Float64Array, limit: number, what: string): void {
  assertEquals(actual.length, expected.length, what);
  expected.forEach((value, k) => assertClose([actual[k]!], [value], limit, `${what}[${k}]`));
}

for (const curve of ["linear", "cosine"] as BetaCurve[]) {
  Deno.test(`noiseSchedule() reproduces the recorded ${curve} tables`, async () => {
    const golden = await openGolden("schedule-1000");
    const schedule = noiseSchedule(curve);
    for (const [stored, key] of Object.entries(TABLES)) {
      const expected = await golden.readFloat64(`${curve}.${stored}`);
      assertClose(schedule[key], expected, 1e-12, stored);
      assertEntriesClose(schedule[key], expected, 1e-10, stored);
    }
    assertEquals(schedule.timesteps, Array.from({ length: 1000 }, (_, t) => t));
  });
}

Deno.test("respacedSchedule() reproduces every recorded respaced schedule", async () => {
  const golden = await openGolden("schedule-1000");
  const linear = noiseSchedule("linear");
  let compared = 0;
  for (const name of golden.tensors.keys()) {
    const match = /^(linear_f.*)\.timestep_map$/.exec(name);
    if (!match) continue;
    const kept = await golden.readIntegers(name);
    const schedule = respacedSchedule(linear, kept);
    assertEquals(schedule.timesteps, kept);
    for (const stored of ["betas", "alphas_cumprod", "alphas_cumprod_prev", "alphas_cumprod_next"]) {
      const expected = await golden.readFloat64(`${match[1]}.${stored}`);
      assertClose(schedule[TABLES[stored]!], expected, 1e-12, `${match[1]}.${stored}`);
      compared++;
    }
  }
  assertEquals(compared, 40);
});

Deno.test("noiseSchedule() has the published values", () => {
  const { alphaBar } = noiseSchedule("linear");
  const published = { 0: 0.9999, 100: 0.89514159, 549: 0.04624744, 749: 0.00335055, 999: 4.03583e-5 };
  for (const [t, value] of Object.entries(published)) assertClose([alphaBar[Number(t)]!], [value], 2e-6);
  assertClose([noiseSchedule("cosine").alphaBar[500]!], [0.492285], 1e-6);
});

Deno.test("respacedSchedule() of a respaced schedule keeps naming training timesteps", () => {
  const linear = noiseSchedule("linear");
  const twice = respacedSchedule(respacedSchedule(linear, [0, 10, 500, 900]), [1, 3]);
  assertEquals(twice.timesteps, [10, 900]);
  assertClose(twice.alphaBar, [linear.alphaBar[10]!, linear.alphaBar[900]!], 1e-14);
});

Deno.test("a schedule of one step has finite tables", () => {
  const { betas, alphaBarNext, posteriorVariance, posteriorLogVarianceClipped } = respacedSchedule(
    noiseSchedule("linear"),
    [499],
  );
  assertEquals([...posteriorVariance], [0]);
  assertEquals([...alphaBarNext], [0]);
  assertEquals([...posteriorLogVarianceClipped], [Math.log(betas[0]!)]);
});

Deno.test("schedules reject bad counts, betas and lists of steps", () => {
  assertThrows(() => noiseSchedule("linear", 20), RangeError, "at least 21");
  assertThrows(() => noiseSchedule("cosine", 0), RangeError, "0 steps");
  assertThrows(() => noiseSchedule("cosine", 2.5), RangeError, "2.5 steps");
  assertThrows(() => scheduleFromBetas(new Float64Array(0)), RangeError, "at least one");
  assertThrows(() => scheduleFromBetas(Float64Array.of(0.1), [1, 2]), RangeError, "2 timesteps");
  assertThrows(() => scheduleFromBetas(Float64Array.of(0.1, NaN)), RangeError, "beta[1] is NaN");
  const linear = noiseSchedule("linear");
  assertThrows(() => respacedSchedule(linear, [5, 5]), RangeError, "5 follows 5");
  assertThrows(() => respacedSchedule(linear, [1000]), RangeError, "1000 follows the start");
  assertThrows(() => respacedSchedule(linear, [0.5]), RangeError, "0.5");
  assertThrows(() => respacedSchedule(linear, []), RangeError, "at least one");
});

Deno.test("a linear schedule of other lengths has betas in inverse proportion, from first to last", () => {
  const { betas } = noiseSchedule("linear", 101);
  const scale = 1000 / 101;
  for (const [t, beta] of betas.entries()) {
    const expected = scale * (1e-4 + (0.02 - 1e-4) * t / 100);
    assert(Math.abs(beta - expected) < 1e-15, `beta[${t}] is ${beta}, ${expected} is expected`);
  }
});
