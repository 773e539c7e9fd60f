/**
 * What a sampler is: a published rule that turns a measurement y = A x + n into an image, with a noise model as prior.
 * It is ordinary async code around one traced step; it knows no network, no operator and no file.
 */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import type { NoiseModel } from "../models/mod.ts";
import type { Degradation, LinearOperator } from "../operators/mod.ts";
import type { SamplerDescription } from "./description.ts";
import type { NoiseSource } from "./noise_source.ts";

/** What is to be restored, whether or not its degradation is linear. */
export interface GeneralProblem {
  /** The prior. */
  readonly model: NoiseModel;
  /** What was measured. */
  readonly operator: Degradation;
  /** Measurements [N, ...operator.measurementShape], of images in [-1, 1]. */
  readonly y: DeviceTensor;
  /** Standard deviation of the noise in y, in units of [-1, 1]; 0 means exact. */
  readonly sigmaY: number;
}

/** What is to be restored from a linear measurement. */
export interface Problem extends GeneralProblem {
  /** A. */
  readonly operator: LinearOperator;
}

/**
 * A finished step. Its tensors are valid until the sampler goes on: read or `keep()` them before the next step.
 * The step is submitted, not done; `runtime.settle()` waits for it.
 */
export interface Progress {
  /** The step in the words of recorded runs: "inv.0", ..., "gen.0", ..., or just "0", "1", ... */
  readonly name: string;
  /** Counts from 1. */
  readonly step: number;
  /** How many there are. */
  readonly steps: number;
  /** Network evaluations so far, for each sample. */
  readonly nfe: number;
  /** Clean image that the sampler predicts at this step [N, H, W, C]. */
  readonly x0: DeviceTensor;
  /** State after this step [N, H, W, C]. */
  readonly xt: DeviceTensor;
  /** What else the step made, by name, such as the state of DMPS before it is corrected. */
  readonly parts?: Readonly<Record<string, DeviceTensor>>;
}

/** A restoration method. `O` are the values of its parameters, with what else a program gives. */
export interface Sampler<O extends object> extends SamplerDescription<O> {
  /** What it asks of the operator or engine beyond A and A^+. */
  readonly needs: readonly ("spectrum" | "mask" | "gradient")[];
  /** The values with which it takes degradations that are not linear, none for any; linear ones alone where absent. */
  readonly nonlinear?: Partial<O>;
  /** Whether it also takes degradations that are not linear and have a projection onto their measurements. */
  readonly projects?: boolean;
  /**
   * Restores all measurements of the problem. Options and problem are checked at once, before anything runs.
   * @param options the parameters that are not as published
   * @returns the images [N, H, W, C], nominally in [-1, 1], not clamped; the caller frees them
   * @throws {RangeError} if an option is out of range; {TypeError} if the parts of the problem do not fit together
   */
  restore(
    runtime: Runtime,
    problem: GeneralProblem,
    options: Partial<O> & { readonly noise: NoiseSource },
  ): AsyncGenerator<Progress, DeviceTensor>;
}
