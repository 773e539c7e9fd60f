/**
 * FPS-SMC: the measurement is carried down the noise levels as a state of its own; particles combine DDIM's next state
 * with the measurement of its level in closed form, and weights make up for what that is off. Dou, Song, Diffusion
 * Posterior Sampling for Linear Inverse Problem Solving: A Filtering Perspective, ICLR 2024.
 */
import type { DeviceTensor, Runtime } from "../../../engine/mod.ts";
import { add, mul, sampleSquares, sub, weightedSum } from "../../../kernels/mod.ts";
import { project, type SpectralForm } from "../../../operators/mod.ts";
import { choice, number, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import type { Level } from "../../coefficients.ts";
import { steps } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import { type Draw, type NoiseSource, silence } from "../../noise_source.ts";
import type { Problem, Progress, Sampler } from "../../sampler.ts";
import { evenLevels, START, stateShape, trajectory } from "../../steps/run.ts";
import { requireDecomposition, type SpectralWeight, spectralWeights } from "../../steps/spectral.ts";
import { networkStep, noisyStage } from "../../steps/step.ts";
import {
  bySample,
  forParticles,
  normalised,
  parentRows,
  parents,
  particleNoise,
  particles,
  type Resampling,
  resampling,
  rowScalars,
  takeRows,
  toldNumbers,
  uniformCount,
  uniformSource,
} from "./particles.ts";

/** The parameters of `fps-smc`. */
export const PARAMETERS = {
  steps: steps(1000) as Parameter<number>,
  particles: particles(5) as Parameter<number>,
  share: number(0.95, { min: 1e-6, max: 1, option: "fresh-share" }, "share of fresh noise") as Parameter<number>,
  // Published by the program: the measurement of the level before, and weights to the power of their number.
  form: choice(
    "published",
    ["published", "paper"],
    { option: "fps-form" },
    "as in the program, or in the paper",
  ) as Parameter<"published" | "paper">,
  resampling: resampling as Parameter<Resampling>,
};

/** Parameters of FPS-SMC. */
export type FpsSmcOptions = ValuesOf<typeof PARAMETERS>;

/** Deviation that an exact measurement counts as having: weights need one. */
const LEAST_NOISE = 1e-3;

/** What the program adds to the variance of the states where it weighs them against the measurement. */
const SLACK = 1e-6;

/** FPS-SMC; it needs the singular value decomposition. */
export const fpsSmc: Sampler<FpsSmcOptions> = sampler({
  name: "fps_smc",
  paper:
    "Dou, Song, Diffusion Posterior Sampling for Linear Inverse Problem Solving: A Filtering Perspective, ICLR 2024",
  about: "weighted particles that follow a measurement of every level (--noise-level)",
  needs: ["spectrum"],
  handlesNoise: true,
  parameters: PARAMETERS,
  evaluations: ({ steps, particles }) => ({ nominal: steps * particles, actual: (steps - 1) * particles }),
  restore: (runtime, problem, options) =>
    run(runtime, problem, requireDecomposition("fps_smc", problem.operator), options),
});

async function* run(
  runtime: Runtime,
  problem: Problem,
  form: SpectralForm,
  options: FpsSmcOptions & { readonly noise: NoiseSource },
): AsyncGenerator<Progress, DeviceTensor> {
  const { model } = problem;
  const { noise, particles: count, share, resampling: kind } = options;
  const samples = problem.y.shape[0]!;
  const path = evenLevels(model, options.steps);
  const places = path.slice(1);
  const power = options.form === "published" ? count : 1;
  const predict = networkStep(runtime, model, {
    name: "particles",
    noise: silence,
    clipDenoised: true,
    scalars: ({ alphaBarPrevious }: Level) => ({
      fromX0: Math.sqrt(alphaBarPrevious),
      fromEps: Math.sqrt((1 - alphaBarPrevious) * (1 - share)),
    }),
    update: ({ x0, eps }, c) => ({ x0, mean: weightedSum([[c.fromX0, x0], [c.fromEps, eps]]) }),
  });
  const levelled = measurementLevels(runtime, problem, options);
  const combine = combination(runtime, problem, form, options);
  const uniforms = uniformSource(runtime, noise, { samples, count: uniformCount(kind, count) });
  const resample = runtime.stage<"image", string, "state">("resampled", ({ image }) => ({
    state: takeRows(image, samples * count),
  }));
  const show = runtime.stage<"image" | "state", string, "x0" | "xt">("shown particles", ({ image, state }) => ({
    x0: takeRows(image, samples),
    xt: takeRows(state, samples),
  }));
  const told = toldNumbers(runtime);
  const first = await levelled.start(topDraw(options));
  const start = await startParticles(runtime, problem, first, options);
  let [state, y, made] = [start, first, 0];
  const stages = [predict, levelled, combine, uniforms, resample, show, told];
  return yield* trajectory({ start, places, stages }, async (_shown, level, k) => {
    const name = String(k);
    const { x0, mean } = await predict(state, level, { name, ordinal: 0 });
    // The paper's measurement is that of the level which a step leads to.
    const ahead = options.form === "paper" ? 1 : 0;
    for (; made <= Math.min(k + ahead, places.length - 1); made++) {
      const draw = { name: `y.${places.length - 1 - made}`, ordinal: 3 * made + 2 };
      y = await levelled.next(y, { from: path[made]!, to: path[made + 1]! }, draw);
    }
    const shared = { name, evaluations: count };
    if (k === places.length - 1) {
      // Of equally good particles it is the first.
      const firsts = Array.from({ length: samples }, (_, n) => n * count);
      const { xt } = await show({ image: x0, state: mean }, rowScalars(firsts));
      return { ...shared, x0: xt, xt, parts: { measured: y } };
    }
    const drawn = await combine({ name, ordinal: 3 * k + 3 }, { mean, y }, level);
    const weights = bySample(drawn.logs.map((log) => power * log), count).map(normalised);
    const numbers = await uniforms({ name: `uniform.${k}`, ordinal: 3 * k + 4 });
    const ancestors = weights.map((logs, n) => parents(logs, numbers[n]!, kind));
    state = (await resample({ image: drawn.particles }, rowScalars(parentRows(ancestors, count)))).state;
    const best = weights.map((logs, n) => n * count + logs.indexOf(Math.max(...logs)));
    const shown = await show({ image: x0, state }, rowScalars(best));
    const lists = told({ logWeights: weights.flat(), ancestors: ancestors.flat() });
    return { ...shared, ...shown, parts: { ...lists, particles: state, measured: y } };
  });
}

/** The draw of the measurement of the top level. */
function topDraw({ steps }: Pick<FpsSmcOptions, "steps">): Draw {
  return { name: `y.${steps - 1}`, ordinal: 1 };
}

/**
 * The particles that a run starts from: noise, with the measurement of the top level in place of what it measures.
 * @returns [N P, H, W, C]; the caller frees it
 */
export async function fpsSmcStart(
  runtime: Runtime,
  problem: Problem,
  options: FpsSmcOptions & { readonly noise: NoiseSource },
): Promise<DeviceTensor> {
  const levelled = measurementLevels(runtime, problem, options);
  try {
    return await startParticles(runtime, problem, await levelled.start(topDraw(options)), options);
  } finally {
    levelled.release();
  }
}

/** The measurements of the levels, each made from that of the one above. */
interface MeasurementLevels {
  /** A z, that of the top level. */
  start(draw: Draw): Promise<DeviceTensor>;
  /** That of the next level; valid until the one after it. */
  next(y: DeviceTensor, step: Readonly<Record<"from" | "to", Level>>, draw: Draw): Promise<DeviceTensor>;
  release(): void;
}

/**
 * Prepares sqrt(b) y + r (y_t - sqrt(a) y) + sqrt(c (1 - b)) A z with r = sqrt((1 - c)(1 - b)/(1 - a)), DDIM's step for a
 * measurement, c being the share of fresh noise.
 */
function measurementLevels(
  runtime: Runtime,
  problem: Problem,
  { share, noise }: FpsSmcOptions & { readonly noise: NoiseSource },
): MeasurementLevels {
  const { operator, y: measured } = problem;
  const shape = stateShape(problem);
  const stage = noisyStage<"measured" | "before", "fromMeasured" | "fromBefore" | "fresh", "y">(
    runtime,
    "measured level",
    noise,
    ({ measured, before }, c, normal) => ({
      y: weightedSum([[c.fromMeasured, measured], [c.fromBefore, before], [c.fresh, operator.forward(normal(shape))]]),
    }),
  );
  const made = async (before: DeviceTensor, scalars: MeasuredWeights, draw: Draw): Promise<DeviceTensor> =>
    (await stage(draw, { measured, before }, scalars)).y;
  return {
    start: (draw) => made(measured, { fromMeasured: 0, fromBefore: 0, fresh: 1 }, draw),
    next(before, { from: { alphaBar: a }, to: { alphaBar: b } }, draw): Promise<DeviceTensor> {
      const fromBefore = Math.sqrt((1 - share) * (1 - b) / (1 - a));
      const fromMeasured = Math.sqrt(b) - fromBefore * Math.sqrt(a);
      return made(before, { fromMeasured, fromBefore, fresh: Math.sqrt(share * (1 - b)) }, draw);
    },
    release: stage.release,
  };
}

type MeasuredWeights = Readonly<Record<"fromMeasured" | "fromBefore" | "fresh", number>>;

/** The particles of the top level around its measurement. */
async function startParticles(
  runtime: Runtime,
  problem: Problem,
  y: DeviceTensor,
  { particles: count, noise }: FpsSmcOptions & { readonly noise: NoiseSource },
): Promise<DeviceTensor> {
  const [samples, ...item] = stateShape(problem) as [number, ...number[]];
  const stage = noisyStage<"y", never, "xt">(runtime, "start", noise, ({ y }, _c, normal) => ({
    xt: project(
      problem.operator,
      particleNoise(normal, [samples * count, ...item], count),
      forParticles(y, count),
    ),
  }));
  const xt = (await stage(START, { y }, {})).xt.keep();
  stage.release();
  return xt;
}

/** What particles become, with the logarithms of their weights. */
interface Combination {
  (
    draw: Draw,
    from: Readonly<Record<"mean" | "y", DeviceTensor>>,
    level: Level,
  ): Promise<{ readonly particles: DeviceTensor; readonly logs: readonly number[] }>;
  release(): void;
}

/**
 * Prepares the draw from the product of N(mean, v) and the measurement of the level, s x = y_t with the variance
 * w = a sigma^2: the mean + g (y_t - s mean), g = s v/(s^2 v + w), and the variance v w/(s^2 v + w) of every coefficient.
 * The weights are -|y_t - A x|^2/(2 sigma^2 b) - |x - mean|^2/(2 v) + |z|^2/2, b being that of the level it leads to; only
 * what A measures counts of the first.
 */
function combination(
  runtime: Runtime,
  { operator, sigmaY }: Problem,
  form: SpectralForm,
  { particles: count, share, form: kind, noise }: FpsSmcOptions & { readonly noise: NoiseSource },
): Combination {
  const sigma = Math.max(sigmaY, LEAST_NOISE);
  const stage = noisyStage<
    "mean" | "y" | "gain" | "deviation" | "measured",
    "narrowMeasurement" | "narrowState",
    "particles" | "logs"
  >(runtime, "combination", noise, ({ mean, y, gain, deviation, measured }, c, normal) => {
    const known = forParticles(y, count);
    const missing = form.fromMeasurement(sub(known, operator.forward(mean)));
    const z = form.toSpectrum(particleNoise(normal, mean.shape, count));
    const moved = form.fromSpectrum(add(mul(missing, gain), mul(z, deviation)));
    const image = add(mean, moved);
    const left = mul(form.fromMeasurement(sub(known, operator.forward(image))), measured);
    const likelihood = weightedSum([[c.narrowMeasurement, sampleSquares(left)], [c.narrowState, sampleSquares(moved)]]);
    return { particles: image, logs: weightedSum([[1, likelihood], [0.5, sampleSquares(z)]]) };
  });
  const run: (...args: Parameters<Combination>) => ReturnType<Combination> = async (draw, from, level) => {
    const { alphaBar, alphaBarPrevious } = level;
    const variance = (1 - alphaBarPrevious) * share;
    const ofMeasurement = (kind === "published" ? alphaBar : alphaBarPrevious) * sigma ** 2;
    const slack = kind === "published" ? SLACK : 0;
    const gain: SpectralWeight = (s) => s * (variance + slack) / (s * s * (variance + slack) + ofMeasurement);
    const weights = spectralWeights(runtime, form.singularValues, {
      gain,
      deviation: (s) => Math.sqrt(variance * ofMeasurement / (s * s * variance + ofMeasurement)),
      measured: (s) => s > 0 ? 1 : 0,
    });
    const scalars = {
      narrowMeasurement: -1 / (2 * sigma ** 2 * alphaBarPrevious),
      narrowState: -1 / (2 * variance),
    };
    try {
      const made = await stage(draw, { ...from, ...weights.tensors }, scalars);
      return { particles: made.particles, logs: Array.from(await made.logs.read()) };
    } finally {
      weights.free();
    }
  };
  return Object.assign(run, { release: stage.release });
}
