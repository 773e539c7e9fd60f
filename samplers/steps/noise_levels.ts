/**
 * Lists of noise levels that samplers make themselves, from the noisiest down. A level is its sigma, the noise of a state
 * x_hat = x0 + sigma eps in units of the image; states of runs are x_vp = sqrt(alphaBar) x_hat with
 * alphaBar = 1/(1 + sigma^2), as everywhere.
 */
import type { NoiseModel } from "../../models/mod.ts";
import { number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { type Level, sigmaOf } from "../coefficients.ts";

/** alphaBar = 1/(1 + sigma^2), 0 where sigma is infinite. */
export function alphaBarOf(sigma: number): number {
  return 1 / (1 + sigma * sigma);
}

/** Noise levels of EDM networks (Karras et al. 2022, table 1), where a network says nothing finite of its own. */
const EDM_RANGE = [0.002, 80] as const;

/** The range of noise levels that a run goes through, and how they are spread. */
export const KARRAS_LEVELS = {
  sigmaMin: number(
    undefined,
    { min: 1e-6 },
    "least noise level sigma (that of the network's training; 0.002 where that is 0)",
  ) as Parameter<number | undefined>,
  sigmaMax: number(
    undefined,
    { min: 1e-6, max: 1e6 },
    "greatest noise level sigma (that of the network's training; 80 where that is infinite)",
  ) as Parameter<number | undefined>,
  rho: number(7, { min: 1e-9 }, "levels lie evenly in sigma^(1/rho)") as Parameter<number>,
};

/** A range of noise levels with its spread. */
export interface NoiseRange {
  /** Least sigma. */
  readonly sigmaMin: number;
  /** Greatest sigma. */
  readonly sigmaMax: number;
  /** Levels lie evenly in sigma^(1/rho). */
  readonly rho: number;
}

/** The noise levels that a model was trained for; those of its list, where it is no network. */
export function trainedRange({ process, alphaBar }: NoiseModel): readonly [least: number, greatest: number] {
  return process?.range ?? [sigmaOf(Math.max(...alphaBar)), sigmaOf(Math.min(...alphaBar))];
}

/**
 * The range of a run: what is given, and what the network was trained for.
 * @param sampler name for the message
 * @throws {RangeError} if it does not go up
 */
export function noiseRange(
  sampler: string,
  model: NoiseModel,
  { sigmaMin, sigmaMax, rho }: ValuesOf<typeof KARRAS_LEVELS>,
): NoiseRange {
  const [least, greatest] = trainedRange(model);
  const range = {
    sigmaMin: sigmaMin ?? (least > 0 ? least : EDM_RANGE[0]),
    sigmaMax: sigmaMax ?? (greatest < Infinity ? greatest : EDM_RANGE[1]),
    rho,
  };
  if (range.sigmaMin < range.sigmaMax) return range;
  throw new RangeError(
    `Cannot run ${sampler}: its noise levels go from sigmaMin ${range.sigmaMin} to sigmaMax ${range.sigmaMax}, a ` +
      "greater sigmaMax is needed",
  );
}

/**
 * The grid of Karras et al. (2022, eq. 5): sigma_i = (sigmaMax^(1/rho) + i/(n-1) (sigmaMin^(1/rho) - sigmaMax^(1/rho)))^rho.
 * @param count number of levels n, at least 1
 * @returns n levels from sigmaMax down to sigmaMin; of one level sigmaMax
 */
export function karrasGrid(count: number, { sigmaMin, sigmaMax, rho }: NoiseRange): readonly number[] {
  const [high, low] = [sigmaMax ** (1 / rho), sigmaMin ** (1 / rho)];
  return Array.from({ length: count }, (_, i) => {
    // The ends are exact, which powers and roots are not.
    if (i === 0) return sigmaMax;
    return i === count - 1 ? sigmaMin : (high + i / (count - 1) * (low - high)) ** rho;
  });
}

/**
 * The levels of the calls of a network one after the other: level i is the i-th of the list, and leads to the next.
 * @param sigmas from the noisiest down, also infinite; the last one is where the last step arrives, 0 for the image
 */
export function levelsDown(sigmas: readonly number[]): readonly Level[] {
  return sigmas.slice(0, -1).map((sigma, timestep) => levelAt(timestep, sigma, sigmas[timestep + 1]!));
}

/** The level of a step from one sigma to another, at a place of the list. */
export function levelAt(timestep: number, from: number, to: number): Level {
  const [alphaBar, alphaBarPrevious] = [alphaBarOf(from), alphaBarOf(to)];
  return { timestep, alphaBar, alphaBarPrevious, beta: 1 - alphaBar / alphaBarPrevious };
}

/**
 * The model over the levels of a run, whose timesteps are places in it.
 * @param sampler name for the message
 * @param levels alphaBar of each call of the network
 * @throws {TypeError} if the model knows its own levels only
 */
export function overLevels(sampler: string, model: NoiseModel, levels: readonly number[]): NoiseModel {
  if (model.withLevels) return model.withLevels(Float64Array.from(levels));
  throw new TypeError(
    `Cannot run ${sampler}: it makes its list of noise levels itself, the model knows its own ` +
      `${model.alphaBar.length} levels only; a model with withLevels is needed, such as that of a network`,
  );
}
