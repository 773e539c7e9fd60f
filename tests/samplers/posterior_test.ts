/**
 * Posterior samplers against closed forms: a Gaussian prior N(m, c I) with its exact denoiser, and y = A x + n with noise
 * of deviation sigma. The posterior is Gaussian, and so is what each method draws instead: its mean and variance follow
 * from the published steps (`posterior_recursion.ts`). Samples may leave them as far as their number lets them.
 */
import { assert, assertAlmostEquals } from "@std/assert";
import { elementCount, ReferenceRuntime, type Tensor } from "../../engine/mod.ts";
import { sampleNormal } from "../../kernels/mod.ts";
import { noiseSchedule } from "../../models/mod.ts";
import { createOperator, type LinearOperator } from "../../operators/mod.ts";
import { type Level, respace } from "../../samplers/coefficients.ts";
import type { SamplerName } from "../../samplers/mod.ts";
import {
  ddnmTimesteps,
  quadraticTimesteps,
  spaceTimesteps,
  ssdTimesteps,
  strideTimesteps,
} from "../../samplers/timesteps.ts";
import { restored } from "./few_steps.ts";
import { gaussianModel } from "./gaussian_model.ts";
import { dapsLimit, pnpDmLimit } from "./posterior_decoupled.ts";
import * as recursion from "./posterior_recursion.ts";

const SHAPE = [8, 8, 3];
const COUNT = elementCount(SHAPE);
const PRIOR = { mean: 0.1, variance: 0.04 };
const SIGMA = 0.1;
const SAMPLES = 24;
const { alphaBar: TABLE } = noiseSchedule("linear");

/** How many deviations of a normal number a statistic may lie off. */
const DEVIATIONS = 4;

/** A value of chi-square that is exceeded, or fallen short of, as rarely as a normal number leaves `deviations`. */
function chiSquare(freedom: number, deviations: number): number {
  const width = 2 / (9 * freedom);
  return freedom * (1 - width + deviations * Math.sqrt(width)) ** 3;
}

async function applied(
  map: (x: Tensor) => Tensor,
  values: Float32Array,
  shape: readonly number[],
): Promise<Float32Array> {
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage<"x", never, "y">("map", ({ x }) => ({ y: map(x) }));
  return await (await stage({ x: runtime.upload(values, shape) }, {})).y.read();
}

/** A measurement in parts. */
interface Measured {
  readonly y: Float32Array;
  /** V of the coefficients of y - A m, an image. */
  readonly information: Float32Array;
  /** What of m is measured, an image. */
  readonly mean: Float32Array;
  /** |y - A A^+ y|^2, of no use to anything. */
  readonly outside: number;
}

interface Case {
  readonly operator: LinearOperator;
  readonly s: number;
  readonly rank: number;
}

const CASES: readonly Case[] = [
  { operator: createOperator("inpaint", SHAPE, { missing: 0.5, seed: 3 }), s: 1, rank: 96 },
  { operator: createOperator("sr_average", SHAPE, { scale: 2 }), s: 0.5, rank: 48 },
];

function range(operator: LinearOperator): (x: Tensor) => Tensor {
  return (x) => operator.pseudoInverse(operator.forward(x));
}

async function measure({ operator, s }: Case): Promise<Measured> {
  const truth = Float32Array.from(
    sampleNormal(99 * 2 ** 21, COUNT),
    (z) => PRIOR.mean + Math.sqrt(PRIOR.variance) * z,
  );
  const clean = await applied((x) => operator.forward(x), truth, [1, ...SHAPE]);
  const noise = sampleNormal(98 * 2 ** 21, clean.length);
  const y = clean.map((value, i) => value + SIGMA * noise[i]!);
  const shape = [1, ...operator.measurementShape];
  const estimate = await applied((y) => operator.pseudoInverse(y), y, shape);
  const mean = await applied(range(operator), new Float32Array(COUNT).fill(PRIOR.mean), [1, ...SHAPE]);
  const reached = await applied((x) => operator.forward(x), estimate, [1, ...SHAPE]);
  return {
    y,
    information: estimate.map((value, i) => s * (value - mean[i]!)),
    mean,
    outside: y.reduce((sum, value, i) => sum + (value - reached[i]!) ** 2, 0),
  };
}

/** What of m and of y a method is given: the mean of |y - A x0|^2, where it depends on it. */
type Residual = (g: number, now: recursion.Moments) => { readonly measured: number; readonly whole: number };

function residualOf({ information, mean, outside }: Measured, { s, rank }: Case): Residual {
  return (g, { fromY, fromMean, variance }) => {
    const distance = information.reduce((sum, value, i) => {
      return sum + (value - s * g * (fromY * value + fromMean * mean[i]!)) ** 2;
    }, 0);
    const measured = distance + rank * (s * g) ** 2 * variance;
    return { measured, whole: measured + outside };
  };
}

/** Mean and variance that a method converges to, for a coefficient of one singular value. */
type Limit = (setting: recursion.GaussianSetting, residual: Residual) => recursion.Moments;

/** Walks down some levels; at the end the state is the image itself. */
function walked(
  levels: readonly Level[],
  start: (a: number, setting: recursion.GaussianSetting) => recursion.Moments,
  step: (
    level: Level,
    setting: recursion.GaussianSetting,
    k: number,
    now: recursion.Moments,
    residual: Residual,
  ) => recursion.AffineStep,
): Limit {
  return (setting, residual) => {
    let now = start(levels[0]!.alphaBar, setting);
    levels.forEach((level, k) => now = recursion.moved(now, step(level, setting, k, now, residual)));
    return now;
  };
}

const down = (timesteps: readonly number[]): readonly Level[] => respace(TABLE, timesteps).toReversed();
const spaced = (steps: number): readonly Level[] => down(spaceTimesteps(1000, String(steps)));
const white = recursion.whiteStart;

/** The noised estimate A^+ y as the first state. */
function estimateStart(a: number, { s }: recursion.GaussianSetting): recursion.Moments {
  return { fromY: s === 0 ? 0 : Math.sqrt(a) / s, fromMean: s === 0 ? -Math.sqrt(a) : 0, variance: 1 - a };
}

/** The root mean square of the length of y - A x0, which the length itself leaves by 1 in sqrt(2 rank) or less. */
function length({ alphaBar }: Level, now: recursion.Moments, residual: Residual): number {
  return Math.sqrt(residual(recursion.denoiser(alphaBar, PRIOR.variance).g, now).whole);
}

/** DiffPIR: how far A^T (y - A x0) is followed; `first_order` by 1/rho, at most |r|^2/(2 |A^T r|^2). */
function diffpirLimit(
  pull: (rho: number, setting: recursion.GaussianSetting, r: ReturnType<Residual>) => number,
  lambda: number,
): Limit {
  const levels = down(quadraticTimesteps(1000, 100));
  const walk = walked(
    levels.slice(0, -1),
    estimateStart,
    (level, setting, _k, now, residual) => {
      const rho = lambda * (SIGMA / 2) ** 2 * level.alphaBar / (1 - level.alphaBar);
      const found = residual(recursion.denoiser(level.alphaBar, PRIOR.variance).g, now);
      return recursion.diffpirStep(level, setting, 0.25, setting.s === 0 ? 0 : pull(rho, setting, found));
    },
  );
  // The last level is left as it is: sqrt(a) m instead of m.
  return (setting, residual) => {
    const last = walk(setting, residual);
    return { ...last, fromMean: last.fromMean + Math.sqrt(levels.at(-1)!.alphaBar) - 1 };
  };
}

/** A chain that knows the noise; the published tau is far less. */
const DAPS = {
  ...{ steps: 40, flowSteps: 3, chainSteps: 20, chainRate: 1e-3, chainDecay: 0.5 },
  ...{ tau: Math.SQRT2 * SIGMA, sigmaMin: 0.1, sigmaMax: 20 },
};

const PNP_DM = {
  ...{ steps: 25, levels: 40, couplingStart: 2, couplingDecay: 0.8, couplingEnd: 0.1 },
  ...{ sigmaMin: 0.01, sigmaMax: 20 },
};

interface Law {
  readonly name: SamplerName;
  readonly options: object;
  /** What the method is told of the noise; default what there is. */
  readonly sigmaY?: number;
  readonly limit: Limit;
}

/** The levels of Guess & Guide: the first again and again, then down to the noise of the measurement. */
function guessed(t0: number, guesses: number, steps: number, sigmaY: number): readonly Level[] {
  const end = TABLE.findIndex((a) => Math.sqrt((1 - a) / a) >= sigmaY);
  const levels = down(ssdTimesteps(t0 - end, steps).map((timestep) => timestep + end));
  return [...new Array<Level>(guesses).fill({ ...levels[0]!, alphaBarPrevious: levels[0]!.alphaBar }), ...levels];
}

const LAWS: readonly Law[] = [
  ...(["before", "after"] as const).map((point): Law => ({
    name: "dmps",
    options: { steps: 250, scale: point === "before" ? 1 : 1.75, point, clipDenoised: false },
    limit: walked(
      spaced(250),
      white,
      (level, setting) => recursion.dmpsStep(level, setting, point === "before" ? 1 : 1.75, point),
    ),
  })),
  {
    name: "dps",
    options: { steps: 500, scale: 0.1, clipDenoised: false },
    limit: walked(
      spaced(500),
      white,
      (level, setting, _k, now, residual) => recursion.dpsStep(level, setting, 0.1, length(level, now, residual)),
    ),
  },
  {
    name: "pigdm",
    options: { clipDenoised: false, guidanceForm: "paper" },
    limit: walked(spaced(100), white, (level, setting) => recursion.pigdmStep(level, setting)),
  },
  {
    name: "dps_dmps",
    options: { likelihoodScale: 1, clipDenoised: false },
    limit: walked(
      spaced(100),
      white,
      (level, setting, k, now, residual) =>
        k < 50
          ? recursion.dpsStep(level, setting, 0.3, length(level, now, residual))
          : recursion.dmpsStep(level, setting, 1, "after"),
    ),
  },
  {
    name: "ddnm_plus",
    options: { form: "spectral" },
    limit: walked(
      down(ddnmTimesteps(1000, 100)),
      white,
      (level, setting) => recursion.ddnmPlusStep(level, setting, 0.85),
    ),
  },
  {
    name: "ddrm",
    options: { steps: 100 },
    limit: walked(
      down(strideTimesteps(1000, 100)),
      recursion.ddrmStart,
      (level, setting) => recursion.ddrmStep(level, setting, 0.85),
    ),
  },
  {
    name: "dds",
    options: { steps: 50 },
    limit: walked(
      down(strideTimesteps(1000, 50)),
      white,
      (level, setting, k) => recursion.ddsStep(level, setting, 0.85, k === 48),
    ),
  },
  { name: "daps", options: DAPS, limit: dapsLimit(DAPS) },
  { name: "pnp_dm", options: PNP_DM, limit: pnpDmLimit(PNP_DM) },
  { name: "diffpir", options: {}, limit: diffpirLimit((rho, { s }) => 1 / (s * s + rho), 1) },
  {
    name: "diffpir",
    options: { dataStep: "first_order", lambda: 15 },
    limit: diffpirLimit((rho, { s }, { measured, whole }) => Math.min(1 / rho, whole / (2 * s * s * measured)), 15),
  },
  ...[0, SIGMA].map((sigmaY): Law => ({
    name: "guess_and_guide",
    options: { t0: 400, guesses: 5, steps: 20, clipDenoised: false },
    sigmaY,
    limit: walked(
      guessed(400, 5, 20, sigmaY),
      estimateStart,
      (level, setting) => recursion.guidedStep(level, { ...setting, sigma: sigmaY }),
    ),
  })),
  ...(["score_sde", "mcg"] as const).map((name): Law => ({
    name,
    options: { steps: 100, clipDenoised: false },
    limit: walked(spaced(100), white, (level, setting) => recursion.projectedStep(level, setting, level.alphaBar)),
  })),
  {
    name: "ccdf",
    options: { steps: 100, clipDenoised: false },
    limit: walked(
      down(ssdTimesteps(200, 100)),
      estimateStart,
      (level, setting) => recursion.projectedStep(level, setting, level.alphaBarPrevious),
    ),
  },
];

/** Fails unless samples scatter around an image with a variance, in a subspace of some dimension. */
function assertSamples(
  samples: Float32Array,
  expected: (i: number) => number,
  { variance, dimension }: { readonly variance: number; readonly dimension: number },
  what: string,
): void {
  let [bias, spread] = [0, 0];
  for (let i = 0; i < COUNT; i++) {
    const column = Array.from({ length: SAMPLES }, (_, n) => samples[n * COUNT + i]!);
    const average = column.reduce((a, b) => a + b, 0) / SAMPLES;
    bias += (average - expected(i)) ** 2;
    spread += column.reduce((sum, value) => sum + (value - average) ** 2, 0);
  }
  if (variance === 0) {
    assertAlmostEquals(Math.sqrt(bias / dimension), 0, 1e-5, `${what}: mean`);
    assertAlmostEquals(Math.sqrt(spread / dimension), 0, 1e-5, `${what}: deviation`);
    return;
  }
  const off = bias * SAMPLES / variance;
  const most = chiSquare(dimension, DEVIATIONS);
  assert(off <= most, `${what}: the mean is off by chi-square ${off} of ${dimension}, at most ${most}`);
  const freedom = dimension * (SAMPLES - 1);
  const [low, high] = [-DEVIATIONS, DEVIATIONS].map((deviations) => chiSquare(freedom, deviations) / freedom);
  const ratio = spread / freedom / variance;
  assert(ratio >= low! && ratio <= high!, `${what}: the variance is ${ratio} of ${variance}, not ${low} to ${high}`);
}

for (const { name, options, limit, sigmaY = SIGMA } of LAWS) {
  const what = sigmaY === SIGMA ? "" : `, told of noise ${sigmaY},`;
  Deno.test(`${name} with ${JSON.stringify(options)}${what} draws from the Gaussian that its steps lead to`, async () => {
    for (const each of CASES) {
      const { operator, s, rank } = each;
      const parts = await measure(each);
      const { y } = parts;
      const samples = await restored({
        name,
        options,
        model: gaussianModel(new Float32Array(COUNT).fill(PRIOR.mean), PRIOR.variance, SHAPE),
        operator,
        y: Float32Array.from({ length: SAMPLES * y.length }, (_, i) => y[i % y.length]!),
        sigmaY,
        seeds: Array.from({ length: SAMPLES }, (_, seed) => seed),
      });
      const off = samples.map((value) => value - PRIOR.mean);
      const seen = await applied(range(operator), off, [SAMPLES, ...SHAPE]);
      const setting = { variance: PRIOR.variance, sigma: SIGMA };
      const residual = residualOf(parts, each);
      const known = limit({ ...setting, s }, residual);
      const expected = (i: number): number => known.fromY * parts.information[i]! + known.fromMean * parts.mean[i]!;
      assertSamples(seen, expected, { ...known, dimension: rank }, `${operator.name}, measured`);
      const lost = limit({ ...setting, s: 0 }, residual);
      const rest = off.map((value, i) => value - seen[i]!);
      const mean = (i: number): number => lost.fromMean * (PRIOR.mean - parts.mean[i]!);
      assertSamples(rest, mean, { ...lost, dimension: COUNT - rank }, `${operator.name}, lost`);
    }
  });
}

/** What a law converges to where A loses all, or for one singular value of an operator that loses nothing else. */
function limitOf(name: SamplerName, s: number): recursion.Moments {
  const { limit } = LAWS.find((law) => law.name === name)!;
  return limit({ variance: PRIOR.variance, sigma: SIGMA, s }, () => ({ measured: 1, whole: 1 }));
}

Deno.test("ancestral steps approach the prior in what the measurement loses, in proportion to their size", () => {
  const setting = { variance: PRIOR.variance, sigma: SIGMA, s: 0 };
  const errors = [250, 500, 1000].map((steps) => {
    let now = white(TABLE[999]!);
    for (const level of spaced(steps)) now = recursion.moved(now, recursion.ancestral(level, setting));
    return Math.abs(now.variance / PRIOR.variance - 1);
  });
  for (const k of [1, 2]) {
    const ratio = errors[k]! / errors[k - 1]!;
    assert(ratio > 0.4 && ratio < 0.6, `errors ${errors.join(", ")}`);
  }
});

Deno.test("PnP-DM approaches the posterior as its coupling falls, in proportion to the square of rho", () => {
  const limit = (couplingEnd: number, s: number): readonly number[] => {
    const options = { ...PNP_DM, steps: 2000, levels: 1000, sigmaMin: 0.001, couplingEnd };
    const { fromY, variance } = pnpDmLimit(options)({ variance: PRIOR.variance, sigma: SIGMA, s });
    const posterior = 1 / (1 / PRIOR.variance + s * s / SIGMA ** 2);
    return [Math.abs(variance / posterior - 1), Math.abs(fromY - posterior * s / SIGMA ** 2)];
  };
  for (const rho of [0.2, 0.1, 0.05]) assert(limit(rho, 0)[0]! < 0.01, `${rho}: the prior is not kept`);
  for (const s of [0.5, 1]) {
    const errors = [0.2, 0.1, 0.05].map((rho) => limit(rho, s));
    for (const k of [1, 2]) {
      for (const part of [0, 1]) {
        const ratio = errors[k]![part]! / errors[k - 1]![part]!;
        assert(ratio > 0.2 && ratio < 0.4, `s = ${s}: ${errors}`);
      }
    }
  }
});

Deno.test("methods for exact measurements take y as it is, and the eta mix leaves less variance than the posterior has", () => {
  for (const s of [0.5, 1]) {
    for (const name of ["score_sde", "mcg", "ccdf"] as const) {
      assertAlmostEquals(limitOf(name, s).fromY * s, 1, 1e-4, name);
      assert(limitOf(name, s).variance < 2e-4, name);
    }
    const posterior = PRIOR.variance * SIGMA ** 2 / (PRIOR.variance * s * s + SIGMA ** 2);
    for (const name of ["ddnm_plus", "ddrm", "dds"] as const) {
      assert(limitOf(name, s).variance < 0.6 * posterior, name);
      assert(limitOf(name, 0).variance < 0.7 * PRIOR.variance, name);
    }
  }
});
