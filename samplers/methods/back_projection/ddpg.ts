/**
 * DDPG and IDPG: the predicted image follows the measurement by the regularised pseudo-inverse of the residual, which is
 * fast, while there is much noise in the state, and by the gradient of least squares, which does not amplify the noise
 * of the measurement, when there is little. Garber, Tirer, Image Restoration by Denoising Diffusion Models with
 * Iteratively Preconditioned Guidance, CVPR 2024.
 */
import type { DeviceTensor, Runtime, Tensor } from "../../../engine/mod.ts";
import { add, mul, sub, weightedSum } from "../../../kernels/mod.ts";
import { choice, number, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { type Level, respace } from "../../coefficients.ts";
import { freshNoise, iterations, steps } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import type { NoiseSource } from "../../noise_source.ts";
import type { Problem, Progress, Sampler } from "../../sampler.ts";
import { likelihoodDirection, likelihoodWeight } from "../../steps/likelihood.ts";
import { moveBy, pureNoise, trajectory } from "../../steps/run.ts";
import { spectralWeights } from "../../steps/spectral.ts";
import { networkStep, type Step } from "../../steps/step.ts";
import { ddnmTimesteps } from "../../timesteps.ts";

const SHARED = {
  steps: steps(100, 1) as Parameter<number>,
  iterations: iterations(20) as Parameter<number>,
};

/** Power of alphaBar that is the share of least squares. */
const gamma = (initial: number): Parameter<number> =>
  number(initial, { min: 0 }, "power of alphaBar that is the share of least squares");

/** Variance that regularises the pseudo-inverse. */
const etaTilde = (initial: number): Parameter<number> =>
  number(initial, { min: 0 }, "regularisation of the pseudo-inverse, in variances of the noise of y");

/** The parameters of `ddpg`. */
export const DDPG_PARAMETERS = {
  ...SHARED,
  gamma: gamma(8) as Parameter<number>,
  etaTilde: etaTilde(0.7) as Parameter<number>,
  zeta: freshNoise(0.5, "share of fresh noise") as Parameter<number>,
  stepSize: choice(
    "falling",
    ["constant", "falling", "falling_gradient"],
    {},
    "length of the guidance: 1, (1 - alphaBar')/(1 - alphaBar), or that for least squares alone",
  ) as Parameter<"constant" | "falling" | "falling_gradient">,
};

/** The parameters of `idpg`. */
export const IDPG_PARAMETERS = {
  ...SHARED,
  gamma: gamma(8) as Parameter<number>,
  etaTilde: etaTilde(0.7) as Parameter<number>,
};

/** Parameters of DDPG. */
export type DdpgOptions = ValuesOf<typeof DDPG_PARAMETERS>;

/** Parameters of IDPG. */
export type IdpgOptions = ValuesOf<typeof IDPG_PARAMETERS>;

const PAPER =
  "Garber, Tirer, Image Restoration by Denoising Diffusion Models with Iteratively Preconditioned Guidance, " +
  "CVPR 2024";

const evaluations = ({ steps }: { readonly steps: number }): { readonly nominal: number; readonly actual: number } => ({
  nominal: steps,
  actual: steps,
});

/** DDPG. The published values are those for noise of 0.1 in [-1, 1] and faces. */
export const ddpg: Sampler<DdpgOptions> = sampler({
  name: "ddpg",
  paper: PAPER,
  about: "guided from the pseudo-inverse to least squares (--noise-level)",
  handlesNoise: true,
  parameters: DDPG_PARAMETERS,
  published: { super_resolution: { gamma: 10, etaTilde: 0.3, zeta: 0.8 } },
  evaluations,
  restore: (runtime, problem, options) => restore(runtime, problem, { ...options, name: "ddpg" }),
});

/** IDPG: the same without noise and without the noise of the state. */
export const idpg: Sampler<IdpgOptions> = sampler({
  name: "idpg",
  paper: PAPER,
  about: "the same without noise in the states (--noise-level)",
  handlesNoise: true,
  parameters: IDPG_PARAMETERS,
  published: { super_resolution: { gamma: 16, etaTilde: 0.2 }, deblurring: { etaTilde: 0.6 } },
  evaluations,
  restore: (runtime, problem, options) =>
    restore(runtime, problem, { ...options, name: "idpg", stepSize: "constant", zeta: undefined }),
});

/** What decides about a run; without zeta nothing of the noise goes on. */
type RunOptions = IdpgOptions & Pick<DdpgOptions, "stepSize"> & {
  readonly name: string;
  readonly zeta: number | undefined;
  readonly noise: NoiseSource;
};

async function* restore(
  runtime: Runtime,
  problem: Problem,
  options: RunOptions,
): AsyncGenerator<Progress, DeviceTensor> {
  const { alphaBar } = problem.model;
  const places = respace(alphaBar, ddnmTimesteps(alphaBar.length, options.steps)).toReversed();
  const step = guidedStep(runtime, problem, options);
  const start = await pureNoise(runtime, problem, options.noise);
  return yield* trajectory({ start, places, stages: [step] }, moveBy(step));
}

/** The least variance that regularises the pseudo-inverse. */
const LEAST_VARIANCE = 1e-4;

function guidedStep(
  runtime: Runtime,
  { model, operator, y, sigmaY }: Problem,
  options: RunOptions,
): Step<Level, "x0" | "xt"> {
  const { name, noise, iterations } = options;
  const form = operator.spectral?.();
  const variance = Math.max(LEAST_VARIANCE, sigmaY ** 2 * options.etaTilde);
  const back = likelihoodWeight({ spread: 1, variance });
  return networkStep(runtime, model, {
    name,
    noise,
    inputs: { y },
    scalars: (level) => ({ ...guidanceLengths(level, sigmaY, options), ...nextWeights(level, sigmaY, options) }),
    tensors: form && ((level: Level) => {
      const { back: inverse, squares } = guidanceLengths(level, sigmaY, options);
      return spectralWeights(runtime, form.singularValues, { weight: (s) => inverse * back(s) + squares * s });
    }),
    project({ y, x0, weight }, c): Tensor {
      const missing = sub(y, operator.forward(x0));
      if (form) return add(x0, form.fromSpectrum(mul(form.fromMeasurement(missing), weight)));
      const direction = likelihoodDirection(operator, missing, undefined, { spread: 1, variance, iterations });
      return weightedSum([[1, x0], [c.back, direction], [c.squares, operator.adjoint(missing)]]);
    },
    update: ({ xt, x0, z }, c) => ({ x0, xt: weightedSum([[c.fromX0, x0], [c.fromXt, xt], [c.fromNoise, z]]) }),
  });
}

/** The share of least squares in the step from a level: alphaBar'^gamma, none where the measurement is exact. */
function squaresShare({ alphaBarPrevious }: Level, sigmaY: number, gamma: number): number {
  return sigmaY === 0 ? 0 : alphaBarPrevious ** gamma;
}

/**
 * How far the guidance goes along the pseudo-inverse and the gradient. The last prediction of a noisy measurement stays
 * as it is.
 */
function guidanceLengths(
  level: Level,
  sigmaY: number,
  { gamma, stepSize }: RunOptions,
): Record<"back" | "squares", number> {
  const { alphaBar, alphaBarPrevious } = level;
  if (sigmaY > 0 && alphaBarPrevious === 1) return { back: 0, squares: 0 };
  const share = squaresShare(level, sigmaY, gamma);
  const falling = (1 - alphaBarPrevious) / (1 - alphaBar);
  return {
    back: (1 - share) * (stepSize === "falling" ? falling : 1),
    squares: share * (stepSize === "constant" ? 1 : falling),
  };
}

/**
 * sqrt(a) x0 + sqrt(1 - a) (sqrt(zeta) z + w sqrt(1 - zeta) eps) with a = alphaBarPrevious, eps taken from the guided x0
 * and the share w of least squares, which is 1 where the measurement is exact.
 */
function nextWeights(
  level: Level,
  sigmaY: number,
  { gamma, zeta }: RunOptions,
): Record<"fromX0" | "fromXt" | "fromNoise", number> {
  const { alphaBar, alphaBarPrevious } = level;
  const fromX0 = Math.sqrt(alphaBarPrevious);
  if (zeta === undefined) return { fromX0, fromXt: 0, fromNoise: 0 };
  const kept = sigmaY === 0 ? 1 : squaresShare(level, sigmaY, gamma);
  const rest = 1 - alphaBarPrevious;
  const fromXt = kept * Math.sqrt((1 - zeta) * rest / (1 - alphaBar));
  return { fromX0: fromX0 - fromXt * Math.sqrt(alphaBar), fromXt, fromNoise: Math.sqrt(zeta * rest) };
}
