/**
 * Denoising Diffusion Null-Space Model: at every step the range part of the predicted image is replaced by that of the
 * measurement, x0 + A^+ (y - A x0), and the null-space part is left to the model. Wang, Yu, Zhang, Zero-Shot Image
 * Restoration Using Denoising Diffusion Null-Space Model, ICLR 2023; for exact measurements.
 */
import type { DeviceTensor, Runtime, Scalar, Tensor } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import { type Degradation, project, type Trust, trustAt } from "../../operators/mod.ts";
import { choice, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { etaMixCoefficients, type Level } from "../coefficients.ts";
import { DDNM_TRAJECTORY, ddnmEvaluations, type DdnmStep, ddnmTrajectory } from "../steps/ddnm_trajectory.ts";
import { checkExtrapolation, type Extrapolation, mixture, mixtures } from "./extrapolation/mixtures.ts";
import { sampler } from "../entry.ts";
import type { NoiseSource } from "../noise_source.ts";
import { ancestralCoefficients } from "../steps/plain_coefficients.ts";
import type { Problem, Progress, Sampler } from "../sampler.ts";
import { stateShape } from "../steps/run.ts";
import { networkStep } from "../steps/step.ts";

/** The parameters of `ddnm`. */
export const PARAMETERS = {
  ...DDNM_TRAJECTORY,
  // Published program: the eta mix; paper: the posterior, which does not read eta.
  update: choice(
    "eta_mix",
    ["eta_mix", "posterior"],
    {},
    "rule of the next state: eta mix, or DDPM posterior",
  ) as Parameter<"eta_mix" | "posterior">,
};

/** What a program may give beside the parameters. */
export interface DdnmInputs {
  /**
   * Coefficients by which every consistent prediction is replaced by a mixture of it and those before; runs are straight
   * then, of a linear operator, and predictions are clamped to [-1, 1] before they are made consistent.
   */
  readonly extrapolation?: Extrapolation;
}

/** Parameters of DDNM. */
export type DdnmOptions = ValuesOf<typeof PARAMETERS> & DdnmInputs;

/** DDNM. */
export const ddnm: Sampler<DdnmOptions> = sampler<typeof PARAMETERS, DdnmOptions>({
  name: "ddnm",
  paper: "Wang et al., Zero-Shot Image Restoration Using Denoising Diffusion Null-Space Model, ICLR 2023",
  about: "null-space model: replaces the measured part at every step",
  parameters: PARAMETERS,
  projects: true,
  inputs: ["extrapolation"],
  evaluations: ddnmEvaluations,
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { extrapolation, steps, travelRepeat } = options;
    if (!extrapolation) return ddnmTrajectory(runtime, problem, options, stepDown(runtime, problem, options));
    const { operator }: { readonly operator: Degradation } = problem;
    checkExtrapolation("ddnm", operator, extrapolation, steps);
    if (travelRepeat > 1) {
      throw new RangeError(`Cannot run ddnm with extrapolation: travelRepeat is ${travelRepeat}, 1 is needed`);
    }
    return ddnmTrajectory(
      runtime,
      problem,
      options,
      extrapolatingStep(runtime, problem, { ...options, extrapolation }),
    );
  },
});

/** The step down, its prediction mixed with those before; `predicted` is the consistent one before that. */
function extrapolatingStep(
  runtime: Runtime,
  problem: Problem,
  { noise, eta, update, extrapolation }: DdnmOptions & {
    readonly noise: NoiseSource;
    readonly extrapolation: Extrapolation;
  },
): DdnmStep {
  const { model, operator, y } = problem;
  const run = mixtures(runtime, stateShape(problem), extrapolation);
  const step = networkStep(runtime, model, {
    name: "ddnm with extrapolation",
    noise,
    inputs: { y },
    clipDenoised: true,
    scalars: (level: MixedLevel) => ({ ...nextWeights(level, eta, update), ...run.scalars(level.k) }),
    tensors: ({ k }) => run.tensors(k),
    update({ xt, eps, y, x0, z, ...remembered }, c): Readonly<Record<"x0" | "predicted" | "xt" | "history", Tensor>> {
      const predicted = project(operator, x0, y);
      const { mixed, history } = mixture(operator, predicted, remembered, c);
      return { x0: mixed, predicted, history, xt: nextState(c, { x0: mixed, xt, eps, z }) };
    },
  });
  let k = 0;
  const take: (...args: Parameters<DdnmStep>) => ReturnType<DdnmStep> = async (xt, level, draw) => {
    const { history, ...made } = await step(xt, { ...level, k: k++ }, draw);
    run.remember(history);
    return made;
  };
  const release = (): void => {
    step.release();
    run.release();
  };
  return Object.assign(take, { release });
}

/** A level with its place in the run. */
interface MixedLevel extends Level {
  readonly k: number;
}

type NextWeights = Readonly<Record<"xtFromX0" | "xtFromXt" | "xtFromEps" | "xtFromNoise", number>>;

/** The weights of the next state, of which each rule has some. */
function nextWeights(level: Level, eta: number, update: DdnmOptions["update"]): NextWeights {
  const rule = update === "posterior" ? ancestralCoefficients(level, false) : etaMixCoefficients(level, eta);
  return { xtFromXt: 0, xtFromEps: 0, ...rule };
}

function nextState(
  c: Readonly<Record<keyof NextWeights, Scalar>>,
  { x0, xt, eps, z }: Readonly<Record<"x0" | "xt" | "eps" | "z", Tensor>>,
): Tensor {
  return weightedSum([[c.xtFromX0, x0], [c.xtFromXt, xt], [c.xtFromEps, eps], [c.xtFromNoise, z]]);
}

function stepDown(
  runtime: Runtime,
  { model, operator, y }: Problem,
  { noise, eta, update }: DdnmOptions & { readonly noise: NoiseSource },
): DdnmStep {
  return networkStep(runtime, model, {
    name: "ddnm",
    noise,
    inputs: { y },
    scalars: (level): NextWeights & Readonly<Record<keyof Trust, number>> => ({
      ...trustAt(level.alphaBar),
      ...nextWeights(level, eta, update),
    }),
    project: ({ y, x0 }, c) => project(operator, x0, y, c),
    update: ({ xt, eps, x0, predicted, z }, c) => ({
      x0,
      predicted,
      xt: nextState(c, { x0, xt, eps, z }),
    }),
  });
}
