/** Normal noise of measurements whose standard deviation is drawn for each seed. */
import { draws, type MeasurementNoise } from "../operators/mod.ts";
import { numberOf, type OptionSpec, type OptionValues, UsageError } from "../parameters/mod.ts";
import { NOISE_OPTIONS } from "../restoration/mod.ts";

/** The option of a task that says up to which standard deviation. */
export const SIGMA_MOST = "sigma-y-most";

/** What the option takes. */
export const SIGMA_MOST_OPTION: OptionSpec = {
  kind: "number",
  min: 0,
  max: 10,
  help: "Standard deviation of noise drawn evenly from 0 to this for each seed, values in [-1, 1]",
};

/**
 * The greatest standard deviation that a task draws; undefined if it draws none.
 * @throws {UsageError} if it is given another noise, too
 */
export function sigmaMost(options: OptionValues): number | undefined {
  const most = numberOf(options, SIGMA_MOST);
  if (most === undefined) return undefined;
  const other = Object.keys(NOISE_OPTIONS).find((option) => options[option] !== undefined);
  if (other === undefined) return most;
  throw new UsageError(`--${SIGMA_MOST} and --${other} exclude each other; give one of them`);
}

/** Keeps the draw apart from that of masks, which begins with the seed itself. */
const APART = 0x5f3759df;

/**
 * The standard deviation of a seed, evenly distributed.
 * @param most the greatest, 0 or more
 * @param seed an integer from 0 to 2^32 - 1
 * @returns within 0..most
 */
export function drawnSigma(most: number, seed: number): number {
  return most * draws((seed ^ APART) >>> 0).uniform();
}

/** Noise as a pair of a task and a method has it. */
export interface PairNoise {
  /** Noise that is added to the measurements, where it is not drawn. */
  readonly noise: MeasurementNoise;
  /** Greatest standard deviation of noise that is drawn; undefined if it is not. */
  readonly sigmaMost: number | undefined;
  /** Standard deviation that the method reckons with; undefined: the one that is drawn. */
  readonly sigmaY: number | undefined;
}

/** The noise of a seed, and what the method reckons with. */
export function noiseOf(
  { noise, sigmaMost, sigmaY }: PairNoise,
  seed: number,
): { readonly noise: MeasurementNoise; readonly sigmaY: number } {
  if (sigmaMost === undefined) return { noise, sigmaY: sigmaY ?? 0 };
  const sigma = drawnSigma(sigmaMost, seed);
  return { noise: { kind: "gaussian", sigma }, sigmaY: sigmaY ?? sigma };
}
