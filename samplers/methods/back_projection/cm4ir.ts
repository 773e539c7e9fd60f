/**
 * CM4IR: four steps of a consistency model from the noised pseudo-inverse at a low noise level. Every prediction is
 * back-projected onto the measurement, and the noise of the next state is for the most part the estimated noise with its
 * sign reversed. Garber, Tirer, Zero-Shot Image Restoration Using Few-Step Guidance of Consistency Models (and Beyond),
 * CVPR 2025.
 */
import { type DeviceTensor, type Runtime, sameShape, type Tensor } from "../../../engine/mod.ts";
import { fill, sub, weightedSum } from "../../../kernels/mod.ts";
import { integer, number, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { type Level, sigmaOf } from "../../coefficients.ts";
import { freshNoise, iterations } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import type { NoiseSource } from "../../noise_source.ts";
import type { Problem, Progress, Sampler } from "../../sampler.ts";
import { likelihoodDirection, likelihoodWeight } from "../../steps/likelihood.ts";
import { levelsDown, overLevels } from "../../steps/noise_levels.ts";
import { moveBy, noised, START, trajectory } from "../../steps/run.ts";
import { spectralWeights } from "../../steps/spectral.ts";
import { networkStep, type Step } from "../../steps/step.ts";
import { medianFilled } from "./median_fill.ts";

/** The parameters of `cm4ir`. */
export const PARAMETERS = {
  steps: integer(4, { min: 1, max: 1000 }, "number of evaluations") as Parameter<number>,
  // The published starts 400, 250, 150 and 75 count timesteps; these are their noise levels.
  sigmaStart: number(
    0.6937,
    { min: 0.002, max: 0.99999 },
    "noise level sigma of the first evaluation",
  ) as Parameter<number>,
  growth: number(0.2, { min: 0 }, "growth of 1 - sigma^2 from step to step") as Parameter<number>,
  eta: freshNoise(0.1, "share of fresh noise, beside the estimated noise with its sign reversed") as Parameter<number>,
  zeta: number(
    0,
    { min: 0 },
    "regularisation of the pseudo-inverse, in variances of the noise of y",
  ) as Parameter<number>,
  iterations: iterations(20) as Parameter<number>,
};

/** Parameters of CM4IR. */
export type Cm4irOptions = ValuesOf<typeof PARAMETERS> & {
  /** Image to start from [N, H, W, C], without noise, instead of the pseudo-inverse of y. */
  readonly start?: DeviceTensor;
};

/** CM4IR. */
export const cm4ir: Sampler<Cm4irOptions> = sampler<typeof PARAMETERS, Cm4irOptions>({
  name: "cm4ir",
  paper: "Garber, Tirer, Zero-Shot Image Restoration Using Few-Step Guidance of Consistency Models, CVPR 2025",
  about: "back-projection and reversed noise in four steps, for consistency models (--noise-level)",
  handlesNoise: true,
  makesLevels: true,
  parameters: PARAMETERS,
  published: {
    deblurring: { sigmaStart: 0.4654, growth: 0.05, zeta: 1 },
    inpainting: { sigmaStart: 0.4654 },
  },
  inputs: ["start"],
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { operator, y, sigmaY } = problem;
    const { noise } = options;
    const places = levelsDown([...noiseLevels(options), 0]);
    const model = overLevels("cm4ir", problem.model, places.map(({ alphaBar }) => alphaBar));
    const variance = options.zeta * sigmaY ** 2;
    const form = variance > 0 ? operator.spectral?.() : undefined;
    const weights = form &&
      spectralWeights(runtime, form.singularValues, { weight: likelihoodWeight({ spread: 1, variance }) });
    const inputs: Measured = { y, ...weights?.tensors };
    const back: BackProjection = (missing, weight) =>
      variance === 0
        ? operator.pseudoInverse(missing)
        : likelihoodDirection(operator, missing, weight, { spread: 1, variance, iterations: options.iterations });
    const step = reversingStep(runtime, { ...problem, model }, { inputs, back, ...options });
    const image = options.start ?? await startImage(runtime, problem, inputs, back);
    const start = await noised(runtime, image, { alphaBar: places[0]!.alphaBar, noise, draw: START });
    if (!options.start) image.free();
    const stages = [step, { release: (): void => weights?.free() }];
    return yield* trajectory({ start, places, stages }, moveBy(step));
  },
});

/** The measurement, and the weights of singular values where there are some. */
interface Measured {
  readonly y: DeviceTensor;
  readonly weight?: DeviceTensor;
}

/** A^T (A A^T + variance)^-1 of a residual [N, ...measurementShape], inside a stage; A^+ where the variance is 0. */
type BackProjection = (missing: Tensor, weight: Tensor | undefined) => Tensor;

/**
 * The regularised pseudo-inverse of y; where A keeps some values and drops the others, those that it drops are filled by
 * medians of what is around them.
 */
async function startImage(
  runtime: Runtime,
  { operator }: Problem,
  inputs: Measured,
  back: BackProjection,
): Promise<DeviceTensor> {
  const stage = runtime.stage<string, never, "image" | "kept">("start image", (tensors) => {
    const image = back(tensors["y"]!, tensors["weight"]);
    return { image, kept: operator.pseudoInverse(operator.forward(fill([1, ...operator.imageShape], 1))) };
  });
  const { image, kept } = await stage({ ...inputs }, {});
  try {
    const known = Array.from(await kept.read());
    const isMask = sameShape(operator.imageShape, operator.measurementShape) &&
      known.every((is) => is === 0 || is === 1);
    if (!isMask || !known.includes(0)) return image.keep();
    const values = await image.read();
    const shape = operator.imageShape as readonly [number, number, number];
    const filled = new Float32Array(values.length);
    for (let start = 0; start < values.length; start += known.length) {
      const picture = values.slice(start, start + known.length);
      filled.set(medianFilled(picture, known.map((is) => is === 1), shape), start);
    }
    return runtime.upload(filled, image.shape);
  } finally {
    stage.release();
  }
}

/** The least noise level of consistency models. */
const LEAST_SIGMA = 0.002;

/** The greatest 1 - sigma^2 that a level grows to. */
const MOST = 0.9999;

/** sqrt(1 - q) with q = 1 - sigmaStart^2, and (1 + growth) times that from level to level. */
function noiseLevels({ steps, sigmaStart, growth }: Cm4irOptions): readonly number[] {
  return Array.from({ length: steps }, (_, k) => {
    const q = Math.min((1 - sigmaStart ** 2) * (1 + growth) ** k, MOST);
    return Math.max(Math.sqrt(1 - q), LEAST_SIGMA);
  });
}

/**
 * Prepares x <- x0' + sigma' (eta z - sqrt(1 - eta^2) (x - x0)/sigma) for states without scale, with the clamped
 * prediction x0 and x0' = x0 + A^T (A A^T + variance)^-1 (y - A x0); the last prediction of a noisy measurement stays as
 * it is.
 */
function reversingStep(
  runtime: Runtime,
  { model, operator, sigmaY }: Problem,
  { inputs, back, eta, noise }: Cm4irOptions & {
    readonly inputs: Measured;
    readonly back: BackProjection;
    readonly noise: NoiseSource;
  },
): Step<Level, "x0" | "xt"> {
  return networkStep(runtime, model, {
    name: "cm4ir",
    noise,
    inputs: { ...inputs } as Record<"y" | "weight", DeviceTensor>,
    clipDenoised: true,
    scalars(level: Level): Record<"length" | "fromImage" | "fromPredicted" | "fromXt" | "fromNoise", number> {
      const { alphaBar, alphaBarPrevious } = level;
      const isLast = alphaBarPrevious === 1;
      const deviation = Math.sqrt(1 - alphaBarPrevious);
      const reversed = deviation * Math.sqrt(1 - eta * eta) / sigmaOf(alphaBar);
      return {
        length: isLast && sigmaY > 0 ? 0 : 1,
        fromImage: Math.sqrt(alphaBarPrevious),
        fromPredicted: reversed,
        fromXt: -reversed / Math.sqrt(alphaBar),
        fromNoise: deviation * eta,
      };
    },
    project: ({ y, x0, weight }, c) => weightedSum([[1, x0], [c.length, back(sub(y, operator.forward(x0)), weight)]]),
    update: ({ xt, x0, predicted, z }, c) => ({
      x0: predicted,
      xt: weightedSum([[c.fromImage, x0], [c.fromPredicted, predicted], [c.fromXt, xt], [c.fromNoise, z]]),
    }),
  });
}
