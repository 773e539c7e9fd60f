/**
 * Denoising Diffusion Null-Space Model: at every step the range part of the predicted image is replaced by that of the
 * measurement, x0 + A^+ (y - A x0), and the null-space part is left to the model. Wang, Yu, Zhang, Zero-Shot Image
 * Restoration Using Denoising Diffusion Null-Space Model, ICLR 2023; for exact measurements.
 */
import type { Runtime } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import { project, type Trust, trustAt } from "../../operators/mod.ts";
import { choice, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { etaMixCoefficients } from "../coefficients.ts";
import { DDNM_TRAJECTORY, ddnmEvaluations, type DdnmStep, ddnmTrajectory } from "../steps/ddnm_trajectory.ts";
import { sampler } from "../entry.ts";
import type { NoiseSource } from "../noise_source.ts";
import { ancestralCoefficients } from "../steps/plain_coefficients.ts";
import type { Problem, Sampler } from "../sampler.ts";
import { networkStep } from "../steps/step.ts";

const PARAMETERS = {
  ...DDNM_TRAJECTORY,
  // Published program: the eta mix; paper: the posterior, which does not read eta.
  update: choice(
    "eta_mix",
    ["eta_mix", "posterior"],
    {},
    "rule of the next state: eta mix, or DDPM posterior",
  ) as Parameter<"eta_mix" | "posterior">,
};

/** Parameters of DDNM. */
export type DdnmOptions = ValuesOf<typeof PARAMETERS>;

/** DDNM. */
export const ddnm: Sampler<DdnmOptions> = sampler({
  name: "ddnm",
  paper: "Wang et al., Zero-Shot Image Restoration Using Denoising Diffusion Null-Space Model, ICLR 2023",
  about: "null-space model: replaces the measured part at every step",
  parameters: PARAMETERS,
  projects: true,
  evaluations: ddnmEvaluations,
  restore: (runtime, problem, options) =>
    ddnmTrajectory(runtime, problem, options, stepDown(runtime, problem, options)),
});

function stepDown(
  runtime: Runtime,
  { model, operator, y }: Problem,
  { noise, eta, update }: DdnmOptions & { readonly noise: NoiseSource },
): DdnmStep {
  return networkStep(runtime, model, {
    name: "ddnm",
    noise,
    inputs: { y },
    scalars: (
      level,
    ): Readonly<Record<"xtFromX0" | "xtFromXt" | "xtFromEps" | "xtFromNoise" | keyof Trust, number>> => ({
      ...trustAt(level.alphaBar),
      xtFromXt: 0,
      xtFromEps: 0,
      ...(update === "posterior" ? ancestralCoefficients(level, false) : etaMixCoefficients(level, eta)),
    }),
    project: ({ y, x0 }, c) => project(operator, x0, y, c),
    update: ({ xt, eps, x0, predicted, z }, c) => ({
      x0,
      predicted,
      xt: weightedSum([[c.xtFromX0, x0], [c.xtFromXt, xt], [c.xtFromEps, eps], [c.xtFromNoise, z]]),
    }),
  });
}
