/**
 * Noise schedules of the variance-preserving diffusion x_t = sqrt(alphaBar_t) x_0 + sqrt(1 - alphaBar_t) z, in f64
 * (Ho et al. 2020; Nichol and Dhariwal 2021; respacing as in guided-diffusion's SpacedDiffusion).
 */

/**
 * How beta grows: evenly (`linear`), so that alphaBar follows a squared cosine (`cosine`), with an even root
 * (`scaled_linear`), or along a logistic curve (`sigmoid`).
 */
export const BETA_CURVES = ["linear", "cosine", "scaled_linear", "sigmoid"] as const;

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

/** The first and the last beta of a curve that grows between them. */
export interface BetaRange {
  /** Above 0. */
  readonly first: number;
  /** Below 1. */
  readonly last: number;
}

/** The ends that Ho et al. 2020 publish for 1000 steps. */
const PUBLISHED_RANGE: BetaRange = { first: 1e-4, last: 0.02 };

/** Half the width of the logistic curve's arguments. */
const SIGMOID_END = 6;

/**
 * The schedule of a training process.
 *
 * linear: evenly spaced (Ho et al. 2020, section 4);
 * cosine: beta_t = min(1 - g((t + 1) / T) / g(t / T), 0.999), g(u) = cos^2((u + 0.008) / 1.008 * pi / 2)
 * (Nichol and Dhariwal 2021, eq. 17);
 * scaled_linear: the squares of evenly spaced roots (Rombach et al. 2022);
 * sigmoid: first + (last - first) / (1 + exp(-s)) with s evenly from -6 to 6 (Xu et al., GeoDiff, ICLR 2022).
 * @param curve how beta grows
 * @param steps number T of training timesteps, a positive integer
 * @param range ends of beta, which cosine does not read; by default those published for 1000 steps times 1000 / steps,
 * so that linear needs more than 20 steps
 * @throws {RangeError} if `steps` is not such a number, or beta is not between 0 and 1
 */
export function noiseSchedule(curve: BetaCurve, steps = 1000, range?: BetaRange): NoiseSchedule {
  const least = curve === "cosine" ? 1 : range ? 2 : 21;
  if (!Number.isSafeInteger(steps) || steps < least) {
    throw new RangeError(
      `Cannot make a ${curve} noise schedule of ${steps} steps: a whole number of at least ${least} is needed`,
    );
  }
  if (curve === "cosine") return scheduleFromBetas(cosineBetas(steps));
  const { first, last } = range ??
    { first: PUBLISHED_RANGE.first * 1000 / steps, last: PUBLISHED_RANGE.last * 1000 / steps };
  if (curve === "linear") return scheduleFromBetas(evenlySpaced(first, last, steps));
  if (curve === "scaled_linear") {
    return scheduleFromBetas(evenlySpaced(Math.sqrt(first), Math.sqrt(last), steps).map((root) => root * root));
  }
  const logistic = (s: number): number => first + (last - first) / (1 + Math.exp(-s));
  return scheduleFromBetas(evenlySpaced(-SIGMOID_END, SIGMOID_END, steps).map(logistic));
}

function evenlySpaced(first: number, last: number, count: number): Float64Array {
  const stride = (last - first) / (count - 1);
  return Float64Array.from({ length: count }, (_, k) => k === count - 1 ? last : first + k * stride);
}

function cosineBetas(steps: number): Float64Array {
  const g = (u: number): number => Math.cos((u + 0.008) / 1.008 * Math.PI / 2) ** 2;
  return Float64Array.from(
    { length: steps },
    (_, t) => Math.min(1 - g((t + 1) / steps) / g(t / steps), LARGEST_COSINE_BETA),
  );
}

/**
 * The schedule that ends at pure noise: sqrt(alphaBar) is shifted to 0 at the last step and scaled so that the first stays
 * (Lin et al., Common Diffusion Noise Schedules and Sample Steps are Flawed, WACV 2024, algorithm 1).
 * @param schedule of at least two steps
 */
export function zeroTerminalSnr({ alphaBar, timesteps }: NoiseSchedule): NoiseSchedule {
  const roots = alphaBar.map(Math.sqrt);
  const [first, last] = [roots[0]!, roots.at(-1)!];
  const moved = roots.map((root) => ((root - last) * first / (first - last)) ** 2);
  return scheduleFromBetas(moved.map((value, k) => 1 - value / (moved[k - 1] ?? 1)), timesteps);
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
