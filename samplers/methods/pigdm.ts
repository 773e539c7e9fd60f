/**
 * Pseudo-inverse guided diffusion: the likelihood of y under a Gaussian around the predicted image is followed through
 * the network, and the state moves by DDIM. Song, Vahdat, Mardani, Kautz, Pseudoinverse-Guided Diffusion Models for
 * Inverse Problems, ICLR 2023.
 */
import type { DeviceTensor } from "../../engine/mod.ts";
import { add, gradient, sampleDot, sub, weightedSum } from "../../kernels/mod.ts";
import { choice, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { nextState } from "../steps/ancestral_step.ts";
import type { Level } from "../coefficients.ts";
import { clipDenoised, freshNoise, gradientScale, iterations, steps } from "../common_parameters.ts";
import { sampler } from "../entry.ts";
import { likelihoodDirection, likelihoodWeight } from "../steps/likelihood.ts";
import { ddimCoefficients } from "../steps/plain_coefficients.ts";
import { drawOf, evenLevels, noisedEstimate, pureNoise, trajectory } from "../steps/run.ts";
import type { Progress, Sampler } from "../sampler.ts";
import { spectralWeights } from "../steps/spectral.ts";
import { networkStep } from "../steps/step.ts";

/** The parameters of `pigdm`. */
export const PARAMETERS = {
  steps: steps(100) as Parameter<number>,
  eta: freshNoise(1, "share of the posterior's deviation in fresh noise") as Parameter<number>,
  scale: gradientScale(1) as Parameter<number>,
  // What is followed, how far, and from where. "published", the authors' program: A^+ (y - A x0) with the length
  // sqrt(alphaBar alphaBarPrevious), no clamp, from A^+ y noised to the first level. "paper": the likelihood of y with
  // the length sqrt(alphaBar) r^2, from pure noise.
  guidanceForm: choice(
    "published",
    ["published", "paper"],
    { option: "pigdm-form" },
    "as in the program, or in the paper",
  ) as Parameter<"published" | "paper">,
  // Both are read by the form of the paper alone.
  clipDenoised,
  iterations: iterations(20) as Parameter<number>,
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
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { model, operator, y, sigmaY } = problem;
    const { noise, iterations } = options;
    const places = evenLevels(model, options.steps);
    const isPaper = options.guidanceForm === "paper";
    const decomposition = isPaper ? operator.spectral?.() : undefined;
    const scalars = (level: Level): StepScalars => stepScalars(level, sigmaY, options);
    const step = networkStep(runtime, model, {
      name: "guided step",
      noise,
      inputs: { y },
      clipDenoised: isPaper && options.clipDenoised,
      scalars,
      tensors: decomposition && ((level: Level) => {
        const weight = likelihoodWeight(scalars(level));
        return spectralWeights(runtime, decomposition.singularValues, { weight });
      }),
      update: ({ y, weight, ...parts }, c) => {
        const missing = sub(y, operator.forward(parts.x0));
        const direction = isPaper
          ? likelihoodDirection(operator, missing, weight, { ...c, iterations })
          : operator.pseudoInverse(missing);
        // g is the transposed derivative of x0 times the direction, which counts as fixed.
        const grad = gradient(sampleDot(parts.x0, direction), [parts.xt], [direction])[0]!;
        return { x0: parts.x0, xt: add(nextState(parts, c), weightedSum([[c.pull, grad]])), grad };
      },
    });
    const start = isPaper
      ? await pureNoise(runtime, problem, noise)
      : await noisedEstimate(runtime, problem, { alphaBar: places[0]!.alphaBar, noise });
    return yield* trajectory({ start, places, stages: [step] }, async (state, level, k) => {
      const { grad, ...made } = await step(state, level, drawOf(k));
      return { name: drawOf(k).name, ...made, parts: { grad } };
    });
  },
});

type StepScalars = Record<"xtFromX0" | "xtFromXt" | "xtFromNoise" | "pull" | "spread" | "variance", number>;

/**
 * sqrt(a) x0 + sqrt(1 - a - d^2) eps + d z + scale w g with a = alphaBarPrevious, the DDIM deviation d, and w =
 * sqrt(alphaBar) r^2 in the paper, r^2 = 1 - alphaBar being the variance of images around x0, or sqrt(alphaBar a).
 */
function stepScalars(
  level: Level,
  sigmaY: number,
  { eta, scale, guidanceForm }: Pick<PigdmOptions, "eta" | "scale" | "guidanceForm">,
): StepScalars {
  const { xtFromX0, xtFromXt, xtFromNoise } = ddimCoefficients(level, eta);
  const spread = 1 - level.alphaBar;
  const weight = guidanceForm === "paper"
    ? Math.sqrt(level.alphaBar) * spread
    : Math.sqrt(level.alphaBar * level.alphaBarPrevious);
  return { xtFromX0, xtFromXt, xtFromNoise, pull: scale * weight, spread, variance: sigmaY ** 2 };
}
