/** The walk that DDNM and DDNM+ share: steps down with the network, and jumps back up that renoise what it saw. */
import type { DeviceTensor, Runtime, Scalars, Tensors } from "../engine/mod.ts";
import { weightedSum } from "../kernels/mod.ts";
import { type Level, respace } from "./coefficients.ts";
import type { Draw, NoiseSource } from "./noise_source.ts";
import { optionChecks } from "./option_checks.ts";
import type { State } from "./restoration_step.ts";
import { drawOf, pureNoise, stateShape } from "./run.ts";
import { type Evaluations, type Problem, PUBLISHED_TIMESTEPS } from "./sampler.ts";
import { downMoves, travelMoves, type TravelOptions } from "./time_travel.ts";
import { ddnmTimesteps } from "./timesteps.ts";

/** Options of the walk. */
export interface DdnmWalkOptions extends TravelOptions {
  /** Number of noise levels, 1..T. Published: 100. */
  readonly steps: number;
  /** Share of fresh noise, 0..1: sqrt(1 - eta^2) eps + eta z. Published: 0.85. */
  readonly eta: number;
}

/** The published walk: straight down. Old photos: travelLength 2, travelRepeat 2. */
export const DDNM_WALK: DdnmWalkOptions = { steps: 100, eta: 0.85, travelLength: 1, travelRepeat: 1 };

/** What a step down makes. */
export interface DdnmStates {
  /** The predicted image, consistent with the measurement. */
  readonly x0: DeviceTensor;
  /** The predicted image as it was before. */
  readonly predicted: DeviceTensor;
  readonly xt: DeviceTensor;
}

/** A step down from a level. */
export interface DdnmStep {
  (xt: DeviceTensor, level: Level, draw: Draw): Promise<DdnmStates>;
  release(): void;
}

/** Network evaluations of the walk. */
export function ddnmEvaluations({ steps, ...travel }: DdnmWalkOptions): Evaluations {
  const made = downMoves(travelMoves(steps, travel));
  return { nominal: made, actual: made };
}

/**
 * Checks the options of the walk.
 * @throws {RangeError} naming the first that is out of range
 */
export function checkDdnmWalk(sampler: string, options: DdnmWalkOptions, timesteps = PUBLISHED_TIMESTEPS): void {
  const check = optionChecks(sampler);
  check.integer("steps", options.steps, 1, timesteps);
  check.number("eta", options.eta, 0, 1);
  check.integer("travelLength", options.travelLength, 1, options.steps);
  check.integer("travelRepeat", options.travelRepeat, 1, 1000);
}

/** Number of states of the walk. */
export function ddnmMoves({ steps, ...travel }: DdnmWalkOptions): number {
  return travelMoves(steps, travel).length;
}

/**
 * Walks from pure noise to the image. A move up from level i to j renoises the last predicted image, not the
 * consistent one: x_j = sqrt(alphaBar_j) x0 + sqrt(1 - alphaBar_j) z.
 */
export async function* ddnmWalk(
  runtime: Runtime,
  problem: Problem,
  { steps, noise, ...travel }: DdnmWalkOptions & { readonly noise: NoiseSource },
  stepDown: DdnmStep,
): AsyncGenerator<State, DeviceTensor> {
  const levels = respace(problem.model.alphaBar, ddnmTimesteps(problem.model.alphaBar.length, steps));
  const shape = stateShape(problem);
  const renoise = runtime.stage<string, "keep" | "fresh", "xt">(
    "renoise",
    (inputs, c: Scalars<"keep" | "fresh">) => {
      const { x0 } = inputs as Tensors<"x0">;
      return { xt: weightedSum([[c.keep, x0], [c.fresh, noise.normal(shape, inputs)]]) };
    },
  );
  const start = await pureNoise(runtime, problem, noise);
  try {
    let xt = start;
    let last: DdnmStates | undefined;
    for (const [k, { from, to }] of travelMoves(steps, travel).entries()) {
      const draw = drawOf(k);
      if (to < from || !last) {
        last = await stepDown(xt, levels[from] as Level, draw);
        xt = last.xt;
        yield { name: draw.name, x0: last.x0, xt };
      } else {
        const { alphaBar } = levels[to] as Level;
        const numbers = { keep: Math.sqrt(alphaBar), fresh: Math.sqrt(1 - alphaBar) };
        const drawn = noise.supply(draw);
        const scalars = { ...numbers, ...drawn.scalars };
        xt = (await renoise({ x0: last.predicted, ...drawn.inputs }, scalars)).xt;
        yield { name: draw.name, x0: last.x0, xt, evaluations: 0 };
      }
    }
    return xt.keep();
  } finally {
    stepDown.release();
    renoise.release();
    start.free();
  }
}
