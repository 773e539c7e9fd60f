/**
 * The common frame of a sampler's step, one stage: the network, the clean image it implies, fresh noise, and whatever
 * the sampler makes of them. Every step replays the same plan with other numbers.
 */
import { type DeviceTensor, type Runtime, type Scalars, scope, type Tensor } from "../engine/mod.ts";
import { clamp, exp, mul, weightedSum } from "../kernels/mod.ts";
import { type Level, type PredictionCoefficients, predictionCoefficients } from "./coefficients.ts";
import type { Draw, NoiseSource } from "./noise_source.ts";
import { ancestralCoefficients, type FixedVariance } from "./plain_coefficients.ts";
import { predictX0 } from "./predict.ts";
import type { GeneralProblem } from "./sampler.ts";

/** What a step is made from. */
export interface StepParts {
  /** State before the step [N, H, W, C]. */
  readonly xt: Tensor;
  /** Measurements [N, ...operator.measurementShape]. */
  readonly y: Tensor;
  /** Predicted noise [N, H, W, C], as the network gave it. */
  readonly eps: Tensor;
  /** The clean image that it implies [N, H, W, C], clamped if the sampler does so. */
  readonly x0: Tensor;
  /** Standard normal deviates [N, H, W, C], times exp(slope v) where the variance is learned. */
  readonly z: Tensor;
}

/** What a step is given at a run. */
export interface StepArguments<C extends string, X extends string> {
  readonly xt: DeviceTensor;
  /** Where the network is evaluated. */
  readonly level: Pick<Level, "timestep" | "alphaBar">;
  readonly numbers: Readonly<Record<C, number>>;
  readonly draw: Draw;
  /** Further tensors of the step, by the names under which its body reads them. */
  readonly extra: Readonly<Record<X, DeviceTensor>>;
}

/** One traced step. */
export interface NetworkStep<C extends string, X extends string, O extends string> {
  /** Runs the step; its tensors are valid until it runs again. */
  (args: StepArguments<C, X>): Promise<Readonly<Record<O, DeviceTensor>>>;
  /** Gives the memory of the step back; the states that it made become stale. */
  release(): void;
}

/** How a step is traced. */
export interface StepSetting {
  /** Name of the stage, for profiles. */
  readonly name: string;
  /** Whether the predicted image is clamped to [-1, 1]. */
  readonly clipDenoised: boolean;
  /** Whether the deviates are scaled by what the network has learned; the number "slope" is needed then. */
  readonly learnsVariance?: boolean;
  readonly noise: NoiseSource;
}

/**
 * Prepares a step of a sampler.
 * @param body makes the outputs from the parts, the scalars by name, and the further tensors
 */
export function networkStep<C extends string, X extends string, O extends string>(
  runtime: Runtime,
  { model, y }: GeneralProblem,
  { name, clipDenoised, learnsVariance = false, noise }: StepSetting,
  body: (parts: StepParts, c: Scalars<C>, extra: Readonly<Record<X, Tensor>>) => Readonly<Record<O, Tensor>>,
): NetworkStep<C, X, O> {
  const stage = runtime.stage<string, string, O>(name, (inputs, scalars) => {
    const c = scalars as Scalars<C | "timestep" | "slope" | keyof PredictionCoefficients>;
    const { xt, y } = inputs as Readonly<Record<"xt" | "y", Tensor>>;
    const { eps, variance } = scope(
      "network",
      () =>
        learnsVariance && model.predictWithVariance
          ? model.predictWithVariance(xt, c.timestep)
          : { eps: model.predictEps(xt, c.timestep), variance: undefined },
    );
    const x0 = scope("predict", () => {
      const predicted = predictX0(xt, eps, c);
      return clipDenoised ? clamp(predicted, -1, 1) : predicted;
    });
    const z = scope("noise", () => {
      const normal = noise.normal(xt.shape, inputs);
      return variance ? mul(normal, exp(weightedSum([[c.slope, variance]]))) : normal;
    });
    return scope("update", () => body({ xt, y, eps, x0, z }, c, inputs as Readonly<Record<X, Tensor>>));
  });
  const run = async (
    { xt, level, numbers, draw, extra }: StepArguments<C, X>,
  ): Promise<Readonly<Record<O, DeviceTensor>>> => {
    const drawn = noise.supply(draw);
    return await stage(
      { xt, y, ...extra, ...drawn.inputs },
      { timestep: level.timestep, ...predictionCoefficients(level), ...numbers, ...drawn.scalars },
    );
  };
  return Object.assign(run, { release: stage.release });
}

/** Numbers of an ancestral step: x_t <- xtFromX0 x0 + xtFromXt x_t + xtFromNoise z. */
export type AncestralNumbers = Record<"xtFromX0" | "xtFromXt" | "xtFromNoise" | "slope", number>;

/**
 * The numbers of an ancestral step down from a level.
 * @param learnsVariance as in the step's setting
 * @param fixed the variance where it is not learned
 */
export function ancestralNumbers(level: Level, learnsVariance: boolean, fixed: FixedVariance): AncestralNumbers {
  const { xtFromX0, xtFromXt, xtFromNoise, slope } = ancestralCoefficients(level, learnsVariance, fixed);
  return { xtFromX0, xtFromXt, xtFromNoise, slope };
}

/** Whether a model says more of the variance of a step than its schedule does. */
export function learnsVariance({ model }: GeneralProblem): boolean {
  return model.predictWithVariance !== undefined;
}
