/**
 * Second implementation of sampling over noise levels, in states x = x0 + sigma eps without scale: Karras et al. 2022,
 * algorithm 2, Euler steps with and without fresh noise, and multistep consistency sampling (Song et al. 2023).
 */
import { clamped, difference, sum, type Vector } from "./plain_arrays.ts";

/** What is sampled. */
export interface LevelSampling {
  /** eps of the state x/sqrt(1 + sigma^2) at call n. */
  readonly eps: (x: Vector, call: number) => Vector;
  /** The draw of a name. */
  readonly z: (name: string) => Vector;
  /** Whether denoised images are clamped. */
  readonly clip: boolean;
  /** What replaces a denoised image. */
  readonly edit?: (x0: Vector) => Vector;
}

/** A state of a run, without scale, at the noise level that the step has reached. */
export interface LevelState {
  readonly x0: Vector;
  readonly x: Vector;
  readonly sigma: number;
}

/** Levels evenly in sigma^(1/rho), and 0. */
export function grid(count: number, least: number, most: number, rho: number): readonly number[] {
  const root = (sigma: number): number => Math.exp(Math.log(sigma) / rho);
  const levels = Array.from(
    { length: count },
    (_, i) => count === 1 ? most : Math.pow(root(most) * (1 - i / (count - 1)) + root(least) * i / (count - 1), rho),
  );
  return [...levels, 0];
}

function denoise({ eps, clip }: LevelSampling, x: Vector, sigma: number, call: number): Vector {
  const scaled = x.map((value) => value / Math.sqrt(1 + sigma * sigma));
  const x0 = difference(x, eps(scaled, call).map((value) => sigma * value));
  return clip ? clamped(x0) : x0;
}

/** Fresh noise of a run of the second order. */
export interface Churn {
  readonly amount: number;
  readonly least: number;
  readonly most: number;
  readonly deviation: number;
}

/** The level that a step is evaluated at after its fresh noise. */
export function churnedLevel(sigma: number, steps: number, { amount, least, most }: Churn): number {
  const isWithin = least <= sigma && sigma <= most;
  return isWithin ? sigma * (1 + Math.min(amount / steps, Math.sqrt(2) - 1)) : sigma;
}

/** The level of the second evaluation. */
export function secondLevel(form: "heun" | "midpoint", from: number, to: number): number {
  return form === "heun" ? to : Math.pow((Math.pow(from, 1 / 3) + Math.pow(to, 1 / 3)) / 2, 3);
}

/** Heun's method or the midpoint method. */
export function* secondOrder(
  sampling: LevelSampling,
  sigmas: readonly number[],
  form: "heun" | "midpoint",
  churn: Churn,
): Generator<LevelState> {
  let x: Vector = sampling.z("start").map((value) => sigmas[0]! * value);
  let call = 0;
  for (let i = 0; i + 1 < sigmas.length; i++) {
    const [sigma, to] = [sigmas[i]!, sigmas[i + 1]!];
    const from = churnedLevel(sigma, sigmas.length - 1, churn);
    if (from > sigma) {
      x = sum([1, x], [churn.deviation * Math.sqrt(from * from - sigma * sigma), sampling.z(`gen.${i}`)]);
    }
    let x0 = denoise(sampling, x, from, call++);
    const slope = difference(x, x0).map((value) => value / from);
    const middle = secondLevel(form, from, to);
    const there = sum([1, x], [middle - from, slope]);
    if (middle === 0) {
      x = there;
    } else {
      x0 = denoise(sampling, there, middle, call++);
      const second = difference(there, x0).map((value) => value / middle);
      const [a, b] = form === "heun" ? [0.5, 0.5] : [0, 1];
      x = sum([1, x], [a * (to - from), slope], [b * (to - from), second]);
    }
    yield { x0, x, sigma: to };
  }
}

/** Euler's method; with `ancestral` each step goes a little too far down, and noise makes up for it. */
export function* firstOrder(
  sampling: LevelSampling,
  sigmas: readonly number[],
  ancestral: boolean,
): Generator<LevelState> {
  let x: Vector = sampling.z("start").map((value) => sigmas[0]! * value);
  for (let i = 0; i + 1 < sigmas.length; i++) {
    const [from, to] = [sigmas[i]!, sigmas[i + 1]!];
    const x0 = denoise(sampling, x, from, i);
    const up = ancestral ? Math.sqrt(to ** 2 * (from ** 2 - to ** 2) / from ** 2) : 0;
    const down = Math.sqrt(to ** 2 - up ** 2);
    x = sum([1, x], [(down - from) / from, difference(x, x0)], [up, sampling.z(`gen.${i}`)]);
    yield { x0, x, sigma: to };
  }
}

/** Multistep consistency sampling over levels, the last of which is where it ends. */
export function* multistep(
  sampling: LevelSampling,
  sigmas: readonly number[],
  { least, start, draw }: {
    readonly least: number;
    readonly start: string;
    readonly draw: (step: number) => string;
  },
): Generator<LevelState> {
  let x: Vector = sampling.z(start).map((value) => sigmas[0]! * value);
  for (let i = 0; i + 1 < sigmas.length; i++) {
    const denoised = denoise(sampling, x, sigmas[i]!, i);
    const x0 = sampling.edit ? sampling.edit(denoised) : denoised;
    const weight = Math.sqrt(Math.max(0, sigmas[i + 1]! ** 2 - least ** 2));
    x = sum([1, x0], [weight, sampling.z(draw(i))]);
    // What the last step makes is the image.
    yield { x0, x, sigma: i + 2 === sigmas.length ? 0 : sigmas[i + 1]! };
  }
}

/** Euler's method along straight paths (1 - t) x0 + t eps. */
export function* straight(sampling: LevelSampling, times: readonly number[]): Generator<LevelState> {
  let x: Vector = sampling.z("start").map((value) => value * Math.hypot(times[0]!, 1 - times[0]!));
  for (let i = 0; i + 1 < times.length; i++) {
    const [t, to] = [times[i]!, times[i + 1]!];
    sampling.z(`gen.${i}`);
    const scaled = x.map((value) => value / Math.hypot(t, 1 - t));
    const eps = sampling.eps(scaled, i);
    const x0 = sum([1 / (1 - t), x], [-t / (1 - t), eps]);
    x = sum([1, x], [to - t, difference(eps, x0)]);
    yield { x0, x: x.map((value) => value / (1 - to)), sigma: to / (1 - to) };
  }
}
