/**
 * Ancestral sampling that is pulled to the measurement between its steps: a noised measurement of the right level is
 * mixed into the state, and the network never hears of it.
 */
import type { DeviceTensor, Runtime, Scalars, Shape, Tensor } from "../../engine/mod.ts";
import { add, sub, weightedSum } from "../../kernels/mod.ts";
import type { Level } from "../coefficients.ts";
import type { GuideLevel, MeasurementNoise } from "../common_parameters.ts";
import type { Draw, NoiseSource } from "../noise_source.ts";
import { drawOf, type State, trajectory, weightsAt } from "./run.ts";
import type { Problem, Progress } from "../sampler.ts";
import { noisyStage, type Step } from "./step.ts";

/** What is done to a state. */
export interface Guide {
  /** Runs it at a noise level, where sqrt(alphaBar) of the measurement is kept; `at` names the draw. */
  (xt: DeviceTensor, alphaBar: number, draw: Draw): Promise<DeviceTensor>;
  release(): void;
}

/** The draws of step k of a run with two a step: that of the step itself is "k", that of the guide "known.k". */
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
    parts: { readonly xt: Tensor; readonly known: Tensor; readonly draw: (shape: Shape) => Tensor },
    c: Scalars<"keep" | "fresh">,
  ) => Tensor,
): Guide {
  const stage = noisyStage<"xt" | "known", "keep" | "fresh", "xt">(
    runtime,
    "guide",
    noise,
    (inputs, c, draw) => ({ xt: body({ ...inputs, draw }, c) }),
  );
  const run = async (xt: DeviceTensor, alphaBar: number, draw: Draw): Promise<DeviceTensor> =>
    (await stage(draw, { xt, known }, weightsAt(alphaBar))).xt;
  return Object.assign(run, { release: stage.release });
}

/**
 * x + A^+ (y_t - A x) with the noised measurement y_t = sqrt(alphaBar) y + sqrt(1 - alphaBar) A z, the measurement of a
 * noised image; with "measurement" A z is white noise instead, which is the same where A keeps or drops single pixels.
 */
export function projectionGuide(
  runtime: Runtime,
  { operator, y }: Problem,
  { noise, noiseIn }: { readonly noise: NoiseSource; readonly noiseIn: MeasurementNoise },
): Guide {
  return guide(runtime, y, noise, ({ xt, known, draw }, c) => {
    if (noiseIn === "measurement") {
      const noised = weightedSum([[c.keep, known], [c.fresh, draw(known.shape)]]);
      return add(xt, operator.pseudoInverse(sub(noised, operator.forward(xt))));
    }
    // A is linear: A z and A x need one application.
    const image = weightedSum([[c.fresh, draw(xt.shape)], [-1, xt]]);
    const noised = weightedSum([[c.keep, known], [1, operator.forward(image)]]);
    return add(xt, operator.pseudoInverse(noised));
  });
}

/** alphaBar at which the measurement is mixed in after a step from a level. */
export function guideAlphaBar({ alphaBar, alphaBarPrevious }: Level, at: GuideLevel): number {
  return at === "current" ? alphaBar : alphaBarPrevious;
}

/** A guided run. */
export interface GuidedTrajectory {
  /** Its state at the beginning, freed at the end. */
  readonly start: DeviceTensor;
  /** Noisiest first. */
  readonly levels: readonly Level[];
  /** Released at the end. */
  readonly step: Step<Level, "x0" | "xt">;
  /** Follows every step; released at the end. */
  readonly guide: Guide;
  /** alphaBar at which the measurement is mixed in after a step from a level; undefined for not at all. */
  alphaBarOf(level: Level, k: number): number | undefined;
}

/** From a state down to the image. */
export function guidedTrajectory(
  { start, levels, step, guide, alphaBarOf }: GuidedTrajectory,
): AsyncGenerator<Progress, DeviceTensor> {
  return trajectory({ start, places: levels, stages: [step, guide] }, async (xt, level, k): Promise<State> => {
    const draws = guidedDraws(k);
    const moved = await step(xt, level, draws.step);
    const alphaBar = alphaBarOf(level, k);
    const guided = alphaBar === undefined ? moved.xt : await guide(moved.xt, alphaBar, draws.guide);
    return { ...moved, name: draws.step.name, xt: guided };
  });
}
