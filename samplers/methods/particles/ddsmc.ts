/**
 * DDSMC: particles that draw around the posterior of their denoised images and are tied to their past as much as one
 * wants; weights make up for what the draws are off, so that many particles sample the posterior. Ekstrom Kelvinius,
 * Zhao, Lindsten, Solving Linear-Gaussian Bayesian Inverse Problems with Decoupled Diffusion Sequential Monte Carlo, ICML
 * 2025.
 */
import type { DeviceTensor, Runtime, Tensor } from "../../../engine/mod.ts";
import { mul, sampleDot, sampleSquares, sub, weightedSum } from "../../../kernels/mod.ts";
import type { SpectralForm } from "../../../operators/mod.ts";
import { integer, number, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { type Level, sigmaOf } from "../../coefficients.ts";
import { freshNoise } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import { type Draw, type NoiseSource, silence } from "../../noise_source.ts";
import type { Problem, Progress, Sampler } from "../../sampler.ts";
import { alphaBarOf, karrasGrid, levelsDown, overLevels } from "../../steps/noise_levels.ts";
import { START, stateShape, trajectory } from "../../steps/run.ts";
import { requireDecomposition, type SpectralWeight, spectralWeights } from "../../steps/spectral.ts";
import { networkStep, noisyStage, type Step } from "../../steps/step.ts";
import {
  bySample,
  chosen,
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

/** The parameters of `ddsmc`. */
export const PARAMETERS = {
  steps: integer(200, { min: 2, max: 1000 }, "number of noise levels") as Parameter<number>,
  particles: particles(16) as Parameter<number>,
  eta: freshNoise(0.5, "how much a particle is tied to its past, 0 for not at all") as Parameter<number>,
  sigmaMin: number(0.01, { min: 1e-6 }, "least noise level sigma") as Parameter<number>,
  sigmaMax: number(100, { min: 1e-6, max: 1e6 }, "greatest noise level sigma") as Parameter<number>,
  spreadMin: number(0.01, { min: 1e-6 }, "deviation of images from denoised ones at the least level") as Parameter<
    number
  >,
  spreadMax: number(47, { min: 1e-6 }, "deviation of images from denoised ones at the greatest level") as Parameter<
    number
  >,
  resampling: resampling as Parameter<Resampling>,
};

/** Parameters of DDSMC. */
export type DdsmcOptions = ValuesOf<typeof PARAMETERS>;

/** Deviation that an exact measurement counts as having: weights need one. */
const LEAST_NOISE = 1e-3;

/** DDSMC; it needs the singular value decomposition. */
export const ddsmc: Sampler<DdsmcOptions> = sampler({
  name: "ddsmc",
  paper: "Ekstrom Kelvinius et al., Solving Linear-Gaussian Bayesian Inverse Problems with Decoupled Diffusion " +
    "Sequential Monte Carlo, ICML 2025",
  about: "weighted particles around the posterior of denoised images (--noise-level)",
  needs: ["spectrum"],
  handlesNoise: true,
  makesLevels: true,
  parameters: PARAMETERS,
  evaluations: ({ steps, particles }) => ({ nominal: steps * particles, actual: steps * particles }),
  restore: (runtime, problem, options) =>
    run(runtime, problem, requireDecomposition("ddsmc", problem.operator), options),
});

/** A level with the deviation of images from denoised ones. */
interface ParticlePlace extends Level {
  readonly spread: number;
}

function placesOf({ steps, sigmaMin, sigmaMax, spreadMin, spreadMax }: DdsmcOptions): readonly ParticlePlace[] {
  const spreads = karrasGrid(steps, { sigmaMin: spreadMin, sigmaMax: spreadMax, rho: 7 });
  const levels = levelsDown([...karrasGrid(steps, { sigmaMin, sigmaMax, rho: 7 }), 0]);
  return levels.map((level, k) => ({ ...level, spread: spreads[k]! }));
}

async function* run(
  runtime: Runtime,
  problem: Problem,
  form: SpectralForm,
  options: DdsmcOptions & { readonly noise: NoiseSource },
): AsyncGenerator<Progress, DeviceTensor> {
  const { noise, particles: count, resampling: kind } = options;
  const samples = problem.y.shape[0]!;
  const sigmaY = Math.max(problem.sigmaY, LEAST_NOISE);
  const places = placesOf(options);
  const levels = places.map(({ alphaBar }) => alphaBar);
  const all = { ...problem, model: overLevels("ddsmc", problem.model, levels), sigmaY };
  const denoise = denoising(runtime, all, form, count);
  const propose = proposal(runtime, all, form, options);
  const weigh = finalWeights(runtime, all, form, count);
  const uniforms = uniformSource(runtime, noise, { samples, count: uniformCount(kind, count) });
  const last = uniformSource(runtime, noise, { samples, count: 1 });
  const show = runtime.stage<"image" | "state", string, "x0" | "xt">("shown particles", ({ image, state }) => ({
    x0: takeRows(image, samples),
    xt: takeRows(state, samples),
  }));
  const start = await startParticles(runtime, problem, options);
  const told = toldNumbers(runtime);
  let state = start;
  // By particle: the logarithm of proposed over drawn density, less that of its parent's likelihood.
  let before: readonly number[] | undefined;
  const stages = [denoise, propose, weigh, uniforms, last, show, told];
  return yield* trajectory({ start, places, stages }, async (_shown, place, k) => {
    const draw = { name: String(k), ordinal: 3 * k + 2 };
    const { x0, logs } = await denoise(state, place, draw);
    const likelihoods = Array.from(await logs.read());
    const weights = bySample(likelihoods.map((log, i) => log + (before?.[i] ?? 0)), count).map(normalised);
    const drawn = await uniforms({ name: `uniform.${k}`, ordinal: 3 * k + 1 });
    const ancestors = weights.map((logs, n) => parents(logs, drawn[n]!, kind));
    const rows = parentRows(ancestors, count);
    const next = await propose(draw, { xt: state, x0, rows }, place);
    state = next.particles;
    before = next.ratios.map((ratio, i) => ratio - likelihoods[rows[i]!]!);
    const numbers = { logWeights: weights.flat(), ancestors: ancestors.flat() };
    const shared = { name: draw.name, evaluations: count };
    if (k < places.length - 1) {
      const best = weights.map((logs, n) => n * count + logs.indexOf(Math.max(...logs)));
      const shown = await show({ image: x0, state }, rowScalars(best));
      return { ...shared, ...shown, parts: { ...told(numbers), particles: state } };
    }
    const found = await weigh(state);
    const final = bySample(found.map((log, i) => log - likelihoods[rows[i]!]!), count).map(normalised);
    const positions = await last({ name: "uniform.final", ordinal: 3 * k + 3 });
    const picked = final.map((logs, n) => n * count + chosen(logs, positions[n]![0]!));
    const { xt } = await show({ image: state, state }, rowScalars(picked));
    return { ...shared, x0: xt, xt, parts: { ...told({ ...numbers, finalWeights: final.flat() }), particles: state } };
  });
}

/** The particles at the greatest level, sigma z in x_vp. */
async function startParticles(
  runtime: Runtime,
  problem: Problem,
  { noise, particles, sigmaMax }: DdsmcOptions & { readonly noise: NoiseSource },
): Promise<DeviceTensor> {
  const [samples, ...item] = stateShape(problem) as [number, ...number[]];
  const shape = [samples * particles, ...item];
  const deviation = Math.sqrt(1 - alphaBarOf(sigmaMax));
  const stage = noisyStage(runtime, "start", noise, (_inputs, _c, normal) => ({
    xt: weightedSum([[deviation, particleNoise(normal, shape, particles)]]),
  }));
  const xt = (await stage(START, {}, {})).xt.keep();
  stage.release();
  return xt;
}

/**
 * -sum (y - s x)^2/(2 (sigma^2 + R^2 s^2)) over the coefficients that A measures, inside a stage.
 * @param weight 1/(sigma^2 + R^2 s^2) of every singular value, 0 for 0
 * @returns [M]
 */
function logLikelihood(form: SpectralForm, missing: Tensor, weight: Tensor): Tensor {
  const coefficients = form.fromMeasurement(missing);
  return weightedSum([[-0.5, sampleDot(mul(coefficients, weight), coefficients)]]);
}

/** The weight of a singular value in `logLikelihood`. */
function likelihoodWeight(sigmaY: number, spread: number): SpectralWeight {
  return (s) => s === 0 ? 0 : 1 / (sigmaY ** 2 + (spread * s) ** 2);
}

/** Prepares the denoised images of particles, and the likelihood of y with images scattering around them. */
function denoising(
  runtime: Runtime,
  { model, operator, y, sigmaY }: Problem,
  form: SpectralForm,
  count: number,
): Step<ParticlePlace, "x0" | "logs"> {
  return networkStep(runtime, model, {
    name: "denoised particles",
    noise: silence,
    inputs: { y },
    tensors: ({ spread }: ParticlePlace) =>
      spectralWeights(runtime, form.singularValues, { weight: likelihoodWeight(sigmaY, spread) }),
    update: ({ x0, y, weight }) => ({
      x0,
      logs: logLikelihood(form, sub(forParticles(y, count), operator.forward(x0)), weight),
    }),
  });
}

/** The likelihoods of y with images themselves. */
interface FinalWeights {
  (x: DeviceTensor): Promise<readonly number[]>;
  release(): void;
}

function finalWeights(
  runtime: Runtime,
  { operator, y, sigmaY }: Problem,
  form: SpectralForm,
  count: number,
): FinalWeights {
  const weights = spectralWeights(runtime, form.singularValues, { weight: likelihoodWeight(sigmaY, 0) });
  const stage = runtime.stage<"x" | "y" | "weight", never, "logs">("final weights", ({ x, y, weight }) => ({
    logs: logLikelihood(form, sub(forParticles(y, count), operator.forward(x)), weight),
  }));
  const run = async (x: DeviceTensor): Promise<readonly number[]> =>
    Array.from(await (await stage({ x, y, ...weights.tensors }, {})).logs.read());
  const release = (): void => {
    stage.release();
    weights.free();
  };
  return Object.assign(run, { release });
}

/** The next particles. */
interface Proposal {
  (
    draw: Draw,
    from: { readonly xt: DeviceTensor; readonly x0: DeviceTensor; readonly rows: readonly number[] },
    place: ParticlePlace,
  ): Promise<{ readonly particles: DeviceTensor; readonly ratios: readonly number[] }>;
  release(): void;
}

/**
 * Prepares the draw of the next particles from their parents, in states without scale: the mean a m + b x with
 * a = d/(eta sigma'^2 + d), d = sigma^2 - sigma'^2, b = 1 - a and the mean m of the posterior of the image around the
 * denoised one D, and the variance c = a sigma'^2 - a^2 R^2 + a^2 R^2 sigmaY^2/(s^2 R^2 + sigmaY^2) of each coefficient.
 * `ratios` are the logarithms of N(x'; a D + b x, a sigma'^2) over the density of the draw, but for what all share.
 */
function proposal(
  runtime: Runtime,
  { operator, y, sigmaY }: Problem,
  form: SpectralForm,
  { noise, particles, eta }: DdsmcOptions & { readonly noise: NoiseSource },
): Proposal {
  const stage = noisyStage<
    "xt" | "x0" | "y" | keyof ReturnType<typeof proposalWeights>,
    "image" | "kept" | "scale" | "narrow",
    "particles" | "ratios"
  >(runtime, "particles", noise, ({ xt, x0, y, correction, fresh, drawn }, c, normal) => {
    const rows = x0.shape[0]!;
    const denoised = takeRows(x0, rows);
    const missing = sub(forParticles(y, particles), operator.forward(denoised));
    const moved = form.fromSpectrum(mul(form.fromMeasurement(missing), correction));
    const z = form.toSpectrum(particleNoise(normal, x0.shape, particles));
    const step = weightedSum([[c.image, moved], [1, form.fromSpectrum(mul(z, fresh))]]);
    const next = weightedSum([[c.image, denoised], [c.kept, takeRows(xt, rows)], [1, step]]);
    const ratios = weightedSum([[c.narrow, sampleSquares(step)], [0.5, sampleSquares(mul(z, drawn))]]);
    return { particles: weightedSum([[c.scale, next]]), ratios };
  });
  const run: (...args: Parameters<Proposal>) => ReturnType<Proposal> = async (draw, { xt, x0, rows }, place) => {
    const { alphaBar, alphaBarPrevious, spread } = place;
    const [variance, next] = [sigmaOf(alphaBar) ** 2, sigmaOf(alphaBarPrevious) ** 2];
    const image = (variance - next) / (eta * next + variance - next);
    const weights = spectralWeights(
      runtime,
      form.singularValues,
      proposalWeights({ image, next, spread, sigmaY }),
    );
    const scalars = {
      image,
      kept: (1 - image) / Math.sqrt(alphaBar),
      scale: Math.sqrt(alphaBarPrevious),
      narrow: next === 0 ? 0 : -1 / (2 * image * next),
      ...rowScalars(rows),
    };
    try {
      const made = await stage(draw, { xt, x0, y, ...weights.tensors }, scalars);
      return { particles: made.particles, ratios: Array.from(await made.ratios.read()) };
    } finally {
      weights.free();
    }
  };
  return Object.assign(run, { release: stage.release });
}

/** The weights of U^T (y - A D) in m - D, of V^T z in the draw, and whether a coefficient is drawn at all. */
function proposalWeights({ image, next, spread, sigmaY }: {
  readonly image: number;
  readonly next: number;
  readonly spread: number;
  readonly sigmaY: number;
}): Record<"correction" | "fresh" | "drawn", SpectralWeight> {
  const squared = spread ** 2;
  // Coarse lists of levels may leave less than nothing to draw.
  const variance: SpectralWeight = (s) => {
    const known = squared * sigmaY ** 2 / (s * s * squared + sigmaY ** 2);
    return next === 0 ? 0 : Math.max(0, image * next - image ** 2 * (squared - known));
  };
  return {
    correction: (s) => s * squared / (s * s * squared + sigmaY ** 2),
    fresh: (s) => Math.sqrt(variance(s)),
    drawn: (s) => variance(s) > 0 ? 1 : 0,
  };
}
