/**
 * Pseudo-inverse guided diffusion: the likelihood of y under a Gaussian around the predicted image is followed through
 * the network, and the state moves by DDIM. Song, Vahdat, Mardani, Kautz, Pseudoinverse-Guided Diffusion Models for
 * Inverse Problems, ICLR 2023.
 */
import type { DeviceTensor, Runtime, Scalar, Tensor } from "../engine/mod.ts";
import { add, gradient, sampleDot, sub, weightedSum } from "../kernels/mod.ts";
import { type Level, respace } from "./coefficients.ts";
import { likelihoodDirection, likelihoodWeight } from "./likelihood.ts";
import { networkStep } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import { optionChecks, UNLIMITED } from "./option_checks.ts";
import { ddimCoefficients } from "./plain_coefficients.ts";
import type { State } from "./restoration_step.ts";
import { counted, drawOf, pureNoise } from "./run.ts";
import { checkProblem, type Problem, type Progress, type Sampler } from "./sampler.ts";
import { spectralWeights } from "./spectral.ts";
import { spaceTimesteps } from "./timesteps.ts";

/** Parameters of PiGDM. */
export interface PigdmOptions {
  /** Number of steps, 2..T. Published: 100. */
  readonly steps: number;
  /** Share of the posterior's deviation in fresh noise, 0..1. Published: 1. */
  readonly eta: number;
  /** Length of the guidance. Published: 1. */
  readonly scale: number;
  /** Whether predicted images are clamped to [-1, 1], where the gradient stops. Default: true. */
  readonly clipDenoised: boolean;
  /** Iterations of conjugate gradients for operators without singular value decomposition, 1..1000. */
  readonly iterations: number;
}

const DEFAULTS: PigdmOptions = { steps: 100, eta: 1, scale: 1, clipDenoised: true, iterations: 20 };

/** PiGDM. */
export const pigdm: Sampler<PigdmOptions> = {
  name: "pigdm",
  paper: "Song et al., Pseudoinverse-Guided Diffusion Models for Inverse Problems, ICLR 2023",
  needs: ["gradient"],
  defaults: DEFAULTS,
  defaultsFor: () => DEFAULTS,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const check = optionChecks("pigdm");
    const timesteps = problem.model.alphaBar.length;
    check.integer("steps", options.steps, 2, timesteps);
    check.number("eta", options.eta, 0, 1);
    check.number("scale", options.scale, 0, UNLIMITED);
    check.integer("iterations", options.iterations, 1, 1000);
    checkProblem("pigdm", problem);
    return counted(walk(runtime, problem, options), spaceTimesteps(timesteps, String(options.steps)).length);
  },
};

type StepNumbers = Record<"xtFromX0" | "xtFromXt" | "xtFromNoise" | "pull" | "spread" | "variance", number>;

/**
 * sqrt(a) x0 + sqrt(1 - a - d^2) eps + d z + scale sqrt(alphaBar) r^2 g with the DDIM deviation d, and the variance
 * r^2 = 1 - alphaBar of images around x0.
 */
function stepNumbers(
  level: Level,
  sigmaY: number,
  { eta, scale }: Pick<PigdmOptions, "eta" | "scale">,
): StepNumbers {
  const { xtFromX0, xtFromXt, xtFromNoise } = ddimCoefficients(level, eta);
  const spread = 1 - level.alphaBar;
  const variance = sigmaY ** 2;
  return { xtFromX0, xtFromXt, xtFromNoise, pull: scale * Math.sqrt(level.alphaBar) * spread, spread, variance };
}

async function* walk(
  runtime: Runtime,
  problem: Problem,
  { noise, clipDenoised, iterations, ...options }: PigdmOptions & { readonly noise: NoiseSource },
): AsyncGenerator<State, DeviceTensor> {
  const { model: { alphaBar }, operator, sigmaY } = problem;
  const levels = respace(alphaBar, spaceTimesteps(alphaBar.length, String(options.steps))).toReversed();
  const form = operator.spectral?.();
  const step = networkStep(
    runtime,
    problem,
    { name: "guided step", clipDenoised, noise },
    ({ xt, y, x0, z }, c: Record<keyof StepNumbers, Scalar>, { weight }: { readonly weight?: Tensor }) => {
      const missing = sub(y, operator.forward(x0));
      const direction = likelihoodDirection(operator, missing, weight, { ...c, iterations });
      // g is the transposed derivative of x0 times the direction, which counts as fixed.
      const grad = gradient(sampleDot(x0, direction), [xt], [direction])[0]!;
      const unguided = weightedSum([[c.xtFromX0, x0], [c.xtFromXt, xt], [c.xtFromNoise, z]]);
      return { x0, xt: add(unguided, weightedSum([[c.pull, grad]])), grad };
    },
  );
  const start = await pureNoise(runtime, problem, noise);
  try {
    let xt = start;
    for (const [k, level] of levels.entries()) {
      const draw = drawOf(k);
      const numbers = stepNumbers(level, sigmaY, options);
      const weights = form && spectralWeights(runtime, form.singularValues, { weight: likelihoodWeight(numbers) });
      try {
        const { x0, grad, ...made } = await step({ xt, level, numbers, draw, extra: { ...weights?.tensors } as never });
        xt = made.xt;
        yield { name: draw.name, x0, xt, parts: { grad } };
      } finally {
        weights?.free();
      }
    }
    return xt.keep();
  } finally {
    step.release();
    start.free();
  }
}
