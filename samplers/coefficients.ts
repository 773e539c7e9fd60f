/**
 * Coefficients of sampler steps, in f64, from the cumulative products alphaBar of a variance-preserving diffusion.
 * Timesteps count from 0, the least noisy state: x_t = sqrt(alphaBar_t) x0 + sqrt(1 - alphaBar_t) z.
 */

/** One timestep that a respaced process keeps. */
export interface Level {
  /** Training timestep, the number that the network is given. */
  readonly timestep: number;
  /** alphaBar at this timestep. */
  readonly alphaBar: number;
  /** alphaBar at the kept timestep before it, the next less noisy one; 1 for the first. */
  readonly alphaBarPrevious: number;
  /** beta' = 1 - alphaBar/alphaBarPrevious of the respaced process. */
  readonly beta: number;
}

/** Weights of x0 = x0FromXt x_t + x0FromEps eps. */
export interface PredictionCoefficients {
  /** Weight of x_t. */
  readonly x0FromXt: number;
  /** Weight of eps. */
  readonly x0FromEps: number;
}

/** Weights of the next state = xtFromX0 x0 + xtFromEps eps + xtFromNoise z. */
export interface UpdateCoefficients {
  /** Weight of the predicted image. */
  readonly xtFromX0: number;
  /** Weight of the predicted noise. */
  readonly xtFromEps: number;
  /** Weight of fresh noise z. */
  readonly xtFromNoise: number;
}

/** How an image becomes a noisy state: Distortion Adaptive (Eq. 11), DDIM, or DDPM inversion (Eq. 10). */
export type InversionVariant = "da" | "ddim" | "ddpm";

/** The variants by name. */
export const INVERSION_VARIANTS: readonly InversionVariant[] = ["da", "ddim", "ddpm"];

/**
 * The process that visits only the given timesteps: alphaBar is kept, beta' = 1 - alphaBar'_i/alphaBar'_{i-1}.
 * @param alphaBar [T] indexed by training timestep
 * @param timesteps ascending, each within 0..T - 1
 * @throws {RangeError} if the timesteps do not ascend or leave the schedule
 */
export function respace(alphaBar: Float64Array, timesteps: readonly number[]): readonly Level[] {
  let previous = { timestep: -1, alphaBar: 1 };
  return timesteps.map((timestep) => {
    const value = alphaBar[timestep];
    if (value === undefined || timestep <= previous.timestep) {
      throw new RangeError(
        `Cannot respace a schedule: timestep ${timestep} follows ${previous.timestep}, ascending integers within ` +
          `0..${alphaBar.length - 1} are needed`,
      );
    }
    const level = {
      timestep,
      alphaBar: value,
      alphaBarPrevious: previous.alphaBar,
      beta: 1 - value / previous.alphaBar,
    };
    previous = level;
    return level;
  });
}

/** Noise of a state in units of its image: sigma = sqrt((1 - alphaBar)/alphaBar), infinite at alphaBar 0. */
export function sigmaOf(alphaBar: number): number {
  return Math.sqrt((1 - alphaBar) / alphaBar);
}

/** x0 = sqrt(1/alphaBar) x_t - sqrt(1/alphaBar - 1) eps. */
export function predictionCoefficients({ alphaBar }: Pick<Level, "alphaBar">): PredictionCoefficients {
  return { x0FromXt: Math.sqrt(1 / alphaBar), x0FromEps: -Math.sqrt(1 / alphaBar - 1) };
}

/**
 * One step towards more noise, to `next` = the following level of the list:
 * - da: sqrt(alphaBar) x0 + sqrt(1 - alphaBar - eta beta') eps + sqrt(eta beta') z; eta = 1 is the forward process
 * - ddim: the same with eta = 0
 * - ddpm: sqrt(alphaBar) x0 + sqrt(1 - alphaBar) z
 * with alphaBar and beta' of `next`.
 * @param eta share of fresh noise, 0..1; read by "da" only
 */
export function inversionCoefficients(next: Level, variant: InversionVariant, eta: number): UpdateCoefficients {
  const variance = 1 - next.alphaBar;
  const fresh = { da: eta * next.beta, ddim: 0, ddpm: variance }[variant];
  return {
    xtFromX0: Math.sqrt(next.alphaBar),
    xtFromEps: Math.sqrt(variance - fresh),
    xtFromNoise: Math.sqrt(fresh),
  };
}

/**
 * One step down from a level: sqrt(a) x0 + sqrt(1 - a) (sqrt(1 - eta^2) eps + eta z) with a = alphaBarPrevious.
 * This eta mixes directly (as in DDNM and SSD); the eta of DDIM scales the posterior deviation instead.
 * @param eta share of fresh noise, 0..1; at 1 eps is discarded
 */
export function etaMixCoefficients({ alphaBarPrevious }: Level, eta: number): UpdateCoefficients {
  const sigma = Math.sqrt(1 - alphaBarPrevious);
  return {
    xtFromX0: Math.sqrt(alphaBarPrevious),
    xtFromEps: Math.sqrt(1 - eta * eta) * sigma,
    xtFromNoise: eta * sigma,
  };
}

/**
 * One DDPM step down from a level, written with eps: sqrt(a) x0 + sqrt(1 - a - s^2) eps + s z with
 * a = alphaBarPrevious and the posterior variance s^2 = (1 - a)/(1 - alphaBar) (1 - alphaBar/a).
 */
export function ddpmCoefficients({ alphaBar, alphaBarPrevious }: Level): UpdateCoefficients {
  const variance = (1 - alphaBarPrevious) / (1 - alphaBar) * (1 - alphaBar / alphaBarPrevious);
  return {
    xtFromX0: Math.sqrt(alphaBarPrevious),
    xtFromEps: Math.sqrt(1 - alphaBarPrevious - variance),
    xtFromNoise: Math.sqrt(variance),
  };
}
