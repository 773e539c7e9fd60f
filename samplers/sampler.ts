/**
 * What a sampler is: a published rule that turns a measurement y = A x + n into an image, with a noise model as prior.
 * It is ordinary async code around one traced step; it knows no network, no operator and no file.
 */
import { type DeviceTensor, formatShape, type Runtime, sameShape } from "../engine/mod.ts";
import type { NoiseModel } from "../models/mod.ts";
import { type Degradation, isLinear, type LinearOperator, OPERATORS } from "../operators/mod.ts";
import type { NoiseSource } from "./noise_source.ts";

/** What is to be restored, whether or not its degradation is linear. */
export interface GeneralProblem {
  readonly model: NoiseModel;
  readonly operator: Degradation;
  /** Measurements [N, ...operator.measurementShape], of images in [-1, 1]. */
  readonly y: DeviceTensor;
  /** Standard deviation of the noise in y, in units of [-1, 1]; 0 means exact. */
  readonly sigmaY: number;
}

/** What is to be restored from a linear measurement. */
export interface Problem extends GeneralProblem {
  readonly operator: LinearOperator;
}

/** The samplers that take degradations that are not linear: they need A x and its gradient alone. */
export const NONLINEAR_SAMPLERS: readonly string[] = ["dps", "diffpir (data step first_order)"];

/**
 * A finished step. Its tensors are valid until the sampler goes on: read or `keep()` them before the next step.
 * The step is submitted, not done; `runtime.settle()` waits for it.
 */
export interface Progress {
  /** The step in the words of recorded runs: "inv.0", ..., "gen.0", ..., or just "0", "1", ... */
  readonly name: string;
  /** Counts from 1. */
  readonly step: number;
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

/** Training timesteps T of the published models. */
export const PUBLISHED_TIMESTEPS = 1000;

/** What is restored, as far as published parameters depend on it. */
export type RestorationTask = "super_resolution" | "deblurring" | "inpainting" | "colorization" | "phase_retrieval";

/** Network evaluations of one run: as the paper counts them, and as they are made. */
export interface Evaluations {
  readonly nominal: number;
  readonly actual: number;
}

/** A restoration method. `O` are its parameters. */
export interface Sampler<O extends object> {
  readonly name: string;
  readonly paper: string;
  /** What it asks of the operator or engine beyond A and A^+. */
  readonly needs: readonly ("spectrum" | "mask" | "gradient")[];
  /** The published parameters. */
  readonly defaults: O;
  /** The published parameters of a task, where they depend on it. */
  defaultsFor(task: RestorationTask): O;
  /**
   * Network evaluations of a run.
   * @param timesteps training timesteps T of the model, default 1000
   * @throws {RangeError} if an option is out of range
   */
  evaluations(options: O, timesteps?: number): Evaluations;
  /**
   * Restores all measurements of the problem. Options and problem are checked at once, before anything runs.
   * @returns the images [N, H, W, C], nominally in [-1, 1], not clamped; the caller frees them
   * @throws {RangeError} if an option is out of range; {TypeError} if the parts of the problem do not fit together
   */
  restore(
    runtime: Runtime,
    problem: GeneralProblem,
    options: O & { readonly noise: NoiseSource },
  ): AsyncGenerator<Progress, DeviceTensor>;
}

/**
 * Makes sure that the operator is linear, and that model, operator and measurement speak of the same image.
 * @param sampler name for the message
 * @throws {TypeError} if the operator is not linear, the message lists those that are; or if a shape differs
 */
export function checkProblem(sampler: string, problem: GeneralProblem): asserts problem is Problem {
  const { operator } = problem;
  if (!isLinear(operator)) {
    throw new TypeError(
      `Cannot run ${sampler} on "${operator.name}": the operator is not linear, ${sampler} needs A^T or A^+; the ` +
        `samplers that work are ${NONLINEAR_SAMPLERS.join(", ")}, the operators that work with ${sampler} are ` +
        Array.from(OPERATORS.keys()).join(", "),
    );
  }
  checkShapes(sampler, problem);
}

/**
 * Makes sure that model, operator and measurement speak of the same image.
 * @param sampler name for the message
 * @throws {TypeError} if a shape differs
 */
export function checkShapes(sampler: string, { model, operator, y }: GeneralProblem): void {
  if (!sameShape(model.imageShape, operator.imageShape)) {
    throw new TypeError(
      `Cannot run ${sampler} on "${operator.name}": the operator takes images ${formatShape(operator.imageShape)}, ` +
        `the model makes images ${formatShape(model.imageShape)}; build both for one shape`,
    );
  }
  if (y.shape.length === 0 || !sameShape(y.shape.slice(1), operator.measurementShape)) {
    throw new TypeError(
      `Cannot run ${sampler} on "${operator.name}": y has shape ${formatShape(y.shape)}, measurements of this ` +
        `operator are [N, ${operator.measurementShape.join(", ")}]`,
    );
  }
}
