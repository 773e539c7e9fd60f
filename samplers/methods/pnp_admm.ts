/**
 * Plug-and-play ADMM with the diffusion model as denoiser: data step and denoiser in turn, with a running sum of their
 * disagreement. Venkatakrishnan, Bouman, Wohlberg, Plug-and-Play Priors for Model Based Reconstruction, GlobalSIP 2013.
 */
import { type DeviceTensor, elementCount, type Scalars, type Tensors } from "../../engine/mod.ts";
import { clamp, sub, weightedSum } from "../../kernels/mod.ts";
import { integer, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { predictionCoefficients, respace } from "../coefficients.ts";
import { iterations } from "../common_parameters.ts";
import { proximalByGradients } from "../steps/conjugate_gradients.ts";
import { sampler } from "../entry.ts";
import { pseudoInverseOf, trajectory } from "../steps/run.ts";
import type { Progress, Sampler } from "../sampler.ts";
import { predictX0 } from "../steps/step.ts";

const PARAMETERS = {
  steps: integer(12, { min: 1, max: 10000 }, "number of iterations") as Parameter<number>,
  rho: number(0.2, { min: 1e-9 }, "weight of the agreement") as Parameter<number>,
  // In units of [-1, 1]; the nearest level is taken.
  sigma: number(0.1, { min: 0, option: "denoiser-sigma" }, "noise that is removed") as Parameter<number>,
  iterations: iterations(20) as Parameter<number>,
};

/** Parameters of plug-and-play ADMM. */
export type PnpAdmmOptions = ValuesOf<typeof PARAMETERS>;

/**
 * Plug-and-play ADMM: x <- argmin |A x - y|^2/2 + rho/2 |x - (v - u)|^2, v <- D(x + u), u <- u + x - v, from v = A^+ y
 * and u = 0. The denoiser D scales its argument to the level of its noise and gives the predicted image.
 */
export const pnpAdmm: Sampler<PnpAdmmOptions> = sampler({
  name: "pnp_admm",
  paper: "Venkatakrishnan et al., Plug-and-Play Priors for Model Based Reconstruction, GlobalSIP 2013",
  about: "plug-and-play: data step and network in turn",
  parameters: PARAMETERS,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  async *restore(runtime, problem, { steps, rho, sigma, iterations }): AsyncGenerator<Progress, DeviceTensor> {
    const { model, operator, y } = problem;
    const level = respace(model.alphaBar, [nearestTimestep(model.alphaBar, sigma)])[0]!;
    const stage = runtime.stage(
      "pnp_admm",
      ({ v, u, y }: Tensors<"v" | "u" | "y">, c: Scalars<"timestep" | "scale" | "x0FromXt" | "x0FromEps">) => {
        const x = proximalByGradients(operator, { x: sub(v, u), y }, { gamma: 1, rho }, { iterations });
        const noisy = weightedSum([[c.scale, x], [c.scale, u]]);
        const image = model.predict?.(noisy, c.timestep).x0 ?? predictX0(noisy, model.predictEps(noisy, c.timestep), c);
        const denoised = clamp(image, -1, 1);
        return { x, v: denoised, u: weightedSum([[1, u], [1, x], [-1, denoised]]) };
      },
    );
    const scalars = {
      timestep: level.timestep,
      scale: Math.sqrt(level.alphaBar),
      ...predictionCoefficients(level),
    };
    const first = await pseudoInverseOf(runtime, problem);
    const zero = runtime.upload(new Float32Array(elementCount(first.shape)), first.shape);
    let [v, u] = [first, zero];
    const run = { start: first, places: new Array(steps).fill(level), stages: [stage, { release: () => zero.free() }] };
    return yield* trajectory(run, async (_x, _level, k) => {
      const out = await stage({ v, u, y }, scalars);
      ({ v, u } = out);
      return { name: String(k), x0: v, xt: out.x };
    });
  },
});

/** The training timestep whose noise sqrt((1 - alphaBar)/alphaBar) is nearest to a deviation. */
function nearestTimestep(alphaBar: Float64Array, sigma: number): number {
  const distance = (t: number): number => Math.abs(Math.sqrt((1 - alphaBar[t]!) / alphaBar[t]!) - sigma);
  return alphaBar.reduce((best, _, t) => distance(t) < distance(best) ? t : best, 0);
}
