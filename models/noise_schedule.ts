/**
 * Noise schedules of the variance-preserving diffusion x_t = sqrt(alphaBar_t) x_0 + sqrt(1 - alphaBar_t) z, in f64
 * (Ho et al. 2020; Nichol and Dhariwal 2021; respacing as in guided-diffusion's SpacedDiffusion).
 */

/** How beta grows: evenly (`linear`), or so that alphaBar follows a squared cosine (`cosine`). */
export const BETA_CURVES = ["linear", "cosine"] as const;

/** One of `BETA_CURVES`. */
export type BetaCurve = typeof BETA_CURVES[number];

/** Tables over the K steps of a process, all indexed 0 (least noise) to K - 1. */
export interface NoiseSchedule {
  /** [K] training timestep that the network is given at each step. */
  readonly timesteps: readonly number[];
  /** [K] beta_k, the variance added in step k. */
  readonly betas: Float64Array;
  /** [K] alphaBar_k = product of 1 - beta up to k. */
  readonly alphaBar: Float64Array;
  /** [K] alphaBar_{k-1}; 1 at k = 0. */
  readonly alphaBarPrev: Float64Array;
  /** [K] alphaBar_{k+1}; 0 at k = K - 1. */
  readonly alphaBarNext: Float64Array;
  /** [K] variance of q(x_{k-1} | x_k, x_0): beta_k (1 - alphaBar_{k-1}) / (1 - alphaBar_k); 0 at k = 0. */
  readonly posteriorVariance: Float64Array;
  /** [K] its logarithm, entry 0 replaced by entry 1 (by log beta_0 where there is no entry 1). */
  readonly posteriorLogVarianceClipped: Float64Array;
  /** [K] coefficient of x_0 in the posterior mean: beta_k sqrt(alphaBar_{k-1}) / (1 - alphaBar_k). */
  readonly posteriorMeanX0: Float64Array;
  /** [K] coefficient of x_k in the posterior mean: (1 - alphaBar_{k-1}) sqrt(1 - beta_k) / (1 - alphaBar_k). */
  readonly posteriorMeanXt: Float64Array;
}

/** Largest beta of the cosine curve, which would otherwise reach 1 at the end. */
const LARGEST_COSINE_BETA = 0.999;

/**
 * Whether a text names a beta curve.
 * @param name any text
 */
export function isBetaCurve(name: unknown): name is BetaCurve {
  return (BETA_CURVES as readonly unknown[]).includes(name);
}

/**
 * The schedule of a training process.
 *
 * linear: beta from 1e-4 to 0.02, both times 1000 / steps, evenly spaced (Ho et al. 2020, section 4);
 * cosine: beta_t = min(1 - g((t + 1) / T) / g(t / T), 0.999), g(u) = cos^2((u + 0.008) / 1.008 * pi / 2)
 * (Nichol and Dhariwal 2021, eq. 17).
 * @param curve how beta grows
 * @param steps number T of training timesteps, a positive integer; linear needs more than 20 so that beta stays below 1
 * @throws {RangeError} if `steps` is not such a number
 */
export function noiseSchedule(curve: BetaCurve, steps = 1000): NoiseSchedule {
  const least = curve === "linear" ? 21 : 1;
  if (!Number.isSafeInteger(steps) || steps < least) {
    throw new RangeError(
      `Cannot make a ${curve} noise schedule of ${steps} steps: a whole number of at least ${least} is needed`,
    );
  }
  return scheduleFromBetas(curve === "linear" ? linearBetas(steps) : cosineBetas(steps));
}

function linearBetas(steps: number): Float64Array {
  const first = 1e-4 * 1000 / steps;
  const last = 0.02 * 1000 / steps;
  const stride = (last - first) / (steps - 1);
  return Float64Array.from({ length: steps }, (_, t) => t === steps - 1 ? last : first + t * stride);
}

function cosineBetas(steps: number): Float64Array {
  const g = (u: number): number => Math.cos((u + 0.008) / 1.008 * Math.PI / 2) ** 2;
  return Float64Array.from(
    { length: steps },
    (_, t) => Math.min(1 - g((t + 1) / steps) / g(t / steps), LARGEST_COSINE_BETA),
  );
}

/**
 * All tables that follow from beta.
 * @param betas [K] variances of the steps, above 0 and at most 1
 * @param timesteps [K] training timestep of each step; 0, 1, ..., K - 1 by default
 * @throws {RangeError} if there is no step, a beta is outside its range, or the lists differ in length
 */
export function scheduleFromBetas(
  betas: Float64Array,
  timesteps: readonly number[] = Array.from(betas.keys()),
): NoiseSchedule {
  const count = betas.length;
  if (count === 0 || timesteps.length !== count) {
    throw new RangeError(
      `Cannot make a noise schedule of ${count} betas and ${timesteps.length} timesteps: ` +
        "equally many are needed, at least one",
    );
  }
  const wrong = betas.findIndex((beta) => !(beta > 0 && beta <= 1));
  if (wrong >= 0) {
    throw new RangeError(
      `Cannot make a noise schedule: beta[${wrong}] is ${betas[wrong]}, a number above 0 and at most 1 is needed`,
    );
  }
  let product = 1;
  const alphaBar = betas.map((beta) => product *= 1 - beta);
  const alphaBarPrev = Float64Array.from([1, ...alphaBar.subarray(0, -1)]);
  const alphaBarNext = Float64Array.from([...alphaBar.subarray(1), 0]);
  const perStep = (value: (beta: number, k: number) => number): Float64Array => betas.map(value);
  const posteriorVariance = perStep((beta, k) => beta * (1 - alphaBarPrev[k]!) / (1 - alphaBar[k]!));
  return {
    timesteps,
    betas,
    alphaBar,
    alphaBarPrev,
    alphaBarNext,
    posteriorVariance,
    posteriorLogVarianceClipped: perStep((beta, k) =>
      Math.log(k > 0 ? posteriorVariance[k]! : posteriorVariance[1] ?? beta)
    ),
    posteriorMeanX0: perStep((beta, k) => beta * Math.sqrt(alphaBarPrev[k]!) / (1 - alphaBar[k]!)),
    posteriorMeanXt: perStep((beta, k) => (1 - alphaBarPrev[k]!) * Math.sqrt(1 - beta) / (1 - alphaBar[k]!)),
  };
}

/**
 * The process that visits only some steps: beta'_i = 1 - alphaBar[tau_i] / alphaBar[tau_{i-1}], so that its alphaBar' is
 * alphaBar at the kept steps, and the network is still given the training timestep (guided-diffusion, SpacedDiffusion).
 * @param schedule the process to thin out
 * @param kept indices tau into `schedule`, strictly increasing, at least one
 * @throws {RangeError} if the indices are not such a list
 */
export function respacedSchedule(schedule: NoiseSchedule, kept: readonly number[]): NoiseSchedule {
  const steps = schedule.alphaBar.length;
  let last = -1;
  for (const tau of kept) {
    if (!Number.isSafeInteger(tau) || tau <= last || tau >= steps) {
      throw new RangeError(
        `Cannot respace a schedule of ${steps} steps: ${tau} follows ${last < 0 ? "the start" : last}, ` +
          `strictly increasing integers from 0 to ${steps - 1} are needed`,
      );
    }
    last = tau;
  }
  const betas = Float64Array.from(kept, (tau, i) => {
    const before = i === 0 ? 1 : schedule.alphaBar[kept[i - 1]!]!;
    return 1 - schedule.alphaBar[tau]! / before;
  });
  return scheduleFromBetas(betas, kept.map((tau) => schedule.timesteps[tau]!));
}
