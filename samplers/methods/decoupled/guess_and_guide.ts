/**
 * Guess & Guide: at one middle noise level the image is predicted, brought to the measurement and noised again, round
 * after round, until there is a guess; the same then happens at few levels on the way down. The network is never
 * differentiated. Shtanchaev, Ilina, Janati, Asadulaev, Takac, Moulines, Guess & Guide: Gradient-Free Zero-Shot Diffusion
 * Guidance, ICLR workshops 2026. The constants, the levels and the data step are this project's.
 */
import type { DeviceTensor, Scalar, Tensor } from "../../../engine/mod.ts";
import { sub, weightedSum } from "../../../kernels/mod.ts";
import { integer, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { etaMixCoefficients, type Level, respace, sigmaOf } from "../../coefficients.ts";
import { clipDenoised, iterations, partialSteps, shortcutTimestep } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import type { Problem, Progress, Sampler } from "../../sampler.ts";
import { likelihoodDirection, likelihoodWeight } from "../../steps/likelihood.ts";
import { moveBy, noisedEstimate, trajectory } from "../../steps/run.ts";
import { spectralWeights } from "../../steps/spectral.ts";
import { networkStep } from "../../steps/step.ts";
import { ssdTimesteps } from "../../timesteps.ts";

/** The parameters of `guess_and_guide`. */
export const PARAMETERS = {
  t0: shortcutTimestep(400, "timestep of the guess") as Parameter<number>,
  guesses: integer(6, { min: 0, max: 1000 }, "rounds of the guess, one evaluation each") as Parameter<number>,
  steps: partialSteps(24) as Parameter<number>,
  clipDenoised,
  iterations: iterations(20) as Parameter<number>,
};

/** Parameters of Guess & Guide. */
export type GuessAndGuideOptions = ValuesOf<typeof PARAMETERS>;

/** Guess & Guide. */
export const guessAndGuide: Sampler<GuessAndGuideOptions> = sampler({
  name: "guess_and_guide",
  paper: "Shtanchaev et al., Guess & Guide: Gradient-Free Zero-Shot Diffusion Guidance, ICLR workshops 2026",
  about: "a guess at one noise level, then few levels below it (--noise-level)",
  handlesNoise: true,
  parameters: PARAMETERS,
  evaluations: ({ guesses, steps }) => ({ nominal: guesses + steps, actual: guesses + steps }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { model, operator, y, sigmaY } = problem;
    const { guesses, clipDenoised, noise } = options;
    const down = levelsDown(model.alphaBar, options, sigmaY);
    const { alphaBar } = down[0]!;
    const staying: Level = { ...down[0]!, alphaBarPrevious: alphaBar };
    const form = sigmaY > 0 ? operator.spectral?.() : undefined;
    const weightsAt = (level: Level): ReturnType<typeof spectralWeights<"weight">> =>
      spectralWeights(runtime, form!.singularValues, {
        weight: likelihoodWeight({ spread: spreadAt(level), variance: sigmaY ** 2 }),
      });
    const step = networkStep(runtime, model, {
      name: "guess_and_guide",
      noise,
      inputs: { y },
      clipDenoised,
      scalars(level: Level): Record<"spread" | "pull" | "fromX0" | "fromNoise", number> {
        const { xtFromX0: fromX0, xtFromNoise: fromNoise } = etaMixCoefficients(level, 1);
        const spread = spreadAt(level);
        // What the last image took over of the noise of y nothing would remove.
        return { spread, pull: fromNoise === 0 ? 0 : spread, fromX0, fromNoise };
      },
      tensors: form && weightsAt,
      project: ({ x0, y, weight }, c) => guided(problem, { x0, y, weight }, c, options),
      update: ({ x0, z }, c) => ({ x0, xt: weightedSum([[c.fromX0, x0], [c.fromNoise, z]]) }),
    });
    const start = await noisedEstimate(runtime, problem, { alphaBar, noise });
    const places = [...Array.from({ length: guesses }, () => staying), ...down];
    return yield* trajectory({ start, places, stages: [step] }, moveBy(step));
  },
});

/**
 * The levels from t0 down, evenly in time, to the first whose noise is that of the measurement, or to the first of all
 * where the measurement is exact; as many as are asked for fit in any case.
 */
function levelsDown(
  alphaBar: Float64Array,
  { t0, steps }: Pick<GuessAndGuideOptions, "t0" | "steps">,
  sigmaY: number,
): readonly Level[] {
  const noisy = alphaBar.findIndex((kept) => sigmaOf(kept) >= sigmaY);
  const end = Math.min(noisy < 0 ? t0 : noisy, t0 - steps);
  return respace(alphaBar, ssdTimesteps(t0 - end, steps).map((timestep) => timestep + end)).toReversed();
}

/** The variance r^2 = 1 - alphaBar of images around a prediction. */
function spreadAt({ alphaBar }: Level): number {
  return 1 - alphaBar;
}

/**
 * The minimum of |y - A u|^2/sigma^2 + |u - x0|^2/r^2, x0 + r^2 A^T (r^2 A A^T + sigma^2)^-1 (y - A x0); of an exact
 * measurement x0 + A^+ (y - A x0).
 * @param weight of every singular value, for noisy measurements of operators with a decomposition
 * @returns [N, H, W, C]
 */
function guided(
  { operator, sigmaY }: Problem,
  { x0, y, weight }: Readonly<Record<"x0" | "y", Tensor>> & { readonly weight: Tensor | undefined },
  { spread, pull }: Readonly<Record<"spread" | "pull", Scalar>>,
  { iterations }: GuessAndGuideOptions,
): Tensor {
  const missing = sub(y, operator.forward(x0));
  if (sigmaY === 0) return weightedSum([[1, x0], [1, operator.pseudoInverse(missing)]]);
  const variances = { spread, variance: sigmaY ** 2, iterations };
  return weightedSum([[1, x0], [pull, likelihoodDirection(operator, missing, weight, variances)]]);
}
