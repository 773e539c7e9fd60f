/**
 * ReSample on pixels: the predicted image is brought to the measurement by gradient descent, and then drawn together with
 * the state that the prediction alone leads to, by the product of both Gaussians, so that it does not throw the state off
 * its noise level. Song, Kwon, Zhang, Hu, Qu, Shen, Solving Inverse Problems with Latent Diffusion Models via Hard Data
 * Consistency, ICLR 2024, a method of latent diffusion.
 */
import type { DeviceTensor, Runtime, Scalars, Tensor } from "../../../engine/mod.ts";
import { weightedSum } from "../../../kernels/mod.ts";
import { integer, number, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { etaMixCoefficients, type Level, respace } from "../../coefficients.ts";
import { freshNoise, steps } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import type { GeneralProblem, Progress, Sampler } from "../../sampler.ts";
import {
  checkExtrapolation,
  type Extrapolation,
  type Mixed,
  mixture,
  mixtures,
  type MixtureScalars,
  type MixtureTensors,
} from "../extrapolation/mixtures.ts";
import { misfitGradient } from "../../steps/likelihood.ts";
import { pureNoise, stateShape, trajectory } from "../../steps/run.ts";
import { networkStep, noisyStage } from "../../steps/step.ts";
import { strideTimesteps } from "../../timesteps.ts";

/** The parameters of `resample`. */
export const PARAMETERS = {
  steps: steps(100, 1) as Parameter<number>,
  eta: freshNoise(0.85) as Parameter<number>,
  descents: integer(50, { min: 0, max: 10000 }, "steps of gradient descent on |y - A x|^2") as Parameter<number>,
  descentRate: number(0.01, { min: 0 }, "length of these steps") as Parameter<number>,
  resampleVariance: number(
    100,
    { min: 0 },
    "variance that the state of the prediction has besides its own, in units of the posterior's",
  ) as Parameter<number>,
};

/** Parameters of ReSample. It does not read the deviation of the noise. */
export type ResampleOptions = ValuesOf<typeof PARAMETERS> & {
  /** Coefficients by which what a descent comes to is replaced by a mixture of it and those before; operators are linear. */
  readonly extrapolation?: Extrapolation;
};

/** Share of the last step in a step of the descent. */
const MOMENTUM = 0.9;

/** ReSample. */
export const resample: Sampler<ResampleOptions> = sampler<typeof PARAMETERS, ResampleOptions>({
  name: "resample",
  paper: "Song et al., Solving Inverse Problems with Latent Diffusion Models via Hard Data Consistency, ICLR 2024",
  about: "gradient descent from every prediction, drawn together with its state",
  parameters: PARAMETERS,
  nonlinear: {},
  inputs: ["extrapolation"],
  evaluations: ({ steps }, timesteps) => ({ nominal: steps, actual: strideTimesteps(timesteps, steps).length }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { model, operator, y } = problem;
    const { eta, descents, descentRate, resampleVariance, noise } = options;
    const places = respace(model.alphaBar, strideTimesteps(model.alphaBar.length, options.steps)).toReversed();
    const step = networkStep(runtime, model, {
      name: "resample",
      noise,
      clipDenoised: true,
      scalars: (level) => etaMixCoefficients(level, eta),
      update: ({ eps, x0, z }, c) => ({
        x0,
        xt: weightedSum([[c.xtFromX0, x0], [c.xtFromEps, eps], [c.xtFromNoise, z]]),
      }),
    });
    const descend = runtime.stage<"image" | "y", never, "image">("descent", ({ image: start, y }) => {
      let [image, speed]: [Tensor, Tensor | undefined] = [start, undefined];
      for (let k = 0; k < descents; k++) {
        const pull = weightedSum([[2, misfitGradient(operator, image, y)]]);
        speed = speed ? weightedSum([[MOMENTUM, speed], [1, pull]]) : pull;
        image = weightedSum([[1, image], [-descentRate, speed]]);
      }
      return { image: weightedSum([[1, image]]) };
    });
    const join = noisyStage<"image" | "xt", "fromImage" | "fromXt" | "fresh", "xt">(
      runtime,
      "resampling",
      noise,
      ({ image, xt }, c: Scalars<"fromImage" | "fromXt" | "fresh">, normal) => ({
        xt: weightedSum([[c.fromImage, image], [c.fromXt, xt], [c.fresh, normal(image.shape)]]),
      }),
    );
    const mix = mixing(runtime, problem, options.extrapolation, places.length);
    const start = await pureNoise(runtime, problem, noise);
    return yield* trajectory({ start, places, stages: [step, descend, mix, join] }, async (state, level, k) => {
      const moved = await step(state, level, { name: `a.${k}`, ordinal: 2 * k + 1 });
      const fitted = (await descend({ image: moved.x0, y }, {})).image;
      const image = await mix(fitted, k);
      const draw = { name: `b.${k}`, ordinal: 2 * k + 2 };
      const { xt } = await join(draw, { image, xt: moved.xt }, productWeights(level, resampleVariance));
      return { name: String(k), x0: image, xt, parts: { fitted } };
    });
  },
});

/** The mixture of what descents come to. */
interface Mixing {
  (image: DeviceTensor, k: number): Promise<DeviceTensor>;
  release(): void;
}

/** Prepares the mixtures of a run, where there are coefficients. */
function mixing(
  runtime: Runtime,
  problem: GeneralProblem,
  extrapolation: Extrapolation | undefined,
  steps: number,
): Mixing {
  if (!extrapolation) return Object.assign((image: DeviceTensor) => Promise.resolve(image), { release: () => {} });
  const { operator } = problem;
  checkExtrapolation("resample", operator, extrapolation, steps);
  const run = mixtures(runtime, stateShape(problem), extrapolation);
  const stage = runtime.stage<"image" | MixtureTensors, MixtureScalars, keyof Mixed>(
    "mixture",
    ({ image, ...remembered }, c) => ({ ...mixture(operator, image, remembered, c) }),
  );
  const mix = async (image: DeviceTensor, k: number): Promise<DeviceTensor> => {
    const given = run.tensors(k);
    try {
      const { mixed, history } = await stage({ image, ...given.tensors }, run.scalars(k));
      run.remember(history);
      return mixed;
    } finally {
      given.free();
    }
  };
  const release = (): void => [stage, run].forEach((each) => each.release());
  return Object.assign(mix, { release });
}

/**
 * The product of the Gaussians around sqrt(b) h with the variance 1 - b, h being the image, and around the state with the
 * variance s = r (1 - b)/a (1 - a/b), of alphaBar a and the next b; at b = 1 it is the image.
 */
function productWeights(
  { alphaBar, alphaBarPrevious }: Level,
  share: number,
): Record<"fromImage" | "fromXt" | "fresh", number> {
  const rest = 1 - alphaBarPrevious;
  if (rest === 0) return { fromImage: 1, fromXt: 0, fresh: 0 };
  const variance = share * rest / alphaBar * (1 - alphaBar / alphaBarPrevious);
  const total = variance + rest;
  return {
    fromImage: variance * Math.sqrt(alphaBarPrevious) / total,
    fromXt: rest / total,
    fresh: Math.sqrt(variance * rest / total),
  };
}
