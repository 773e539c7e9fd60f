/**
 * Decomposed Diffusion Sampling: a few conjugate gradient iterations, started at the predicted image, pull it towards
 * the measurement inside the Krylov space that it spans. Chung, Lee, Ye, Decomposed Diffusion Sampler for Accelerating
 * Large-Scale Inverse Problems, ICLR 2024.
 */
import type { DeviceTensor, Runtime, Scalar } from "../engine/mod.ts";
import { weightedSum } from "../kernels/mod.ts";
import { proximalByGradients } from "./conjugate_gradients.ts";
import { etaMixCoefficients, respace } from "./coefficients.ts";
import { networkStep } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import { optionChecks, UNLIMITED } from "./option_checks.ts";
import type { State } from "./restoration_step.ts";
import { counted, drawOf, pureNoise } from "./run.ts";
import {
  checkProblem,
  type Evaluations,
  type Problem,
  type Progress,
  PUBLISHED_TIMESTEPS,
  type Sampler,
} from "./sampler.ts";
import { strideTimesteps } from "./timesteps.ts";

/** What is solved: noisy below if the problem has noise; A^T A u = A^T y; or (I + gamma A^T A) u = x0 + gamma A^T y. */
export type DdsSystem = "auto" | "noiseless" | "noisy";

/** The systems by name. */
export const DDS_SYSTEMS: readonly DdsSystem[] = ["auto", "noiseless", "noisy"];

/** Parameters of DDS. */
export interface DdsOptions {
  /** Nominal number of steps, 1..T. Published: 50 (and 100, 20). */
  readonly steps: number;
  /** Share of fresh noise, 0..1. Published: 0.85 in the program, 0.15 for MRI in the paper. */
  readonly eta: number;
  /** Iterations of conjugate gradients, 1..1000. Published: 5. */
  readonly iterations: number;
  /** Weight of the data in the noisy system. Published: 1. */
  readonly gamma: number;
  readonly system: DdsSystem;
  /** Whether the step that arrives at the first level takes the solution itself as state. Published program: true. */
  readonly plainArrival: boolean;
}

const DEFAULTS: DdsOptions = { steps: 50, eta: 0.85, iterations: 5, gamma: 1, system: "auto", plainArrival: true };

/** DDS. */
export const dds: Sampler<DdsOptions> = {
  name: "dds",
  paper: "Chung et al., Decomposed Diffusion Sampler for Accelerating Large-Scale Inverse Problems, ICLR 2024",
  needs: [],
  defaults: DEFAULTS,
  defaultsFor: () => DEFAULTS,
  evaluations({ steps }, timesteps = PUBLISHED_TIMESTEPS): Evaluations {
    return { nominal: steps - 1, actual: strideTimesteps(timesteps, steps).length };
  },
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const check = optionChecks("dds");
    const timesteps = problem.model.alphaBar.length;
    check.integer("steps", options.steps, 1, timesteps);
    check.number("eta", options.eta, 0, 1);
    check.integer("iterations", options.iterations, 1, 1000);
    check.number("gamma", options.gamma, 0, UNLIMITED);
    check.choice("system", options.system, DDS_SYSTEMS);
    checkProblem("dds", problem);
    return counted(walk(runtime, problem, options), strideTimesteps(timesteps, options.steps).length);
  },
};

async function* walk(
  runtime: Runtime,
  problem: Problem,
  { steps, eta, iterations, gamma, system, plainArrival, noise }: DdsOptions & { readonly noise: NoiseSource },
): AsyncGenerator<State, DeviceTensor> {
  const { model: { alphaBar }, operator, sigmaY } = problem;
  const levels = respace(alphaBar, strideTimesteps(alphaBar.length, steps)).toReversed();
  const isNoisy = system === "noisy" || (system === "auto" && sigmaY > 0);
  const weights = isNoisy ? { gamma, rho: 1 } : { gamma: 1, rho: 0 };
  const step = networkStep(
    runtime,
    problem,
    { name: "dds", clipDenoised: false, noise },
    ({ y, eps, x0, z }, c: Record<"xtFromX0" | "xtFromEps" | "xtFromNoise", Scalar>) => {
      const solved = proximalByGradients(operator, { x: x0, y }, weights, { iterations });
      return { x0: solved, xt: weightedSum([[c.xtFromX0, solved], [c.xtFromEps, eps], [c.xtFromNoise, z]]) };
    },
  );
  const start = await pureNoise(runtime, problem, noise);
  try {
    let xt = start;
    for (const [k, level] of levels.entries()) {
      const draw = drawOf(k);
      const arrives = plainArrival && k === levels.length - 2;
      const numbers = arrives ? { xtFromX0: 1, xtFromEps: 0, xtFromNoise: 0 } : { ...etaMixCoefficients(level, eta) };
      const out = await step({ xt, level, numbers, draw, extra: {} });
      xt = out.xt;
      yield { name: draw.name, ...out };
    }
    return xt.keep();
  } finally {
    step.release();
    start.free();
  }
}
