/** One step of plain sampling as one stage: network, clamp, update and noise; nothing is made consistent with anything. */
import { type DeviceTensor, type Runtime, type Scalars, scope, type Tensor, type Tensors } from "../engine/mod.ts";
import { clamp, exp, mul, weightedSum } from "../kernels/mod.ts";
import type { NoiseModel } from "../models/mod.ts";
import type { PredictionCoefficients } from "./coefficients.ts";
import type { Draw, NoiseSource } from "./noise_source.ts";
import type { PlainCoefficients } from "./plain_coefficients.ts";
import { predictX0 } from "./predict.ts";
import type { State } from "./restoration_step.ts";

/** The numbers of one step. */
export interface PlainNumbers extends PredictionCoefficients, PlainCoefficients {
  /** Training timestep that the network is given. */
  readonly timestep: number;
}

/** One traced step of a run. */
export interface PlainStep {
  /** Runs the step from the state x_t [N, H, W, C]; the draw names the state that it makes. */
  (xt: DeviceTensor, numbers: PlainNumbers, draw: Draw): Promise<State>;
  /** Gives the memory of the step back; the states that it made become stale. */
  release(): void;
}

/** How a step is made. */
export interface PlainStepOptions {
  /** Whether x0 is clamped to [-1, 1]. */
  readonly clipDenoised: boolean;
  /** Whether the deviation of the noise is what the network has learned. */
  readonly learnsVariance: boolean;
  readonly noise: NoiseSource;
}

/**
 * Prepares the step: x0 = clamp(x0(x_t, eps)); x_t <- xtFromX0 x0 + xtFromXt x_t + xtFromNoise exp(slope v) z.
 * @throws {TypeError} at the first run, if the variance is to be learned and the network has none
 */
export function plainStep(
  runtime: Runtime,
  model: NoiseModel,
  { clipDenoised, learnsVariance, noise }: PlainStepOptions,
): PlainStep {
  const stage = runtime.stage("sampling step", (inputs: Tensors<"xt">, c: Scalars<keyof PlainNumbers>) => {
    const { eps, variance } = scope("network", () => predict(model, inputs.xt, c.timestep, learnsVariance));
    const x0 = scope("predict", () => {
      const predicted = predictX0(inputs.xt, eps, c);
      return clipDenoised ? clamp(predicted, -1, 1) : predicted;
    });
    const z = scope("noise", () => {
      const normal = noise.normal(inputs.xt.shape, inputs);
      return variance ? mul(normal, exp(weightedSum([[c.slope, variance]]))) : normal;
    });
    const xt = scope("update", () => weightedSum([[c.xtFromX0, x0], [c.xtFromXt, inputs.xt], [c.xtFromNoise, z]]));
    return { x0, xt };
  });
  const takeStep = async (xt: DeviceTensor, numbers: PlainNumbers, draw: Draw): Promise<State> => {
    const drawn = noise.supply(draw);
    const out = await stage({ xt, ...drawn.inputs }, { ...numbers, ...drawn.scalars });
    return { name: draw.name, ...out };
  };
  return Object.assign(takeStep, { release: stage.release });
}

function predict(
  model: NoiseModel,
  xt: Tensor,
  timestep: Parameters<NoiseModel["predictEps"]>[1],
  learnsVariance: boolean,
): { readonly eps: Tensor; readonly variance: Tensor | undefined } {
  if (!learnsVariance) return { eps: model.predictEps(xt, timestep), variance: undefined };
  if (model.predictWithVariance) return model.predictWithVariance(xt, timestep);
  throw new TypeError(
    "Cannot take a step with learned variance: the network predicts none, take the posterior variance",
  );
}
