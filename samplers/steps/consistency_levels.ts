/**
 * The steps of multistep consistency sampling: at every level the network says the image, which is noised again to the
 * next one (Song et al., Consistency Models, ICML 2023, algorithm 1).
 */
import { integer, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { alphaBarOf, KARRAS_LEVELS, karrasGrid, levelAt, type NoiseRange } from "./noise_levels.ts";
import type { Level } from "../coefficients.ts";

/** The levels of consistency sampling. */
export const CONSISTENCY_LEVELS = {
  ts: {
    kind: "text",
    default: undefined,
    value: "0,22,39",
    help: "places of the levels on the grid of --grid levels, the last one where the run ends, instead of --steps",
  } as Parameter<string | undefined>,
  grid: integer(
    40,
    { min: 2, max: 10000 },
    "levels of the grid that --ts counts, those of the training (EDM and distilled 40, trained 151 or 201)",
  ) as Parameter<number>,
  ...KARRAS_LEVELS,
};

/** Options of the levels. */
export type ConsistencyLevelOptions = ValuesOf<typeof CONSISTENCY_LEVELS> & {
  /** Number of evaluations, where no places are given. */
  readonly steps: number;
};

/** A step: the level of the evaluation, and what the image becomes. */
export interface ConsistencyPlace extends Level {
  /** Weight of the image in the next state. */
  readonly xtFromX0: number;
  /** Weight of fresh noise. */
  readonly xtFromNoise: number;
}

/** How many evaluations a run takes. */
export function consistencyCalls({ ts, grid, steps }: ConsistencyLevelOptions): number {
  return ts === undefined ? steps : placesOf(ts, grid).length - 1;
}

/**
 * The steps of a run, x_hat' = x0 + sqrt(sigma'^2 - sigmaMin^2) z, in states x_vp; the last state is the image itself,
 * with noise where the run does not end at sigmaMin.
 * @throws {RangeError} if the places are no ascending integers on the grid
 */
export function consistencyPlaces(options: ConsistencyLevelOptions, range: NoiseRange): readonly ConsistencyPlace[] {
  const { ts, grid, steps } = options;
  const whole = karrasGrid(ts === undefined ? steps + 1 : grid, range);
  const sigmas = ts === undefined ? whole : placesOf(ts, grid).map((place) => whole[place]!);
  return sigmas.slice(0, -1).map((sigma, k, { length }) => {
    const to = sigmas[k + 1]!;
    const scale = k === length - 1 ? 1 : Math.sqrt(alphaBarOf(to));
    return {
      ...levelAt(k, sigma, to),
      xtFromX0: scale,
      xtFromNoise: scale * Math.sqrt(to ** 2 - range.sigmaMin ** 2),
    };
  });
}

function placesOf(ts: string, grid: number): readonly number[] {
  const places = ts.split(",").map((word) => word.trim() === "" ? NaN : Number(word));
  const isRising = places.every((place, k) =>
    Number.isInteger(place) && place >= 0 && (k === 0 || place > places[k - 1]!)
  );
  if (isRising && places.length > 1 && places.at(-1)! < grid) return places;
  throw new RangeError(
    `Cannot place levels of consistency sampling: ts is "${ts}", at least two ascending integers within 0..${
      grid - 1
    } ` +
      'with commas between them are needed, such as "0,22,39"',
  );
}
