/**
 * Diffusion Model based Posterior Sampling: after every ancestral step the state follows the gradient of the likelihood
 * of y under an uninformative prior, which has a closed form. Meng, Kabashima, Diffusion Model Based Posterior Sampling
 * for Noisy Linear Inverse Problems, ACML 2024.
 */
import type { DeviceTensor, Runtime, Scalar, Tensor, Tensors } from "../engine/mod.ts";
import { mul, sub, weightedSum } from "../kernels/mod.ts";
import { conjugateGradients } from "./conjugate_gradients.ts";
import { type Level, respace } from "./coefficients.ts";
import { type AncestralNumbers, ancestralNumbers, learnsVariance, networkStep } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import { optionChecks, UNLIMITED } from "./option_checks.ts";
import type { State } from "./restoration_step.ts";
import { counted, drawOf, pureNoise } from "./run.ts";
import { checkProblem, type Problem, type Progress, type Sampler } from "./sampler.ts";
import { spectralWeights } from "./spectral.ts";
import { spaceTimesteps } from "./timesteps.ts";

/** Where the likelihood is taken: after the ancestral step, as in the authors' program, or before it, as in the paper. */
export type DmpsPoint = "after" | "before";

/** The points by name. */
export const DMPS_POINTS: readonly DmpsPoint[] = ["after", "before"];

/** Parameters of DMPS. The deviation of the noise is that of the problem. */
export interface DmpsOptions {
  /** Number of steps, 2..T. Published: 1000. */
  readonly steps: number;
  /** Length of the gradient step. Published: 1.75. */
  readonly scale: number;
  /** Published program: "after"; paper: "before". */
  readonly point: DmpsPoint;
  /** Whether predicted images are clamped to [-1, 1]. Published: true. */
  readonly clipDenoised: boolean;
  /** Iterations of conjugate gradients for operators without singular value decomposition, 1..1000. */
  readonly iterations: number;
}

const DEFAULTS: DmpsOptions = { steps: 1000, scale: 1.75, point: "after", clipDenoised: true, iterations: 20 };

/** DMPS. */
export const dmps: Sampler<DmpsOptions> = {
  name: "dmps",
  paper: "Meng, Kabashima, Diffusion Model Based Posterior Sampling for Noisy Linear Inverse Problems, ACML 2024",
  needs: [],
  defaults: DEFAULTS,
  defaultsFor: () => DEFAULTS,
  evaluations: ({ steps }) => ({ nominal: steps, actual: steps }),
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const check = optionChecks("dmps");
    const timesteps = problem.model.alphaBar.length;
    check.integer("steps", options.steps, 2, timesteps);
    check.number("scale", options.scale, 0, UNLIMITED);
    check.choice("point", options.point, DMPS_POINTS);
    check.integer("iterations", options.iterations, 1, 1000);
    checkProblem("dmps", problem);
    return counted(walk(runtime, problem, options), spaceTimesteps(timesteps, String(options.steps)).length);
  },
};

/** Keeps alphaBar away from 0 and 1, as the authors' program does. */
function inside(value: number): number {
  return Math.min(Math.max(value, 1e-16), 1 - 1e-16);
}

/** Numbers of the correction x + gain A^T (spread A A^T + noise I)^-1 (y - shrink A x). */
type CorrectionNumbers = Record<"gain" | "spread" | "variance" | "restore", number>;

function correctionNumbers({ alphaBar, beta }: Level, sigmaY: number, scale: number): CorrectionNumbers {
  const [kept, alpha] = [inside(alphaBar), inside(1 - beta)];
  return {
    gain: (scale * (1 - alpha)) / Math.sqrt(alpha) / Math.sqrt(kept),
    spread: (1 - kept) / kept,
    variance: sigmaY ** 2,
    restore: 1 / Math.sqrt(kept),
  };
}

async function* walk(
  runtime: Runtime,
  problem: Problem,
  { steps, scale, point, clipDenoised, iterations, noise }: DmpsOptions & { readonly noise: NoiseSource },
): AsyncGenerator<State, DeviceTensor> {
  const { model: { alphaBar }, operator, y, sigmaY } = problem;
  const levels = respace(alphaBar, spaceTimesteps(alphaBar.length, String(steps))).toReversed();
  const form = operator.spectral?.();
  const isLearned = learnsVariance(problem);
  const step = networkStep(
    runtime,
    problem,
    { name: "ancestral", clipDenoised, learnsVariance: isLearned, noise },
    ({ xt, x0, z }, c: Record<keyof AncestralNumbers, Scalar>) => ({
      x0,
      xt: weightedSum([[c.xtFromX0, x0], [c.xtFromXt, xt], [c.xtFromNoise, z]]),
    }),
  );
  const likelihood = (
    missing: Tensor,
    weight: Tensor | undefined,
    c: Record<keyof CorrectionNumbers, Scalar>,
  ): Tensor => {
    if (form && weight) return form.fromSpectrum(mul(form.fromMeasurement(missing), weight));
    // A^T (c A A^T + v)^-1 = (c A^T A + v)^-1 A^T: in the image, what y has outside the range of A is gone.
    const apply = (g: Tensor): Tensor =>
      weightedSum([[c.spread, operator.adjoint(operator.forward(g))], [c.variance, g]]);
    const residual = operator.adjoint(missing);
    return conjugateGradients(apply, { start: sub(residual, residual), residual }, { iterations });
  };
  const correct = runtime.stage<string, keyof CorrectionNumbers, "xt">("likelihood", (inputs, c) => {
    const { moved, at, y, weight } = inputs as Tensors<"moved" | "at" | "y"> & { readonly weight?: Tensor };
    const missing = weightedSum([[1, y], [c.restore, operator.forward(weightedSum([[-1, at]]))]]);
    return { xt: weightedSum([[1, moved], [c.gain, likelihood(missing, weight, c)]]) };
  });
  const start = await pureNoise(runtime, problem, noise);
  try {
    let xt = start;
    for (const [k, level] of levels.entries()) {
      const draw = drawOf(k);
      const moved = await step({ xt, level, numbers: ancestralNumbers(level, isLearned), draw, extra: {} });
      const numbers = correctionNumbers(level, sigmaY, scale);
      const { spread, variance } = numbers;
      const weights = form && spectralWeights(runtime, form.singularValues, {
        weight: (s) => s === 0 ? 0 : s / (s * s * spread + variance),
      });
      try {
        const at = point === "after" ? moved.xt : xt;
        xt = (await correct({ moved: moved.xt, at, y, ...weights?.tensors }, { ...numbers })).xt;
        yield { name: draw.name, x0: moved.x0, xt, parts: { ancestral: moved.xt } };
      } finally {
        weights?.free();
      }
    }
    return xt.keep();
  } finally {
    step.release();
    correct.release();
    start.free();
  }
}
