/**
 * Pseudo-inverse guided diffusion: the likelihood of y under a Gaussian around the predicted image is followed through
 * the network, and the state moves by DDIM. Song, Vahdat, Mardani, Kautz, Pseudoinverse-Guided Diffusion Models for
 * Inverse Problems, ICLR 2023.
 */
import type { DeviceTensor, Runtime, Scalar, Tensor } from "../engine/mod.ts";
import { add, gradient, sampleDot, sub, weightedSum } from "../kernels/mod.ts";
import { choice, type ValuesOf } from "../parameters/mod.ts";
import { type Level, respace } from "./coefficients.ts";
import { clipDenoised, freshNoise, gradientScale, iterations, steps } from "./common_parameters.ts";
import { sampler } from "./entry.ts";
import { noised } from "./guided_walk.ts";
import { likelihoodDirection, likelihoodWeight } from "./likelihood.ts";
import { networkStep } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import { ddimCoefficients } from "./plain_coefficients.ts";
import type { State } from "./restoration_step.ts";
import { counted, drawOf, pseudoInverseOf, pureNoise, START } from "./run.ts";
import type { Problem, Sampler } from "./sampler.ts";
import { spectralWeights } from "./spectral.ts";
import { spaceTimesteps } from "./timesteps.ts";

/**
 * What is followed, how far, and from where. "published", the authors' program: A^+ (y - A x0) with the length
 * sqrt(alphaBar alphaBarPrevious), no clamp, from A^+ y noised to the first level. "paper": the likelihood of y with the
 * length sqrt(alphaBar) r^2, from pure noise.
 */
export type PigdmForm = "published" | "paper";

/** The forms by name. */
export const PIGDM_FORMS: readonly PigdmForm[] = ["published", "paper"];

const PARAMETERS = {
  steps: steps(100),
  eta: freshNoise(1, "share of the posterior's deviation in fresh noise"),
  scale: gradientScale(1),
  guidanceForm: choice("published", PIGDM_FORMS, { option: "pigdm-form" }, "as in the program, or in the paper"),
  // Both are read by the form of the paper alone.
  clipDenoised,
  iterations: iterations(20),
};

/** Parameters of PiGDM. The published form does not read the deviation of the noise. */
export type PigdmOptions = ValuesOf<typeof PARAMETERS>;

/** PiGDM. */
export const pigdm: Sampler<PigdmOptions> = sampler({
  name: "pigdm",
  paper: "Song et al., Pseudoinverse-Guided Diffusion Models for Inverse Problems, ICLR 2023",
  about: "DDIM guided by A^+ through the network (--noise-level)",
  needs: ["gradient"],
  handlesNoise: true,
  parameters: PARAMETERS,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore: (runtime, problem, options) => counted(walk(runtime, problem, options), options.steps),
});

type StepNumbers = Record<"xtFromX0" | "xtFromXt" | "xtFromNoise" | "pull" | "spread" | "variance", number>;

/**
 * sqrt(a) x0 + sqrt(1 - a - d^2) eps + d z + scale w g with a = alphaBarPrevious, the DDIM deviation d, and w =
 * sqrt(alphaBar) r^2 in the paper, r^2 = 1 - alphaBar being the variance of images around x0, or sqrt(alphaBar a).
 */
function stepNumbers(
  level: Level,
  sigmaY: number,
  { eta, scale, guidanceForm }: Pick<PigdmOptions, "eta" | "scale" | "guidanceForm">,
): StepNumbers {
  const { xtFromX0, xtFromXt, xtFromNoise } = ddimCoefficients(level, eta);
  const spread = 1 - level.alphaBar;
  const weight = guidanceForm === "paper"
    ? Math.sqrt(level.alphaBar) * spread
    : Math.sqrt(level.alphaBar * level.alphaBarPrevious);
  return { xtFromX0, xtFromXt, xtFromNoise, pull: scale * weight, spread, variance: sigmaY ** 2 };
}

async function* walk(
  runtime: Runtime,
  problem: Problem,
  { noise, clipDenoised, iterations, ...options }: PigdmOptions & { readonly noise: NoiseSource },
): AsyncGenerator<State, DeviceTensor> {
  const { model: { alphaBar }, operator, sigmaY } = problem;
  const levels = respace(alphaBar, spaceTimesteps(alphaBar.length, String(options.steps))).toReversed();
  const isPaper = options.guidanceForm === "paper";
  const decomposition = isPaper ? operator.spectral?.() : undefined;
  const step = networkStep(
    runtime,
    problem,
    { name: "guided step", clipDenoised: isPaper && clipDenoised, noise },
    ({ xt, y, x0, z }, c: Record<keyof StepNumbers, Scalar>, { weight }: { readonly weight?: Tensor }) => {
      const missing = sub(y, operator.forward(x0));
      const direction = isPaper
        ? likelihoodDirection(operator, missing, weight, { ...c, iterations })
        : operator.pseudoInverse(missing);
      // g is the transposed derivative of x0 times the direction, which counts as fixed.
      const grad = gradient(sampleDot(x0, direction), [xt], [direction])[0]!;
      const unguided = weightedSum([[c.xtFromX0, x0], [c.xtFromXt, xt], [c.xtFromNoise, z]]);
      return { x0, xt: add(unguided, weightedSum([[c.pull, grad]])), grad };
    },
  );
  const start = isPaper
    ? await pureNoise(runtime, problem, noise)
    : await noisedEstimate(runtime, problem, levels[0]!.alphaBar, noise);
  try {
    let xt = start;
    for (const [k, level] of levels.entries()) {
      const draw = drawOf(k);
      const numbers = stepNumbers(level, sigmaY, options);
      const weights = decomposition &&
        spectralWeights(runtime, decomposition.singularValues, { weight: likelihoodWeight(numbers) });
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

/**
 * A^+ y, noised to a level.
 * @returns [N, H, W, C]; the caller frees it
 */
async function noisedEstimate(
  runtime: Runtime,
  problem: Problem,
  alphaBar: number,
  noise: NoiseSource,
): Promise<DeviceTensor> {
  const estimate = await pseudoInverseOf(runtime, problem);
  try {
    return await noised(runtime, problem, estimate, { alphaBar, noise, draw: START });
  } finally {
    estimate.free();
  }
}
