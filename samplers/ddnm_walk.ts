/** The walk that DDNM and DDNM+ share: steps down with the network, and jumps back up that renoise what it saw. */
import type { DeviceTensor, Runtime, Scalars, Tensors } from "../engine/mod.ts";
import { weightedSum } from "../kernels/mod.ts";
import type { ValuesOf } from "../parameters/mod.ts";
import { type Level, respace } from "./coefficients.ts";
import { freshNoise, steps, travelLength, travelRepeat } from "./common_parameters.ts";
import type { Evaluations } from "./description.ts";
import type { Draw, NoiseSource } from "./noise_source.ts";
import type { State } from "./restoration_step.ts";
import { drawOf, pureNoise, stateShape } from "./run.ts";
import type { Problem } from "./sampler.ts";
import { downMoves, travelMoves } from "./time_travel.ts";
import { ddnmTimesteps } from "./timesteps.ts";

/** Parameters of the published walk: straight down. Old photos: travelLength 2, travelRepeat 2. */
export const DDNM_WALK = {
  steps: steps(100, 1),
  eta: freshNoise(0.85),
  travelLength: travelLength(1),
  travelRepeat: travelRepeat(1),
};

/** Options of the walk. */
export type DdnmWalkOptions = ValuesOf<typeof DDNM_WALK>;

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
export function ddnmEvaluations({ steps: count, ...travel }: DdnmWalkOptions): Evaluations {
  const made = downMoves(travelMoves(count, travel));
  return { nominal: made, actual: made };
}

/** Number of states of the walk. */
export function ddnmMoves({ steps: count, ...travel }: DdnmWalkOptions): number {
  return travelMoves(count, travel).length;
}

/**
 * Walks from pure noise to the image. A move up from level i to j renoises the last predicted image, not the
 * consistent one: x_j = sqrt(alphaBar_j) x0 + sqrt(1 - alphaBar_j) z.
 */
export async function* ddnmWalk(
  runtime: Runtime,
  problem: Problem,
  { steps: count, noise, ...travel }: DdnmWalkOptions & { readonly noise: NoiseSource },
  stepDown: DdnmStep,
): AsyncGenerator<State, DeviceTensor> {
  const levels = respace(problem.model.alphaBar, ddnmTimesteps(problem.model.alphaBar.length, count));
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
    for (const [k, { from, to }] of travelMoves(count, travel).entries()) {
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
