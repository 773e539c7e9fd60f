/**
 * Levels in the time of a variance-preserving process with beta(t) = d t + b, t from 0 to 1, and Euler's and Maruyama's
 * steps between them: dx = -beta x/2 dt - beta score dt + sqrt(beta) dw, time running back (Song et al., Score-Based
 * Generative Modeling through Stochastic Differential Equations, ICLR 2021).
 */
import type { Level } from "../../coefficients.ts";
import { levelAt } from "../../steps/noise_levels.ts";

/** The least time at which levels lie; below it only what a list ends with. */
const LEAST_TIME = 1e-3;

/** A process. */
export interface VpProcess {
  /** beta(t), the rate at which noise comes in. */
  beta(t: number): number;
  /** The noise level sigma at a time. */
  sigma(t: number): number;
  /** The time of a noise level. */
  time(sigma: number): number;
}

/** The process with given noise levels at the times 0.001 and 1. */
export function vpProcess({ sigmaMin, sigmaMax }: Readonly<Record<"sigmaMin" | "sigmaMax", number>>): VpProcess {
  const [least, most] = [Math.log1p(sigmaMin ** 2), Math.log1p(sigmaMax ** 2)];
  const d = 2 * (least / LEAST_TIME - most) / (LEAST_TIME - 1);
  const b = most - d / 2;
  return {
    beta: (t) => d * t + b,
    sigma: (t) => Math.sqrt(Math.expm1(d * t * t / 2 + b * t)),
    time: (sigma) => (Math.sqrt(b * b + 2 * d * Math.log1p(sigma * sigma)) - b) / d,
  };
}

/** The times of levels, evenly from 1 down to 0.001. */
export function vpTimes(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => 1 + i / (count - 1) * (LEAST_TIME - 1));
}

/** A level with the weights of the step from it: fromXt x_t + fromX0 x0 + fromNoise z. */
export interface DriftLevel extends Level {
  readonly fromXt: number;
  readonly fromX0: number;
  readonly fromNoise: number;
}

/**
 * The steps between the times of a list; the last one leads to the time that `end` says, 0 for the image.
 * @param times from the noisiest down
 * @param isFlow whether it is the probability flow, half the score and no noise
 */
export function driftLevels(
  process: VpProcess,
  times: readonly number[],
  { end, isFlow = false }: { readonly end: number; readonly isFlow?: boolean },
): readonly DriftLevel[] {
  return times.map((t, i) => {
    const to = times[i + 1] ?? end;
    const sigma = process.sigma(t);
    const level = levelAt(i, sigma, to === 0 ? 0 : process.sigma(to));
    const elapsed = (t - to) * process.beta(t);
    // The score is (s x0 - x_t)/(1 - s^2) with s^2 = alphaBar.
    const pull = (isFlow ? 0.5 : 1) * elapsed / (1 - level.alphaBar);
    return {
      ...level,
      fromXt: 1 + elapsed / 2 - pull,
      fromX0: pull * Math.sqrt(level.alphaBar),
      fromNoise: isFlow || to === 0 ? 0 : Math.sqrt(elapsed),
    };
  });
}
