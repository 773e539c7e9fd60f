/**
 * DDNM+ for noisy measurements: as DDNM, with a correction and a fresh noise that leave the state exactly the noise of
 * its level. Wang, Yu, Zhang, Zero-Shot Image Restoration Using Denoising Diffusion Null-Space Model, ICLR 2023.
 */
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import { add, sub, weightedSum } from "../../kernels/mod.ts";
import { choice, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import type { Level } from "../coefficients.ts";
import { spectralStepDown } from "../steps/ddnm_plus_spectral.ts";
import { DDNM_TRAJECTORY, ddnmEvaluations, type DdnmStep, ddnmTrajectory } from "../steps/ddnm_trajectory.ts";
import { sampler } from "../entry.ts";
import type { NoiseSource } from "../noise_source.ts";
import { ancestralCoefficients } from "../steps/plain_coefficients.ts";
import type { Problem, Progress, Sampler } from "../sampler.ts";
import { networkStep } from "../steps/step.ts";
import { noiseTimesteps } from "../timesteps.ts";

/** The parameters of `ddnm+`. */
export const PARAMETERS = {
  ...DDNM_TRAJECTORY,
  // - spectral: a correction and a noise for every singular value; needs the spectral form of the operator
  // - simplified: one correction for all, in the eta mix
  // - posterior: one correction for all, in the DDPM posterior of the paper (equations 17 to 19)
  // - published_simplified: the authors' program, which scales its noise twice and takes alphaBar for its root
  // - published_spectral: the authors' program, which does not turn eps into the basis before it weighs it
  form: choice(
    "simplified",
    ["spectral", "simplified", "posterior", "published_simplified", "published_spectral"],
    {},
    "rule of the correction and of the noise",
  ) as Parameter<"spectral" | "simplified" | "posterior" | "published_simplified" | "published_spectral">,
  // Above the noise of the measurement a step leaves nothing of those before it in what is measured. With `spectral`, 30
  // steps by noise are better than 100 even ones.
  spacing: choice(
    "even",
    ["even", "noise"],
    {},
    "timesteps: evenly spaced, or three of four below the noise of the measurement",
  ) as Parameter<"even" | "noise">,
};

/** Parameters of DDNM+. The deviation of the noise is that of the problem. */
export type DdnmPlusOptions = ValuesOf<typeof PARAMETERS>;

/** DDNM+. */
export const ddnmPlus: Sampler<DdnmPlusOptions> = sampler({
  name: "ddnm_plus",
  method: "ddnm+",
  paper: "Wang et al., Zero-Shot Image Restoration Using Denoising Diffusion Null-Space Model, ICLR 2023",
  about: "as ddnm, for noisy measurements (--noise-level)",
  handlesNoise: true,
  parameters: PARAMETERS,
  evaluations: ddnmEvaluations,
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    // Of an exact measurement the authors' program makes the plain DDNM step, which turns nothing.
    const isPublished = options.form === "published_spectral" && problem.sigmaY > 0;
    const step = options.form.endsWith("spectral")
      ? spectralStepDown(runtime, problem, { ...options, isPublished })
      : simplifiedStepDown(runtime, problem, options);
    const timesteps = noiseTimesteps(problem.model.alphaBar, options.steps, problem.sigmaY);
    return ddnmTrajectory(runtime, problem, options.spacing === "noise" ? { ...options, timesteps } : options, step);
  },
});

/** Weights of x0 + correction A^+ (y - A x0) and of the next state. */
type SimplifiedScalars = Record<"correction" | "fromX0" | "fromXt" | "fromEps" | "fromNoise", number>;

function simplifiedStepDown(
  runtime: Runtime,
  { model, operator, y, sigmaY }: Problem,
  { noise, form, eta }: DdnmPlusOptions & { readonly noise: NoiseSource },
): DdnmStep {
  const scalarsOf = { simplified, posterior, published_simplified: published }[form as "simplified"];
  return networkStep(runtime, model, {
    name: "ddnm_plus",
    noise,
    inputs: { y },
    scalars: (level) => scalarsOf(level, sigmaY, eta),
    project: ({ y, x0 }, c) =>
      add(x0, weightedSum([[c.correction, operator.pseudoInverse(sub(y, operator.forward(x0)))]])),
    update: ({ xt, eps, x0, predicted, z }, c) => ({
      x0,
      predicted,
      xt: weightedSum([[c.fromX0, x0], [c.fromXt, xt], [c.fromEps, eps], [c.fromNoise, z]]),
    }),
  });
}

/**
 * The noise of A^+ y enters the state with the weight a = sqrt(alphaBarPrevious): the correction is min(1, s/(a sigmaY))
 * and eps and fresh noise, in the eta mix, fill up to s^2 = 1 - alphaBarPrevious.
 */
function simplified({ alphaBarPrevious }: Level, sigmaY: number, eta: number): SimplifiedScalars {
  const weight = Math.sqrt(alphaBarPrevious);
  const variance = 1 - alphaBarPrevious;
  const correction = sigmaY === 0 ? 1 : Math.min(1, Math.sqrt(variance) / (weight * sigmaY));
  const rest = Math.sqrt(Math.max(0, variance - (correction * weight * sigmaY) ** 2));
  return {
    correction,
    fromX0: weight,
    fromXt: 0,
    fromEps: Math.sqrt(1 - eta * eta) * rest,
    fromNoise: eta * rest,
  };
}

/** Equations 17 to 19 of the paper: the same in the DDPM posterior, whose weight of x0 is a. */
function posterior(level: Level, sigmaY: number): SimplifiedScalars {
  const { xtFromX0: weight, xtFromXt, xtFromNoise } = ancestralCoefficients(level, false);
  const correction = sigmaY === 0 ? 1 : Math.min(1, xtFromNoise / (weight * sigmaY));
  const rest = Math.sqrt(Math.max(0, xtFromNoise ** 2 - (correction * weight * sigmaY) ** 2));
  return { correction, fromX0: weight, fromXt: xtFromXt, fromEps: 0, fromNoise: rest };
}

/** The authors' program: alphaBar for its root, and weights of the noise that are multiplied by its deviation again. */
function published({ alphaBarPrevious }: Level, sigmaY: number, eta: number): SimplifiedScalars {
  const sigma = Math.sqrt(1 - alphaBarPrevious ** 2);
  const noisy = alphaBarPrevious * sigmaY;
  const correction = sigma >= noisy ? 1 : sigma / noisy;
  const rest = sigma >= noisy ? Math.sqrt(sigma ** 2 - noisy ** 2) : 0;
  const scale = rest * Math.sqrt(1 - alphaBarPrevious);
  return {
    correction,
    fromX0: Math.sqrt(alphaBarPrevious),
    fromXt: 0,
    fromEps: Math.sqrt(1 - eta * eta) * scale,
    fromNoise: eta * scale,
  };
}
