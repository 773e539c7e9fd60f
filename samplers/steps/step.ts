/**
 * The frame of every step, one stage: the network, the clean image it implies, fresh noise, and what a sampler makes of
 * them. It is traced once and replayed at every level; what differs are the scalars and tensors of the level, and the
 * draw.
 */
import {
  type Coefficient,
  type DeviceTensor,
  type Runtime,
  type Scalars,
  scope,
  type Shape,
  type Tensor,
  type Tensors,
} from "../../engine/mod.ts";
import { clamp, exp, mul, weightedSum } from "../../kernels/mod.ts";
import type { AttentionExchange, NoiseModel } from "../../models/mod.ts";
import { type Level, type PredictionCoefficients, predictionCoefficients } from "../coefficients.ts";
import type { Draw, NoiseSource } from "../noise_source.ts";

/** A stage whose body draws noise. */
export interface NoisyStage<I extends string, C extends string, O extends string> {
  /** Runs it; its tensors are valid until it runs again. */
  (
    draw: Draw,
    inputs: Readonly<Record<I, DeviceTensor>>,
    scalars: Readonly<Record<C, number>>,
  ): Promise<Readonly<Record<O, DeviceTensor>>>;
  /** Gives its memory back; what it made becomes stale. */
  release(): void;
}

/**
 * Names a computation that draws noise.
 * @param body makes the outputs from the inputs, the scalars, and standard normal deviates of a shape
 */
export function noisyStage<I extends string, C extends string, O extends string>(
  runtime: Runtime,
  name: string,
  noise: NoiseSource,
  body: (inputs: Tensors<I>, c: Scalars<C>, normal: (shape: Shape) => Tensor) => Readonly<Record<O, Tensor>>,
): NoisyStage<I, C, O> {
  const stage = runtime.stage<string, string, O>(
    name,
    (inputs, c) => body(inputs as Tensors<I>, c as Scalars<C>, (shape) => noise.normal(shape, inputs)),
  );
  const run = async (...[draw, inputs, scalars]: Parameters<NoisyStage<I, C, O>>): Promise<Record<O, DeviceTensor>> => {
    const drawn = noise.supply(draw);
    return await stage({ ...inputs, ...drawn.inputs }, { ...scalars, ...drawn.scalars });
  };
  return Object.assign(run, { release: stage.release });
}

/** Weights of the prediction inside a stage: scalars of the run, or numbers. */
export interface PredictionWeights {
  /** Weight of x_t. */
  readonly x0FromXt: Coefficient;
  /** Weight of eps. */
  readonly x0FromEps: Coefficient;
}

/**
 * The clean image that a noise prediction implies: x0 = (x_t - sqrt(1 - alphaBar) eps)/sqrt(alphaBar), the weights made
 * by `predictionCoefficients`.
 * @param xt state [N, H, W, C]
 * @param eps predicted noise [N, H, W, C]
 * @returns [N, H, W, C]
 */
export function predictX0(xt: Tensor, eps: Tensor, { x0FromXt, x0FromEps }: PredictionWeights): Tensor {
  return weightedSum([[x0FromXt, xt], [x0FromEps, eps]]);
}

/** Where the network is evaluated. */
export type Place = Pick<Level, "timestep" | "alphaBar">;

/** What a step has before its own rule. */
export interface Prediction {
  /** State before the step [N, H, W, C]. */
  readonly xt: Tensor;
  /** Predicted noise [N, H, W, C], as the network gave it. */
  readonly eps: Tensor;
  /** The clean image that it implies [N, H, W, C], clamped if the sampler does so; in the update, the projected one. */
  readonly x0: Tensor;
  /** Standard normal deviates [N, H, W, C], times the deviation where it is learned. */
  readonly z: Tensor;
  /** exp(slope v) [N, H, W, C], where v is learned. */
  readonly deviation: Tensor | undefined;
}

/** What the rule of a step is given. */
export interface Update extends Prediction {
  /** x0 as it was before the projection [N, H, W, C]. */
  readonly predicted: Tensor;
}

/** Tensors of one run, on the device until `free`. */
export interface RunTensors<X extends string> {
  /** The tensors by name. */
  readonly tensors: Readonly<Record<X, DeviceTensor>>;
  /** Gives their memory back. */
  free(): void;
}

/**
 * What a step is. `A` says where it is taken, `C` are its scalars, `I` its inputs, `X` the tensors of a place, `O` its
 * outputs.
 */
export interface StepDefinition<A, C extends string, I extends string, X extends string, O extends string> {
  /** Name of the stage, for profiles. */
  readonly name: string;
  /** Where its noise comes from. */
  readonly noise: NoiseSource;
  /** Tensors that all runs have in common, such as the measurement. */
  readonly inputs?: Readonly<Record<I, DeviceTensor>>;
  /** Whether the predicted image is clamped to [-1, 1]; default no. */
  readonly clipDenoised?: boolean;
  /** Whether the deviates are scaled by what the network has learned; default no. The scalar "slope" is needed then. */
  readonly learnsVariance?: boolean;
  /** What passes by the attentions of the network, where something does. */
  readonly exchange?: ((inputs: Readonly<Record<string, Tensor>>) => AttentionExchange) | undefined;
  /** Scalars of a place, besides those of the prediction. */
  scalars?(at: A): Readonly<Record<C, number>>;
  /** Tensors of a place, freed behind the run. */
  readonly tensors?: ((at: A) => RunTensors<X>) | undefined;
  /** Records what brings the predicted image closer to the measurement, where the sampler does that. */
  project?(parts: Prediction & Tensors<I | X>, c: Scalars<C | "timestep">): Tensor;
  /** Records the rule of the sampler. */
  update(parts: Update & Tensors<I | X>, c: Scalars<C | "timestep">): Readonly<Record<O, Tensor>>;
}

/** A prepared step. */
export interface Step<A, O extends string> {
  /** Takes it from the state x_t [N, H, W, C]; the tensors are valid until it is taken again. */
  (xt: DeviceTensor, at: A, draw: Draw): Promise<Readonly<Record<O, DeviceTensor>>>;
  /** Gives the memory of the step back; what it made becomes stale. */
  release(): void;
}

/** Prepares a step. */
export function networkStep<
  O extends string,
  C extends string = never,
  I extends string = never,
  X extends string = never,
  A extends Place = Level,
>(runtime: Runtime, model: NoiseModel, definition: StepDefinition<A, C, I, X, O>): Step<A, O> {
  const { name, noise, inputs, clipDenoised, learnsVariance, exchange, tensors } = definition;
  const stage = noisyStage<string, string, O>(runtime, name, noise, (all, scalars, normal) => {
    const { xt } = all as Tensors<"xt">;
    const c = scalars as Scalars<C | "timestep" | "slope" | keyof PredictionCoefficients>;
    const { eps, x0: image, variance } = scope("network", (): Partial<Record<"x0" | "variance", Tensor>> & {
      readonly eps: Tensor;
    } => {
      if (learnsVariance && model.predictWithVariance) return model.predictWithVariance(xt, c.timestep);
      const passing = exchange?.(all);
      return model.predict?.(xt, c.timestep, passing) ?? { eps: model.predictEps(xt, c.timestep, passing) };
    });
    const predicted = scope("predict", () => {
      const x0 = image ?? predictX0(xt, eps, c);
      return clipDenoised ? clamp(x0, -1, 1) : x0;
    });
    const deviation = variance && scope("noise", () => exp(weightedSum([[c.slope, variance]])));
    const z = scope("noise", () => deviation ? mul(normal(xt.shape), deviation) : normal(xt.shape));
    const parts = { ...all, xt, eps, x0: predicted, z, deviation } as Prediction & Tensors<I | X>;
    const x0 = scope("projection", () => definition.project?.(parts, c)) ?? predicted;
    return scope("update", () => definition.update({ ...parts, x0, predicted }, c));
  });
  const take = async (xt: DeviceTensor, at: A, draw: Draw): Promise<Readonly<Record<O, DeviceTensor>>> => {
    const own = tensors?.(at);
    try {
      const scalars = { timestep: at.timestep, ...predictionCoefficients(at), ...definition.scalars?.(at) };
      return await stage(draw, { xt, ...inputs, ...own?.tensors }, scalars);
    } finally {
      own?.free();
    }
  };
  return Object.assign(take, { release: stage.release });
}
