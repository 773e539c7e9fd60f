/**
 * ReSample on pixels: the predicted image is brought to the measurement by gradient descent, and then drawn together with
 * the state that the prediction alone leads to, by the product of both Gaussians, so that it does not throw the state off
 * its noise level. Song, Kwon, Zhang, Hu, Qu, Shen, Solving Inverse Problems with Latent Diffusion Models via Hard Data
 * Consistency, ICLR 2024, a method of latent diffusion.
 */
import type { DeviceTensor, Scalars, Tensor } from "../../../engine/mod.ts";
import { weightedSum } from "../../../kernels/mod.ts";
import { integer, number, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { etaMixCoefficients, type Level, respace } from "../../coefficients.ts";
import { freshNoise, steps } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import type { Progress, Sampler } from "../../sampler.ts";
import { misfitGradient } from "../../steps/likelihood.ts";
import { pureNoise, trajectory } from "../../steps/run.ts";
import { networkStep, noisyStage } from "../../steps/step.ts";
import { strideTimesteps } from "../../timesteps.ts";

const PARAMETERS = {
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
export type ResampleOptions = ValuesOf<typeof PARAMETERS>;

/** Share of the last step in a step of the descent. */
const MOMENTUM = 0.9;

/** ReSample. */
export const resample: Sampler<ResampleOptions> = sampler({
  name: "resample",
  paper: "Song et al., Solving Inverse Problems with Latent Diffusion Models via Hard Data Consistency, ICLR 2024",
  about: "gradient descent from every prediction, drawn together with its state",
  parameters: PARAMETERS,
  nonlinear: {},
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
    const start = await pureNoise(runtime, problem, noise);
    return yield* trajectory({ start, places, stages: [step, descend, join] }, async (state, level, k) => {
      const moved = await step(state, level, { name: `a.${k}`, ordinal: 2 * k + 1 });
      const { image } = await descend({ image: moved.x0, y }, {});
      const draw = { name: `b.${k}`, ordinal: 2 * k + 2 };
      const { xt } = await join(draw, { image, xt: moved.xt }, productWeights(level, resampleVariance));
      return { name: String(k), x0: image, xt };
    });
  },
});

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
