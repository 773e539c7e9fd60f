/**
 * RED-diff: one image is fitted to the measurement by Adam, while at falling noise levels the network pulls it towards
 * what it makes of the image with noise; no gradient goes through the network. Mardani, Song, Kautz, Vahdat, A
 * Variational Perspective on Solving Inverse Problems with Diffusion Models, ICLR 2024.
 */
import { type DeviceTensor, elementCount, type Tensor } from "../../../engine/mod.ts";
import { weightedSum } from "../../../kernels/mod.ts";
import { choice, number, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { type Level, respace, sigmaOf } from "../../coefficients.ts";
import { steps } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import { silence } from "../../noise_source.ts";
import type { Progress, Sampler } from "../../sampler.ts";
import { misfitGradient } from "../../steps/likelihood.ts";
import { drawOf, noising, pseudoInverseOf, trajectory, weightsAt } from "../../steps/run.ts";
import { networkStep } from "../../steps/step.ts";
import { strideTimesteps } from "../../timesteps.ts";
import { type AdamDecay, adamScalars, type AdamStep, adamStep, learningRate, type Moments, noMoments } from "./adam.ts";

/** How the weight of the prior follows the noise sigma of a level. */
export type RedDiffWeighting = keyof typeof WEIGHTINGS;

/** How the errors of the levels are weighted. */
export const WEIGHTINGS = {
  linear: (sigma: number): number => sigma,
  sqrt: Math.sqrt,
  square: (sigma: number): number => sigma ** 2,
  log: Math.log1p,
  trunc_linear: (sigma: number): number => Math.min(sigma, 1),
  power2over3: (sigma: number): number => Math.cbrt(sigma) ** 2,
  const: (): number => 1,
} as const;

/** The parameters of `red-diff`. */
export const PARAMETERS = {
  // Published: 1000 in the paper, 50 and 100 in the program.
  steps: steps(100, 1) as Parameter<number>,
  learningRate: learningRate(0.1) as Parameter<number>,
  lambda: number(0.25, { min: 0 }, "weight of the prior") as Parameter<number>,
  dataWeight: number(1, { min: 0 }, "weight of the measurement") as Parameter<number>,
  weighting: choice(
    "linear",
    Object.keys(WEIGHTINGS) as RedDiffWeighting[],
    {},
    "how the weight of the prior follows the noise level",
  ) as Parameter<RedDiffWeighting>,
};

/** Parameters of RED-diff. */
export type RedDiffOptions = ValuesOf<typeof PARAMETERS>;

const DECAY: AdamDecay = { first: 0.9, second: 0.99 };

/** Where a step is taken, with what Adam knows. */
interface FitPlace extends Level {
  readonly k: number;
  /** The image before the step [N, H, W, C]. */
  readonly image: DeviceTensor;
  readonly moments: Moments<DeviceTensor>;
}

/**
 * RED-diff. With the prediction x0 at the noised image mu the gradient is lambda g(sigma)/sigma (mu - x0)/n +
 * v A^T(A mu - y)/m, n and m being the numbers of entries of image and measurement: lambda g(sigma) (eps - z)/n of the
 * paper is the first term.
 */
export const redDiff: Sampler<RedDiffOptions> = sampler({
  name: "red_diff",
  paper: "Mardani et al., A Variational Perspective on Solving Inverse Problems with Diffusion Models, ICLR 2024",
  about: "fits one image by Adam, held by the network's predictions",
  parameters: PARAMETERS,
  evaluations: ({ steps }, timesteps) => ({ nominal: steps, actual: strideTimesteps(timesteps, steps).length }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { model, operator, y } = problem;
    const { noise, lambda, dataWeight, weighting } = options;
    const places = respace(model.alphaBar, strideTimesteps(model.alphaBar.length, options.steps)).toReversed();
    const [pixels, entries] = [model.imageShape, operator.measurementShape].map(elementCount) as [number, number];
    const put = noising(runtime, "noised image", noise);
    const step = networkStep(runtime, model, {
      name: "red_diff",
      noise: silence,
      inputs: { y },
      scalars({ alphaBar, k }: FitPlace): Record<"prior" | "priorBack" | "data" | "rate" | "unbias", number> {
        const sigma = sigmaOf(alphaBar);
        const prior = lambda * WEIGHTINGS[weighting](sigma) / sigma / pixels;
        return { prior, priorBack: -prior, data: dataWeight / entries, ...adamScalars(options.learningRate, DECAY, k) };
      },
      tensors: ({ image, moments }) => ({ tensors: { image, ...moments }, free: () => {} }),
      update({ x0, y, image: x, first, second }, c): AdamStep & { readonly x0: Tensor } {
        const misfit = misfitGradient(operator, x, y);
        const gradient = weightedSum([[c.prior, x], [c.priorBack, x0], [c.data, misfit]]);
        return { x0, ...adamStep({ x, gradient, first, second }, c, DECAY) };
      },
    });
    const start = await pseudoInverseOf(runtime, problem);
    const zero = noMoments(runtime, start.shape);
    let moments: Moments<DeviceTensor> = zero.tensors;
    const stages = [put, step, { release: zero.free }];
    return yield* trajectory({ start, places, stages }, async (image, level, k) => {
      const noised = await put(image, weightsAt(level.alphaBar), drawOf(k));
      const { x0, moved, first, second } = await step(noised, { ...level, k, image, moments }, drawOf(k));
      moments = { first, second };
      return { name: drawOf(k).name, x0, xt: moved };
    });
  },
});
