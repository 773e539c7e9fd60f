/**
 * Plug-and-play ADMM with the diffusion model as denoiser: data step and denoiser in turn, with a running sum of their
 * disagreement. Venkatakrishnan, Bouman, Wohlberg, Plug-and-Play Priors for Model Based Reconstruction, GlobalSIP 2013.
 */
import type { DeviceTensor, Runtime, Scalars, Tensors } from "../engine/mod.ts";
import { clamp, sub, weightedSum } from "../kernels/mod.ts";
import { proximalByGradients } from "./conjugate_gradients.ts";
import { predictionCoefficients, respace } from "./coefficients.ts";
import { optionChecks, UNLIMITED } from "./option_checks.ts";
import { predictX0 } from "./predict.ts";
import type { State } from "./restoration_step.ts";
import { counted, pseudoInverseOf } from "./run.ts";
import { checkProblem, type Problem, type Progress, type Sampler } from "./sampler.ts";

/** Parameters of plug-and-play ADMM. */
export interface PnpAdmmOptions {
  /** Number of iterations, 1..10000. Published: 12. */
  readonly steps: number;
  /** Weight of the agreement, above 0. Published: 0.2. */
  readonly rho: number;
  /** Deviation of the noise that the denoiser removes, in units of [-1, 1]; the nearest level is taken. */
  readonly sigma: number;
  /** Iterations of conjugate gradients in the data step, 1..1000. */
  readonly iterations: number;
}

const DEFAULTS: PnpAdmmOptions = { steps: 12, rho: 0.2, sigma: 0.1, iterations: 20 };

/** Plug-and-play ADMM. */
export const pnpAdmm: Sampler<PnpAdmmOptions> = {
  name: "pnp_admm",
  paper: "Venkatakrishnan et al., Plug-and-Play Priors for Model Based Reconstruction, GlobalSIP 2013",
  needs: [],
  defaults: DEFAULTS,
  defaultsFor: () => DEFAULTS,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const check = optionChecks("pnp_admm");
    check.integer("steps", options.steps, 1, 10000);
    check.number("rho", options.rho, 1e-9, UNLIMITED);
    check.number("sigma", options.sigma, 0, UNLIMITED);
    check.integer("iterations", options.iterations, 1, 1000);
    checkProblem("pnp_admm", problem);
    return counted(walk(runtime, problem, options), options.steps);
  },
};

/**
 * x <- argmin |A x - y|^2/2 + rho/2 |x - (v - u)|^2, v <- D(x + u), u <- u + x - v, from v = A^+ y and u = 0. The
 * denoiser D scales its argument to the level of its noise and gives the predicted image.
 */
async function* walk(
  runtime: Runtime,
  problem: Problem,
  { steps, rho, sigma, iterations }: PnpAdmmOptions,
): AsyncGenerator<State, DeviceTensor> {
  const { model, operator, y } = problem;
  const level = respace(model.alphaBar, [nearestTimestep(model.alphaBar, sigma)])[0]!;
  const stage = runtime.stage(
    "pnp_admm",
    ({ v, u, y }: Tensors<"v" | "u" | "y">, c: Scalars<"timestep" | "scale" | "x0FromXt" | "x0FromEps">) => {
      const x = proximalByGradients(operator, { x: sub(v, u), y }, { gamma: 1, rho }, { iterations });
      const noisy = weightedSum([[c.scale, x], [c.scale, u]]);
      const denoised = clamp(predictX0(noisy, model.predictEps(noisy, c.timestep), c), -1, 1);
      return { x, v: denoised, u: weightedSum([[1, u], [1, x], [-1, denoised]]) };
    },
  );
  const numbers = {
    timestep: level.timestep,
    scale: Math.sqrt(level.alphaBar),
    ...predictionCoefficients(level),
  };
  const first = await pseudoInverseOf(runtime, problem);
  const zero = runtime.upload(new Float32Array(first.shape.reduce((a, b) => a * b, 1)), first.shape);
  try {
    let [x, v, u] = [first, first, zero];
    for (let k = 0; k < steps; k++) {
      ({ x, v, u } = await stage({ v, u, y }, numbers));
      yield { name: String(k), x0: v, xt: x };
    }
    return x.keep();
  } finally {
    stage.release();
    first.free();
    zero.free();
  }
}

/** The training timestep whose noise sqrt((1 - alphaBar)/alphaBar) is nearest to a deviation. */
function nearestTimestep(alphaBar: Float64Array, sigma: number): number {
  const distance = (t: number): number => Math.abs(Math.sqrt((1 - alphaBar[t]!) / alphaBar[t]!) - sigma);
  return alphaBar.reduce((best, _, t) => distance(t) < distance(best) ? t : best, 0);
}
