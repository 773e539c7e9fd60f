/**
 * Denoising Diffusion Restoration Models: sampling in the coefficients V^T x of the operator. Coefficients that the
 * measurement knows better than the state does are drawn around it; the others follow the model. Kawar, Elad, Ermon,
 * Song, Denoising Diffusion Restoration Models, NeurIPS 2022.
 */
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import { add, mul } from "../../kernels/mod.ts";
import type { SpectralForm } from "../../operators/mod.ts";
import { number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { type Level, respace, sigmaOf } from "../coefficients.ts";
import { freshNoise, steps } from "../common_parameters.ts";
import { sampler } from "../entry.ts";
import type { NoiseSource } from "../noise_source.ts";
import { moveBy, START, stateShape, trajectory } from "../steps/run.ts";
import type { Problem, Progress, Sampler } from "../sampler.ts";
import { requireDecomposition, type SpectralWeight, spectralWeights } from "../steps/spectral.ts";
import { networkStep, noisyStage } from "../steps/step.ts";
import { strideTimesteps } from "../timesteps.ts";

/** The parameters of `ddrm`. */
export const PARAMETERS = {
  // As many steps as strides of floor(T/steps) fit below T are made.
  steps: steps(20, 1) as Parameter<number>,
  eta: freshNoise(0.85) as Parameter<number>,
  etaA: freshNoise(0.85, "fresh noise where the measurement is worse") as Parameter<number>,
  etaB: number(1, { min: 0, max: 1 }, "share of the measurement where it is better") as Parameter<number>,
};

/** Parameters of DDRM. */
export type DdrmOptions = ValuesOf<typeof PARAMETERS>;

/** DDRM; it needs the singular value decomposition. */
export const ddrm: Sampler<DdrmOptions> = sampler({
  name: "ddrm",
  paper: "Kawar et al., Denoising Diffusion Restoration Models, NeurIPS 2022",
  about: "sampling in the singular vectors of the operator (--noise-level)",
  needs: ["spectrum"],
  handlesNoise: true,
  parameters: PARAMETERS,
  evaluations: ({ steps }, timesteps) => ({ nominal: steps, actual: strideTimesteps(timesteps, steps).length }),
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    return run(runtime, problem, requireDecomposition("ddrm", problem.operator), options);
  },
});

/** The kept levels, noisiest first. */
function levelsOf({ model: { alphaBar } }: Problem, steps: number): readonly Level[] {
  return respace(alphaBar, strideTimesteps(alphaBar.length, steps)).toReversed();
}

async function* run(
  runtime: Runtime,
  problem: Problem,
  form: SpectralForm,
  { noise, ...options }: DdrmOptions & { readonly noise: NoiseSource },
): AsyncGenerator<Progress, DeviceTensor> {
  const { model, y, sigmaY } = problem;
  const places = levelsOf(problem, options.steps);
  const step = networkStep(runtime, model, {
    name: "ddrm",
    noise,
    inputs: { y },
    tensors: (level) => spectralWeights(runtime, form.singularValues, ddrmWeights(level, { ...options, sigmaY })),
    update: ({ y, eps, x0, z, ...weights }) => {
      const predicted = add(mul(form.toSpectrum(x0), weights.fromX0), mul(form.toSpectrum(eps), weights.fromEps));
      const drawn = add(mul(form.fromMeasurement(y), weights.fromY), mul(form.toSpectrum(z), weights.fromNoise));
      return { x0, xt: form.fromSpectrum(add(predicted, drawn)) };
    },
  });
  const start = await startState(runtime, problem, form, { level: places[0]!, noise });
  return yield* trajectory({ start, places, stages: [step] }, moveBy(step));
}

/**
 * The state at the noisiest level, as in the authors' program: V ((U^T y)/s + sqrt(sigma^2 - sigmaY^2/s^2) V^T z)/sigma
 * where s sigma > sigmaY, and noise alone elsewhere, with sigma the noise of the level in units of the image.
 * @returns [N, H, W, C]; the caller frees it
 */
export async function ddrmStart(
  runtime: Runtime,
  problem: Problem,
  noise: NoiseSource,
  { steps }: Pick<DdrmOptions, "steps">,
): Promise<DeviceTensor> {
  const form = requireDecomposition("ddrm", problem.operator);
  return await startState(runtime, problem, form, { level: levelsOf(problem, steps)[0]!, noise });
}

async function startState(
  runtime: Runtime,
  problem: Problem,
  form: SpectralForm,
  { level, noise }: { readonly level: Level; readonly noise: NoiseSource },
): Promise<DeviceTensor> {
  const { y, sigmaY } = problem;
  const sigma = sigmaOf(level.alphaBar);
  const isKnown = (s: number): boolean => s * sigma > sigmaY;
  const weights = spectralWeights(runtime, form.singularValues, {
    fromY: (s) => isKnown(s) ? 1 / (s * sigma) : 0,
    fromNoise: (s) => isKnown(s) ? Math.sqrt(Math.max(0, sigma ** 2 - (sigmaY / s) ** 2)) / sigma : 1,
  });
  const shape = stateShape(problem);
  const stage = noisyStage<"y" | "fromY" | "fromNoise", never, "xt">(runtime, "start", noise, (inputs, _c, normal) => {
    const drawn = mul(form.toSpectrum(normal(shape)), inputs.fromNoise);
    return { xt: form.fromSpectrum(add(mul(form.fromMeasurement(inputs.y), inputs.fromY), drawn)) };
  });
  try {
    return (await stage(START, { y, ...weights.tensors }, {})).xt.keep();
  } finally {
    stage.release();
    weights.free();
  }
}

/**
 * The weights of V^T x0, V^T eps, U^T y and V^T z in the coefficients of the next state, with a = alphaBarPrevious,
 * d = sqrt((1 - a)/a) and everything times sqrt(a):
 *
 * | | x0 | eps | y | z |
 * | --- | --- | --- | --- | --- |
 * | s = 0 or s d = sigmaY | 1 | d sqrt(1 - eta^2) | 0 | d eta |
 * | s d < sigmaY | 1 - s k, k = d sqrt(1 - etaA^2)/sigmaY | 0 | k | d etaA |
 * | s d > sigmaY | 1 - etaB | 0 | etaB/s | sqrt(d^2 - etaB^2 sigmaY^2/s^2) |
 */
export function ddrmWeights(
  { alphaBarPrevious }: Pick<Level, "alphaBarPrevious">,
  { eta, etaA, etaB, sigmaY }: Omit<DdrmOptions, "steps"> & { readonly sigmaY: number },
): Record<"fromX0" | "fromEps" | "fromY" | "fromNoise", SpectralWeight> {
  const scale = Math.sqrt(alphaBarPrevious);
  const deviation = sigmaOf(alphaBarPrevious);
  const pull = (deviation * Math.sqrt(1 - etaA * etaA)) / sigmaY;
  const rule = (lost: SpectralWeight, unsure: SpectralWeight, known: SpectralWeight): SpectralWeight => (s) => {
    const seen = s * deviation;
    const weight = s === 0 || seen === sigmaY ? lost : seen < sigmaY ? unsure : known;
    return scale * weight(s);
  };
  return {
    fromX0: rule(() => 1, (s) => 1 - s * pull, () => 1 - etaB),
    fromEps: rule(() => deviation * Math.sqrt(1 - eta * eta), () => 0, () => 0),
    fromY: rule(() => 0, () => pull, (s) => etaB / s),
    fromNoise: rule(
      () => deviation * eta,
      () => deviation * etaA,
      (s) => Math.sqrt(Math.max(0, deviation ** 2 - ((etaB * sigmaY) / s) ** 2)),
    ),
  };
}
