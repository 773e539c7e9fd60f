/**
 * Ancestral sampling that is pulled to the measurement between its steps: a noised measurement of the right level is
 * mixed into the state, and the network never hears of it.
 */
import type { DeviceTensor, Runtime, Scalar, Scalars, Tensor, Tensors } from "../engine/mod.ts";
import { add, sub, weightedSum } from "../kernels/mod.ts";
import type { Level } from "./coefficients.ts";
import type { MeasurementNoise } from "./common_parameters.ts";
import {
  type AncestralNumbers,
  ancestralNumbers,
  learnsVariance,
  type NetworkStep,
  networkStep,
} from "./network_step.ts";
import type { Draw, NoiseSource } from "./noise_source.ts";
import type { FixedVariance } from "./plain_coefficients.ts";
import type { State } from "./restoration_step.ts";
import { drawOf, stateShape } from "./run.ts";
import type { Problem } from "./sampler.ts";

/** What is done to a state. */
export interface Guide {
  /** Runs it at a noise level, where sqrt(alphaBar) of the measurement is kept; `at` names the draw. */
  (xt: DeviceTensor, alphaBar: number, draw: Draw): Promise<DeviceTensor>;
  release(): void;
}

/** The draws of step k of a walk with two a step: that of the step itself is "k", that of the guide "known.k". */
export function guidedDraws(k: number): { readonly step: Draw; readonly guide: Draw } {
  return {
    step: { ...drawOf(k), ordinal: 2 * k + 1 },
    guide: { name: `known.${k}`, ordinal: 2 * k + 2 },
  };
}

/**
 * Prepares a guide from its formula.
 * @param body makes the state from the state, the measurement, or what stands for it, at the level, and deviates
 */
export function guide(
  runtime: Runtime,
  known: DeviceTensor,
  noise: NoiseSource,
  body: (
    parts: { readonly xt: Tensor; readonly known: Tensor; readonly draw: (shape: readonly number[]) => Tensor },
    c: Scalars<"keep" | "fresh">,
  ) => Tensor,
): Guide {
  const stage = runtime.stage<string, "keep" | "fresh", "xt">("guide", (inputs, c) => {
    const { xt, known } = inputs as Tensors<"xt" | "known">;
    return { xt: body({ xt, known, draw: (shape) => noise.normal(shape, inputs) }, c) };
  });
  const run = async (xt: DeviceTensor, alphaBar: number, draw: Draw): Promise<DeviceTensor> => {
    const drawn = noise.supply(draw);
    const numbers = { keep: Math.sqrt(alphaBar), fresh: Math.sqrt(1 - alphaBar) };
    return (await stage({ xt, known, ...drawn.inputs }, { ...numbers, ...drawn.scalars })).xt;
  };
  return Object.assign(run, { release: stage.release });
}

/**
 * x + A^+ (y_t - A x) with the noised measurement y_t = sqrt(alphaBar) y + sqrt(1 - alphaBar) A z, the measurement of a
 * noised image; with "measurement" A z is white noise instead, which is the same where A keeps or drops single pixels.
 */
export function projectionGuide(
  runtime: Runtime,
  { operator, y }: Problem,
  noise: NoiseSource,
  place: MeasurementNoise,
): Guide {
  return guide(runtime, y, noise, ({ xt, known, draw }, c) => {
    if (place === "measurement") {
      const noised = weightedSum([[c.keep, known], [c.fresh, draw(known.shape)]]);
      return add(xt, operator.pseudoInverse(sub(noised, operator.forward(xt))));
    }
    // A is linear: A z and A x need one application.
    const image = weightedSum([[c.fresh, draw(xt.shape)], [-1, xt]]);
    const noised = weightedSum([[c.keep, known], [1, operator.forward(image)]]);
    return add(xt, operator.pseudoInverse(noised));
  });
}

/** A prepared ancestral step. */
export type AncestralStep = NetworkStep<keyof AncestralNumbers, never, "x0" | "xt">;

/** Prepares x <- xtFromX0 x0 + xtFromXt x + xtFromNoise z. */
export function ancestralStep(
  runtime: Runtime,
  problem: Problem,
  setting: { readonly clipDenoised: boolean; readonly learnsVariance: boolean; readonly noise: NoiseSource },
): AncestralStep {
  return networkStep(
    runtime,
    problem,
    { name: "ancestral", ...setting },
    ({ xt, x0, z }, c: Record<keyof AncestralNumbers, Scalar>) => ({
      x0,
      xt: weightedSum([[c.xtFromX0, x0], [c.xtFromXt, xt], [c.xtFromNoise, z]]),
    }),
  );
}

/** A walk down. */
export interface GuidedWalk {
  /** Noisiest first. */
  readonly levels: readonly Level[];
  readonly clipDenoised: boolean;
  /** Whether a variance that the network has learned is used. */
  readonly usesLearnedVariance: boolean;
  /** The variance where it is not learned. */
  readonly fixedVariance: FixedVariance;
  readonly noise: NoiseSource;
  /** Follows every step. */
  readonly guide: Guide;
  /** alphaBar at which the measurement is mixed in after a step from a level; undefined for not at all. */
  levelOf(level: Level, k: number): number | undefined;
}

/** Walks from a state down to the image; the start stays the caller's, the guide and the result do not. */
export async function* guidedWalk(
  runtime: Runtime,
  problem: Problem,
  start: DeviceTensor,
  { levels, clipDenoised, usesLearnedVariance, fixedVariance, noise, guide, levelOf }: GuidedWalk,
): AsyncGenerator<State, DeviceTensor> {
  const isLearned = usesLearnedVariance && learnsVariance(problem);
  const step = ancestralStep(runtime, problem, { clipDenoised, learnsVariance: isLearned, noise });
  try {
    let xt = start;
    for (const [k, level] of levels.entries()) {
      const draws = guidedDraws(k);
      const numbers = ancestralNumbers(level, isLearned, fixedVariance);
      const moved = await step({ xt, level, numbers, draw: draws.step, extra: {} });
      const alphaBar = levelOf(level, k);
      xt = alphaBar === undefined ? moved.xt : await guide(moved.xt, alphaBar, draws.guide);
      yield { name: draws.step.name, x0: moved.x0, xt };
    }
    return xt.keep();
  } finally {
    step.release();
    guide.release();
  }
}

/**
 * The state sqrt(alphaBar) x + sqrt(1 - alphaBar) z of an image.
 * @returns [N, H, W, C]; the caller frees it
 */
export async function noised(
  runtime: Runtime,
  problem: Problem,
  image: DeviceTensor,
  { alphaBar, noise, draw }: { readonly alphaBar: number; readonly noise: NoiseSource; readonly draw: Draw },
): Promise<DeviceTensor> {
  const shape = stateShape(problem);
  const stage = runtime.stage<string, "keep" | "fresh", "xt">("start", (inputs, c) => {
    const { image } = inputs as Tensors<"image">;
    return { xt: weightedSum([[c.keep, image], [c.fresh, noise.normal(shape, inputs)]]) };
  });
  const drawn = noise.supply(draw);
  const numbers = { keep: Math.sqrt(alphaBar), fresh: Math.sqrt(1 - alphaBar) };
  const xt = (await stage({ image, ...drawn.inputs }, { ...numbers, ...drawn.scalars })).xt.keep();
  stage.release();
  return xt;
}
