/** What a sampler is that needs no measurement. */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import type { NoiseModel } from "../models/mod.ts";
import type { ClassGuidance } from "./steps/class_guidance.ts";
import type { SamplerDescription } from "./description.ts";
import type { NoiseSource } from "./noise_source.ts";
import type { Progress } from "./sampler.ts";

/** What is sampled. */
export interface PlainProblem {
  /** The prior. */
  readonly model: NoiseModel;
  /** Number of images N; default 1. */
  readonly count?: number;
  /** State at the noisiest level [N, H, W, C], instead of noise; it stays the caller's. */
  readonly start?: DeviceTensor;
  /** The class that images are drawn towards by a classifier. */
  readonly guidance?: ClassGuidance;
}

/** A sampler that needs no measurement. `O` are the values of its parameters. */
export interface PlainSampler<O extends object> extends SamplerDescription<O> {
  /**
   * Samples images; the draws are `START_DRAW` and one for each step, gen.0, gen.1, .... Options are checked at once.
   * @param options the parameters that are not as published
   * @returns the images [N, H, W, C], nominally in [-1, 1], not clamped; the caller frees them
   * @throws {RangeError} if an option is out of range
   */
  sample(
    runtime: Runtime,
    problem: PlainProblem,
    options: Partial<O> & { readonly noise: NoiseSource },
  ): AsyncGenerator<Progress, DeviceTensor>;
}
