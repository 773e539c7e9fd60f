/**
 * Where the noise of a run comes from: drawn on the device from seeds, or given as tensors. The step of a sampler is
 * the same code for both: `normal` while it is traced, `supply` at every run.
 */
import { type DeviceTensor, formatShape, sameShape, type Shape, type Tensor } from "../engine/mod.ts";
import { randomNormal } from "../kernels/mod.ts";

/** Draws of one seed: draw number = seed * DRAWS_PER_SEED + ordinal, a safe integer for every 32-bit seed. */
export const DRAWS_PER_SEED = 2 ** 21;

/** What a source adds to the arguments of one run of a stage. */
export interface NoiseArguments {
  /** Tensors by name. */
  readonly inputs: Readonly<Record<string, DeviceTensor>>;
  /** Scalars by name. */
  readonly scalars: Readonly<Record<string, number>>;
}

/** One draw of a run: its name (as in files of recorded noise, such as "gen.3") and its place in the run. */
export interface Draw {
  /** Its name. */
  readonly name: string;
  /** Counts the draws of a run from 0, below 2^21. */
  readonly ordinal: number;
}

/** Noise for the stages of one run. It keeps no position: equal draws give equal noise. */
export interface NoiseSource {
  /**
   * Inside the body of a stage: the standard normal deviates of a step.
   * @param shape [N, ...], N the number of samples
   * @param inputs all inputs of the stage
   * @throws {TypeError} if the source has another number of samples, or tensors of another shape
   */
  normal(shape: Shape, inputs: Readonly<Record<string, Tensor>>): Tensor;
  /**
   * At a run: what that stage is given for this draw besides its own arguments.
   * @throws {RangeError} if the source has no such draw
   */
  supply(draw: Draw): NoiseArguments;
}

/** What steps add whose noise has no weight: the state itself, which is there anyway. */
export const silence: NoiseSource = {
  normal: (_shape, inputs) => inputs["xt"]!,
  supply: () => ({ inputs: {}, scalars: {} }),
};

/**
 * Noise from seeds, one for each sample of the batch: a sample looks the same alone and in a batch.
 * @param seeds integers within 0..2^32 - 1
 * @throws {RangeError} if there is no seed or one is out of range
 */
export function seededNoise(seeds: readonly number[]): NoiseSource {
  for (const seed of seeds) {
    if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
      throw new RangeError(`Cannot draw noise from seed ${seed}: an integer within 0..4294967295 is needed`);
    }
  }
  if (seeds.length === 0) throw new RangeError("Cannot draw noise: no seed was given, one for each sample is needed");
  const scalarOf = (sample: number): string => `draw${sample}`;
  return {
    normal(shape: Shape): Tensor {
      if (shape[0] !== seeds.length) {
        throw new TypeError(
          `Cannot draw noise of shape ${formatShape(shape)}: ${seeds.length} seeds were given, one for each of the ` +
            `${shape[0]} samples is needed`,
        );
      }
      return randomNormal(shape, seeds.map((_, sample) => ({ scalar: scalarOf(sample) })));
    },
    supply({ name, ordinal }: Draw): NoiseArguments {
      if (!Number.isInteger(ordinal) || ordinal < 0 || ordinal >= DRAWS_PER_SEED) {
        throw new RangeError(`Cannot draw noise "${name}": it is draw ${ordinal}, a seed has draws 0..2097151`);
      }
      const draws = seeds.map((seed, sample) => [scalarOf(sample), seed * DRAWS_PER_SEED + ordinal]);
      return { inputs: {}, scalars: Object.fromEntries(draws) };
    },
  };
}

/**
 * Noise from given tensors, to replay a recorded run.
 * @param tensors standard normal deviates [N, ...] by the name of their draw, such as "inv.0" or "gen.24"
 */
export function givenNoise(tensors: ReadonlyMap<string, DeviceTensor>): NoiseSource {
  return {
    normal(shape: Shape, { noise }: Readonly<Record<string, Tensor>>): Tensor {
      if (!noise || !sameShape(noise.shape, shape)) {
        throw new TypeError(
          `Cannot take the given noise: it has shape ${noise ? formatShape(noise.shape) : "unknown"}, the state has ` +
            `${formatShape(shape)}; record the noise at the size and number of samples of this run`,
        );
      }
      return noise;
    },
    supply({ name }: Draw): NoiseArguments {
      const noise = tensors.get(name);
      if (!noise) {
        throw new RangeError(
          `Cannot take noise "${name}": the given noise holds ${[...tensors.keys()].join(", ") || "nothing"}; ` +
            "record it with the same steps",
        );
      }
      return { inputs: { noise }, scalars: {} };
    },
  };
}
