/**
 * Denoising Diffusion Null-Space Model: at every step the range part of the predicted image is replaced by that of the
 * measurement, x0 + A^+ (y - A x0), and the null-space part is left to the model. Wang, Yu, Zhang, Zero-Shot Image
 * Restoration Using Denoising Diffusion Null-Space Model, ICLR 2023; for exact measurements.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import { weightedSum } from "../kernels/mod.ts";
import { project } from "../operators/mod.ts";
import { choice, type ValuesOf } from "../parameters/mod.ts";
import { etaMixCoefficients, type Level } from "./coefficients.ts";
import { DDNM_WALK, ddnmEvaluations, ddnmMoves, type DdnmStep, ddnmWalk } from "./ddnm_walk.ts";
import { sampler } from "./entry.ts";
import { networkStep } from "./network_step.ts";
import type { NoiseSource } from "./noise_source.ts";
import { ancestralCoefficients } from "./plain_coefficients.ts";
import { counted } from "./run.ts";
import type { Problem, Sampler } from "./sampler.ts";

/** How the next state is made: the eta mix of the authors' program, or the DDPM posterior of the paper. */
export type DdnmUpdate = "eta_mix" | "posterior";

/** The updates by name. */
export const DDNM_UPDATES: readonly DdnmUpdate[] = ["eta_mix", "posterior"];

const PARAMETERS = {
  ...DDNM_WALK,
  // Published program: the eta mix; paper: the posterior, which does not read eta.
  update: choice("eta_mix", DDNM_UPDATES, {}, "rule of the next state: eta mix, or DDPM posterior"),
};

/** Parameters of DDNM. */
export type DdnmOptions = ValuesOf<typeof PARAMETERS>;

/** DDNM. */
export const ddnm: Sampler<DdnmOptions> = sampler({
  name: "ddnm",
  paper: "Wang et al., Zero-Shot Image Restoration Using Denoising Diffusion Null-Space Model, ICLR 2023",
  about: "null-space model: replaces the measured part at every step",
  parameters: PARAMETERS,
  evaluations: ddnmEvaluations,
  restore: (runtime, problem, options) =>
    counted(ddnmWalk(runtime, problem, options, stepDown(runtime, problem, options)), ddnmMoves(options)),
});

function stepDown(
  runtime: Runtime,
  problem: Problem,
  { noise, eta, update }: DdnmOptions & { readonly noise: NoiseSource },
): DdnmStep {
  const step = networkStep(
    runtime,
    problem,
    { name: "ddnm", clipDenoised: false, noise },
    ({ xt, y, eps, x0, z }, c: Record<"fromX0" | "fromXt" | "fromEps" | "fromNoise", { scalar: string }>) => {
      const consistent = project(problem.operator, x0, y);
      const next = weightedSum([[c.fromX0, consistent], [c.fromXt, xt], [c.fromEps, eps], [c.fromNoise, z]]);
      return { x0: consistent, predicted: x0, xt: next };
    },
  );
  const numbersOf = (level: Level): Record<"fromX0" | "fromXt" | "fromEps" | "fromNoise", number> => {
    if (update === "posterior") {
      const { xtFromX0, xtFromXt, xtFromNoise } = ancestralCoefficients(level, false);
      return { fromX0: xtFromX0, fromXt: xtFromXt, fromEps: 0, fromNoise: xtFromNoise };
    }
    const { xtFromX0, xtFromEps, xtFromNoise } = etaMixCoefficients(level, eta);
    return { fromX0: xtFromX0, fromXt: 0, fromEps: xtFromEps, fromNoise: xtFromNoise };
  };
  return Object.assign(
    (xt: DeviceTensor, level: Level, draw: Parameters<DdnmStep>[2]) =>
      step({ xt, level, numbers: numbersOf(level), draw, extra: {} }),
    { release: step.release },
  );
}
