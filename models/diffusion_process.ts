/**
 * What a network was trained to predict, and at which noise levels: one rule for all of its kinds. With an image x0 and
 * noise eps the state of the noise level sigma is x_hat = x0 + sigma eps, and the network F gives
 *
 *     x0 = c_skip x_hat + c_out F(c_in x_hat, c_noise)
 *
 * (Karras et al., Elucidating the Design Space of Diffusion-Based Generative Models, NeurIPS 2022, eq. 7). Samplers hold
 * x_vp = sqrt(alphaBar) x_hat with alphaBar = 1/(1 + sigma^2); the weights here are those for it.
 */
import { type NoiseSchedule, noiseSchedule } from "./noise_schedule.ts";

/**
 * What networks predict: the noise (`epsilon`), v = sqrt(alphaBar) eps - sqrt(1 - alphaBar) x0 (`v_prediction`) or the
 * image (`sample`) of a variance-preserving process; minus the noise of a state without scale (`ve`); the preconditioned
 * image of Karras et al. (`edm`) or of a consistency model (`consistency`); the velocity eps - x0 of a straight path from
 * the image at t = 0 to noise at t = 1 (`flow`).
 */
export const PREDICTION_TYPES = ["epsilon", "v_prediction", "sample", "ve", "edm", "consistency", "flow"] as const;

/** One of `PREDICTION_TYPES`. */
export type PredictionType = typeof PREDICTION_TYPES[number];

/** The types that are trained on a list of timesteps. */
const VARIANCE_PRESERVING: readonly PredictionType[] = ["epsilon", "v_prediction", "sample"];

/**
 * Whether networks of a type are trained on a list of timesteps of a variance-preserving process; others are told the
 * noise level itself.
 * @param type what they predict
 */
export function isVariancePreserving(type: PredictionType): boolean {
  return VARIANCE_PRESERVING.includes(type);
}

/**
 * How networks for noise levels are told them: 250 ln sigma (`openai`, in the timestep embedding of guided-diffusion), or
 * ln(sigma)/4 (`nvlabs`).
 */
export const NOISE_INPUTS = ["openai", "nvlabs"] as const;

/** Constants of networks that are told the noise level itself. */
export interface NoiseLevelConstants {
  /** Least noise level of the training; default 0.002. */
  readonly sigmaMin?: number;
  /** Greatest noise level of the training; default 80. */
  readonly sigmaMax?: number;
  /** Standard deviation of the images, sigma_data; default 0.5. */
  readonly sigmaData?: number;
  /** How the network is told the noise level; default openai. Flow and VE networks have a form of their own. */
  readonly noiseInput?: typeof NOISE_INPUTS[number];
  /** What the time of a flow network is multiplied by; default 1000. */
  readonly timeScale?: number;
}

/** The weights of one noise level: eps = epsFromXt x_vp + epsFromOutput F and x0 = x0FromXt x_vp + x0FromOutput F. */
export interface OutputWeights {
  /** F is given input x_vp. */
  readonly input: number;
  /** What stands for the level in the timestep embedding, whole or fractional, also negative. */
  readonly noise: number;
  /** Weight of the state in the noise. */
  readonly epsFromXt: number;
  /** Weight of the output in the noise. */
  readonly epsFromOutput: number;
  /** Weight of the state in the image. */
  readonly x0FromXt: number;
  /** Weight of the output in the image. */
  readonly x0FromOutput: number;
}

/** What a network was trained with. */
export interface DiffusionProcess {
  /** What it predicts. */
  readonly predictionType: PredictionType;
  /** The timesteps of its training, where it has a list of them. */
  readonly schedule?: NoiseSchedule;
  /** Least and greatest noise level sigma of its training. */
  readonly range: readonly [number, number];
  /**
   * The weights at a level. Outside the range of the training the network is told its nearest end.
   * @param alphaBar from 0 to below 1
   */
  at(alphaBar: number): OutputWeights;
}

/** sigma = sqrt((1 - alphaBar)/alphaBar), the noise of a state in units of its image; infinite at alphaBar 0. */
export function sigmaOf(alphaBar: number): number {
  return Math.sqrt((1 - alphaBar) / alphaBar);
}

/** alphaBar = 1/(1 + sigma^2), 0 where sigma is infinite. */
export function alphaBarOf(sigma: number): number {
  return 1 / (1 + sigma * sigma);
}

/**
 * The levels that published timesteps count: beta from 1e-4 to 0.02 in 1000 even steps (Ho et al. 2020). Samplers whose
 * options are timesteps go over them, whatever the network was trained with.
 */
export const PUBLISHED_LEVELS: Float64Array = noiseSchedule("linear").alphaBar;

/**
 * The levels that plain sampling goes over, the network's own, and restoration, the published ones.
 * @param of whose they are; a network that has no list goes over the published one
 */
export function levelsOf({ schedule }: DiffusionProcess, of: "published" | "training"): Float64Array {
  return of === "training" && schedule ? schedule.alphaBar : PUBLISHED_LEVELS;
}

/**
 * Whether published timesteps are what a network is told: it was trained on the list that they count.
 * @param process what it was trained with
 */
export function countsPublished({ schedule }: DiffusionProcess): boolean {
  return schedule !== undefined && schedule.alphaBar.length === PUBLISHED_LEVELS.length &&
    schedule.alphaBar.every((value, t) => value === PUBLISHED_LEVELS[t] && schedule.timesteps[t] === t);
}

/**
 * The timestep of a list that stands for a noise level, by linear interpolation between the logarithms of the list's
 * sigma; the ends of the list stand for everything beyond them.
 * @param schedule [K] levels, at least one
 * @param sigma above 0, also infinite
 * @returns whole exactly at the levels of the list
 */
export function timestepOf({ alphaBar, timesteps }: NoiseSchedule, sigma: number): number {
  const last = alphaBar.length - 1;
  if (sigma >= sigmaOf(alphaBar[last]!)) return timesteps[last]!;
  if (sigma <= sigmaOf(alphaBar[0]!)) return timesteps[0]!;
  let [low, high] = [0, last];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sigmaOf(alphaBar[middle]!) <= sigma) low = middle;
    else high = middle;
  }
  const [below, above] = [Math.log(sigmaOf(alphaBar[low]!)), Math.log(sigmaOf(alphaBar[high]!))];
  // The last level may have no image left: everything before it is told by the level below.
  const share = (Math.log(sigma) - below) / (above - below);
  return timesteps[low]! + share * (timesteps[high]! - timesteps[low]!);
}

/**
 * The process of a network that was trained on a list of timesteps.
 * @param schedule the list
 * @param predictionType what it predicts; default the noise
 * @throws {RangeError} if the type is one of the others, or noise is predicted where no image is left
 */
export function listedProcess(schedule: NoiseSchedule, predictionType: PredictionType = "epsilon"): DiffusionProcess {
  const { alphaBar } = schedule;
  if (!isVariancePreserving(predictionType)) {
    throw new RangeError(
      `Cannot make a process of ${predictionType} on a list of timesteps: one of ${
        VARIANCE_PRESERVING.join(", ")
      } is needed`,
    );
  }
  const last = alphaBar.length - 1;
  if (predictionType === "epsilon" && alphaBar[last] === 0) {
    throw new RangeError(
      "Cannot predict noise on this schedule: at its last step nothing is left of the image, which noise says nothing " +
        "about; v_prediction or sample is needed",
    );
  }
  const outputs: (alphaBar: number) => Omit<OutputWeights, "input" | "noise"> = {
    epsilon: (a: number) => ({
      epsFromXt: 0,
      epsFromOutput: 1,
      x0FromXt: Math.sqrt(1 / a),
      x0FromOutput: -Math.sqrt(1 / a - 1),
    }),
    v_prediction: (a: number) => ({
      epsFromXt: Math.sqrt(1 - a),
      epsFromOutput: Math.sqrt(a),
      x0FromXt: Math.sqrt(a),
      x0FromOutput: -Math.sqrt(1 - a),
    }),
    sample: (a: number) => ({
      epsFromXt: 1 / Math.sqrt(1 - a),
      epsFromOutput: -Math.sqrt(a / (1 - a)),
      x0FromXt: 0,
      x0FromOutput: 1,
    }),
  }[predictionType as "epsilon"];
  return {
    predictionType,
    schedule,
    range: [sigmaOf(alphaBar[0]!), sigmaOf(alphaBar[last]!)],
    at: (level) => ({ input: 1, noise: timestepOf(schedule, sigmaOf(level)), ...outputs(level) }),
  };
}

/**
 * The process of a network that is told the noise level itself.
 * @param predictionType ve, edm, consistency or flow
 * @param constants those of its training
 * @throws {RangeError} if the type is one of the others, or a constant is out of range
 */
export function noiseLevelProcess(
  predictionType: PredictionType,
  { sigmaMin = 0.002, sigmaMax = 80, sigmaData = 0.5, noiseInput = "openai", timeScale = 1000 }: NoiseLevelConstants =
    {},
): DiffusionProcess {
  for (const [name, value] of Object.entries({ sigmaMin, sigmaMax, sigmaData, timeScale })) {
    if (!(value > 0 && value < Infinity)) {
      throw new RangeError(`Cannot make a process of noise levels: ${name} is ${value}, a number above 0 is needed`);
    }
  }
  if (sigmaMin >= sigmaMax) {
    throw new RangeError(
      `Cannot make a process of noise levels: they go from ${sigmaMin} to ${sigmaMax}, up is needed`,
    );
  }
  const told = noiseInput === "openai" ? 250 : 1 / 4;
  // A straight path goes all the way from the image to pure noise, which is sigma infinite.
  const range = predictionType === "flow" ? [0, Infinity] as const : [sigmaMin, sigmaMax] as const;
  const inRange = (sigma: number): number => Math.min(Math.max(sigma, range[0]), range[1]);
  const data = sigmaData ** 2;
  const rules: Partial<Record<PredictionType, DiffusionProcess["at"]>> = {
    ve: (a) => ({
      input: 1 / Math.sqrt(a),
      noise: Math.log(inRange(sigmaOf(a)) / 2),
      epsFromXt: 0,
      epsFromOutput: -1,
      x0FromXt: 1 / Math.sqrt(a),
      x0FromOutput: sigmaOf(a),
    }),
    edm(a): OutputWeights {
      const variance = (1 - a) / a;
      return {
        input: 1 / Math.sqrt(1 - a + a * data),
        noise: told * Math.log(inRange(sigmaOf(a))),
        epsFromXt: variance / (variance + data) / Math.sqrt(1 - a),
        epsFromOutput: -sigmaData / Math.sqrt(variance + data),
        x0FromXt: data / (variance + data) / Math.sqrt(a),
        x0FromOutput: sigmaOf(a) * sigmaData / Math.sqrt(variance + data),
      };
    },
    // At sigmaMin it gives the state itself: the boundary condition of Song et al., Consistency Models, ICML 2023.
    consistency(a): OutputWeights {
      const sigma = sigmaOf(a);
      const above = (sigma - sigmaMin) ** 2;
      return {
        input: 1 / Math.sqrt(1 - a + a * data),
        noise: 250 * Math.log(inRange(sigma)),
        epsFromXt: above / (above + data) / Math.sqrt(1 - a),
        epsFromOutput: -(1 - sigmaMin / sigma) * sigmaData / Math.sqrt(sigma ** 2 + data),
        x0FromXt: data / (above + data) / Math.sqrt(a),
        x0FromOutput: (sigma - sigmaMin) * sigmaData / Math.sqrt(sigma ** 2 + data),
      };
    },
    // t = sigma/(1 + sigma), written so that it holds where no image is left.
    flow(a): OutputWeights {
      const [image, noise] = [Math.sqrt(a), Math.sqrt(1 - a)];
      const scale = 1 / (image + noise);
      const t = noise * scale;
      return {
        input: scale,
        noise: timeScale * t,
        epsFromXt: scale,
        epsFromOutput: image * scale,
        x0FromXt: scale,
        x0FromOutput: -t,
      };
    },
  };
  const at = rules[predictionType];
  if (at) return { predictionType, range, at };
  throw new RangeError(
    `Cannot make a process of noise levels of ${predictionType}: one of ${Object.keys(rules).join(", ")} is needed`,
  );
}
