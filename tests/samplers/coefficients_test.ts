import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { noiseSchedule } from "../../models/mod.ts";
import {
  ddpmCoefficients,
  etaMixCoefficients,
  inversionCoefficients,
  type Level,
  predictionCoefficients,
  respace,
  ssdTimesteps,
} from "../../samplers/mod.ts";
import { openGolden } from "../models/golden_file.ts";
import { assertClose } from "../support/close.ts";

const { alphaBar } = noiseSchedule("linear");
const TRANSITIONS_550_5 = [0, 1, 2, 3];

function ssdLevels(t0: number, count: number): readonly Level[] {
  return respace(alphaBar, ssdTimesteps(t0, count));
}

function level(levels: readonly Level[], index: number): Level {
  return levels[index] as Level;
}

Deno.test("respace() and inversionCoefficients() equal the recorded schedules", async () => {
  const file = await openGolden("schedule-1000");
  const configs = JSON.parse(file.metadata.get("configs") as string) as Record<string, unknown>;
  for (const name of Object.keys(configs)) {
    const t0 = Number(/_t(\d+)$/.exec(name)?.[1]);
    for (const direction of ["forward", "backward"]) {
      const timesteps = await file.readIntegers(`${name}.${direction}.timestep_map`);
      const levels = respace(alphaBar, timesteps);
      const recorded = (field: string): Promise<Float64Array> => file.readFloat64(`${name}.${direction}.${field}`);
      assertClose(levels.map((l) => l.alphaBar), await recorded("alphas_cumprod"), 1e-12, name);
      assertClose(levels.map((l) => l.alphaBarPrevious), await recorded("alphas_cumprod_prev"), 1e-12, name);
      assertClose(levels.map((l) => l.beta), await recorded("betas"), 1e-12, name);
    }
    const levels = ssdLevels(t0, Number(/_f(\d+)_/.exec(name)?.[1]));
    for (const eta of [0, 0.4, 0.8]) {
      const made = levels.slice(1).map((next) => inversionCoefficients(next, "da", eta));
      // The last recorded entry belongs to no step.
      const c1 = (await file.readFloat64(`${name}.inversion_c1.eta${eta.toFixed(1)}`)).slice(0, -1);
      const c2 = (await file.readFloat64(`${name}.inversion_c2.eta${eta.toFixed(1)}`)).slice(0, -1);
      assertClose(made.map((c) => c.xtFromEps), c1, 1e-12, `${name} c1`);
      assertClose(made.map((c) => c.xtFromNoise), c2, 1e-12, `${name} c2`);
    }
  }
});

Deno.test("inversionCoefficients() gives the published Distortion Adaptive coefficients", () => {
  const levels = ssdLevels(550, 5);
  const expected = [
    [0.9037998, 0.3315421, 0.2706024],
    [0.6772494, 0.6049254, 0.4188060],
    [0.4187671, 0.7599799, 0.4970560],
    [0.2150522, 0.8119362, 0.5426897],
  ];
  for (const i of TRANSITIONS_550_5) {
    const { xtFromX0, xtFromEps, xtFromNoise } = inversionCoefficients(level(levels, i + 1), "da", 0.4);
    assertClose([xtFromX0, xtFromEps, xtFromNoise], expected[i] as number[], 1e-6, `transition ${i}`);
  }
});

Deno.test("inversionCoefficients() with eta 0 is DDIM inversion, which has no fresh noise", () => {
  const levels = ssdLevels(550, 5);
  for (const i of TRANSITIONS_550_5) {
    const next = level(levels, i + 1);
    assertEquals(inversionCoefficients(next, "ddim", 0.4), inversionCoefficients(next, "da", 0));
    assertEquals(inversionCoefficients(next, "ddim", 0.4).xtFromNoise, 0);
  }
});

Deno.test("inversionCoefficients() for DDPM replaces eps by fresh noise", () => {
  const next = level(ssdLevels(550, 5), 2);
  assertEquals(inversionCoefficients(next, "ddpm", 0.4), {
    xtFromX0: Math.sqrt(next.alphaBar),
    xtFromEps: 0,
    xtFromNoise: Math.sqrt(1 - next.alphaBar),
  });
});

Deno.test("inversion with eta 1 is the plain forward step: sqrt(1 - beta') x + sqrt(beta') z", () => {
  const levels = ssdLevels(550, 5);
  for (const i of TRANSITIONS_550_5) {
    const next = level(levels, i + 1);
    const { x0FromXt, x0FromEps } = predictionCoefficients(level(levels, i));
    const { xtFromX0, xtFromEps, xtFromNoise } = inversionCoefficients(next, "da", 1);
    assertAlmostEquals(xtFromX0 * x0FromXt, Math.sqrt(1 - next.beta), 1e-12);
    assertAlmostEquals(xtFromX0 * x0FromEps + xtFromEps, 0, 1e-12);
    assertAlmostEquals(xtFromNoise, Math.sqrt(next.beta), 1e-12);
  }
});

Deno.test("every update keeps the noise variance 1 - alphaBar of the level it goes to", () => {
  const levels = ssdLevels(750, 25);
  for (const [i, current] of levels.entries()) {
    const down = { etaMix: etaMixCoefficients(current, 0.8), ddpm: ddpmCoefficients(current) };
    for (const [name, { xtFromX0, xtFromEps, xtFromNoise }] of Object.entries(down)) {
      assertAlmostEquals(xtFromX0, Math.sqrt(current.alphaBarPrevious), 1e-15, name);
      assertAlmostEquals(xtFromEps ** 2 + xtFromNoise ** 2, 1 - current.alphaBarPrevious, 1e-14, name);
    }
    const next = levels[i + 1];
    if (!next) continue;
    for (const variant of ["da", "ddim", "ddpm"] as const) {
      const { xtFromEps, xtFromNoise } = inversionCoefficients(next, variant, 0.4);
      assertAlmostEquals(xtFromEps ** 2 + xtFromNoise ** 2, 1 - next.alphaBar, 1e-14, variant);
    }
  }
});

Deno.test("the last generation step returns x0 alone", () => {
  const first = level(ssdLevels(550, 25), 0);
  for (const update of [etaMixCoefficients(first, 0.8), ddpmCoefficients(first)]) {
    assertEquals(update, { xtFromX0: 1, xtFromEps: 0, xtFromNoise: 0 });
  }
});

Deno.test("etaMixCoefficients() weighs eps by 0.6 and fresh noise by 0.8 for eta 0.8", () => {
  const current = level(ssdLevels(550, 25), 7);
  const { xtFromEps, xtFromNoise } = etaMixCoefficients(current, 0.8);
  assertAlmostEquals(xtFromEps / xtFromNoise, 0.75, 1e-12);
});

Deno.test("ddpmCoefficients() has the deviation and the mean of the posterior", async () => {
  const file = await openGolden("schedule-1000");
  const levels = respace(alphaBar, await file.readIntegers("respace_25.timestep_map"));
  const variances = await file.readFloat64("respace_25.posterior_variance");
  const fromX0 = await file.readFloat64("respace_25.posterior_mean_coef1");
  const fromXt = await file.readFloat64("respace_25.posterior_mean_coef2");
  const made = levels.map((current) => ({ ...predictionCoefficients(current), ...ddpmCoefficients(current) }));
  assertClose(made.map((c) => c.xtFromNoise ** 2), variances, 1e-12);
  // In x0 and eps the posterior mean fromX0 x0 + fromXt x_t has the factor fromX0 + fromXt/x0FromXt before x0.
  const expected = made.map(({ x0FromXt }, i) => (fromX0[i] as number) + (fromXt[i] as number) / x0FromXt);
  assertClose(made.map((c) => c.xtFromX0), expected, 1e-12);
});

Deno.test("respace() refuses timesteps that do not ascend or leave the schedule", () => {
  assertThrows(() => respace(alphaBar, [0, 5, 5]), RangeError, "timestep 5 follows 5");
  assertThrows(() => respace(alphaBar, [0, 1000]), RangeError, "within 0..999");
  assertThrows(() => respace(alphaBar, [0.5]), RangeError, "timestep 0.5");
  assertThrows(() => respace(alphaBar, [-1]), RangeError, "timestep -1");
});
