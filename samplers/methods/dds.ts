/**
 * Decomposed Diffusion Sampling: a few conjugate gradient iterations, started at the predicted image, pull it towards
 * the measurement inside the Krylov space that it spans. Chung, Lee, Ye, Decomposed Diffusion Sampler for Accelerating
 * Large-Scale Inverse Problems, ICLR 2024.
 */
import type { DeviceTensor } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import { choice, flag, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { etaMixCoefficients, respace } from "../coefficients.ts";
import { freshNoise, iterations, steps } from "../common_parameters.ts";
import { proximalByGradients } from "../steps/conjugate_gradients.ts";
import { sampler } from "../entry.ts";
import { moveBy, pureNoise, trajectory } from "../steps/run.ts";
import type { Progress, Sampler } from "../sampler.ts";
import { networkStep } from "../steps/step.ts";
import { strideTimesteps } from "../timesteps.ts";

/** The parameters of `dds`. */
export const PARAMETERS = {
  // Published: 50, and 100 and 20.
  steps: steps(50, 1) as Parameter<number>,
  // Published: 0.85 in the program, 0.15 for MRI in the paper.
  eta: freshNoise(0.85) as Parameter<number>,
  iterations: iterations(5) as Parameter<number>,
  gamma: number(1, { min: 0 }, "weight of the data in the noisy system") as Parameter<number>,
  // noiseless: A^T A u = A^T y; noisy: (I + gamma A^T A) u = x0 + gamma A^T y.
  system: choice(
    "auto",
    ["auto", "noiseless", "noisy"],
    {},
    "what is solved: noisy where the measurement has noise, or always one",
  ) as Parameter<"auto" | "noiseless" | "noisy">,
  plainArrival: flag(true, {}, "do not take the solution itself as the state at the first level") as Parameter<boolean>,
};

/** Parameters of DDS. */
export type DdsOptions = ValuesOf<typeof PARAMETERS>;

/** DDS. */
export const dds: Sampler<DdsOptions> = sampler({
  name: "dds",
  paper: "Chung et al., Decomposed Diffusion Sampler for Accelerating Large-Scale Inverse Problems, ICLR 2024",
  about: "conjugate gradients from every prediction (--noise-level)",
  handlesNoise: true,
  parameters: PARAMETERS,
  evaluations: ({ steps }, timesteps) => ({ nominal: steps - 1, actual: strideTimesteps(timesteps, steps).length }),
  async *restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { model, operator, y, sigmaY } = problem;
    const { eta, iterations, gamma, system, plainArrival, noise } = options;
    const places = respace(model.alphaBar, strideTimesteps(model.alphaBar.length, options.steps)).toReversed();
    const isNoisy = system === "noisy" || (system === "auto" && sigmaY > 0);
    const weights = isNoisy ? { gamma, rho: 1 } : { gamma: 1, rho: 0 };
    const step = networkStep(runtime, model, {
      name: "dds",
      noise,
      inputs: { y },
      scalars: (level) => {
        const arrives = plainArrival && level === places.at(-2);
        return arrives ? { xtFromX0: 1, xtFromEps: 0, xtFromNoise: 0 } : etaMixCoefficients(level, eta);
      },
      project: ({ y, x0 }) => proximalByGradients(operator, { x: x0, y }, weights, { iterations }),
      update: ({ eps, x0, z }, c) => ({
        x0,
        xt: weightedSum([[c.xtFromX0, x0], [c.xtFromEps, eps], [c.xtFromNoise, z]]),
      }),
    });
    const start = await pureNoise(runtime, problem, noise);
    return yield* trajectory({ start, places, stages: [step] }, moveBy(step));
  },
});
