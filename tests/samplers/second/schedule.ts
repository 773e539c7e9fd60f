/** Second implementation of noise schedules and of the lists of kept timesteps. */

/** The running products of 1 - beta. */
export function cumulative(betas: readonly number[]): readonly number[] {
  let running = 1;
  return betas.map((beta) => running *= 1 - beta);
}

/** The linear schedule of 1000 training steps. */
export const LINEAR: readonly number[] = cumulative(
  Array.from({ length: 1000 }, (_, t) => 1e-4 + (0.02 - 1e-4) * t / 999),
);

/** A schedule of 200 steps whose noisiest state still shows the image: abar goes down to 0.014. */
export const MILD: readonly number[] = cumulative(
  Array.from({ length: 200 }, (_, t) => 3e-3 + (0.04 - 3e-3) * t / 199),
);

/** The nearest integer; of two equally near the even one. */
export function halfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}

/** count timesteps from 0 to end - 1, the positions a running sum; equal ones once. */
export function spaced(end: number, count: number): readonly number[] {
  const stride = (end - 1) / (count - 1);
  const kept = new Set<number>();
  let position = 0;
  for (let k = 0; k < count; k++) {
    kept.add(halfToEven(position));
    position += stride;
  }
  return [...kept];
}

/** 0, skip, 2 skip, ...: `steps` of them with skip = floor(T / steps). */
export function ddnmList(T: number, steps: number): readonly number[] {
  return Array.from({ length: steps }, (_, i) => i * Math.floor(T / steps));
}

/** range(0, T, floor(T / steps)). */
export function strideList(T: number, steps: number): readonly number[] {
  const list: number[] = [];
  for (let t = 0; t < T; t += Math.floor(T / steps)) list.push(t);
  return list;
}

/** What the process that keeps some timesteps has at place i of its list. */
export interface Place {
  readonly t: number;
  readonly abar: number;
  /** abar of the place below; 1 below the first. */
  readonly below: number;
  readonly beta: number;
  /** The mean of the posterior is c1 x0 + c2 x. */
  readonly c1: number;
  readonly c2: number;
  /** Its variance, 0 at place 0. */
  readonly small: number;
  /** The logarithm of it, at place 0 that of place 1. */
  readonly clippedLog: number;
}

/** The respaced process. */
export function places(abar: ArrayLike<number>, list: readonly number[]): readonly Place[] {
  const variance = (i: number): number => {
    const [here, below] = [abar[list[i]!]!, i === 0 ? 1 : abar[list[i - 1]!]!];
    return (1 - here / below) * (1 - below) / (1 - here);
  };
  return list.map((t, i) => {
    const [here, below] = [abar[t]!, i === 0 ? 1 : abar[list[i - 1]!]!];
    const beta = 1 - here / below;
    return {
      t,
      abar: here,
      below,
      beta,
      c1: beta * Math.sqrt(below) / (1 - here),
      c2: (1 - below) * Math.sqrt(1 - beta) / (1 - here),
      small: variance(i),
      clippedLog: Math.log(variance(Math.max(1, i))),
    };
  });
}

/** One move of a walk over places; -1 is the clean image. */
export interface Jump {
  readonly from: number;
  readonly to: number;
}

/** The walk of RePaint over `count` places, with jumps of `length` places, each stretch `repeat` times. */
export function walk(count: number, length: number, repeat: number): readonly Jump[] {
  const left = Array.from({ length: count }, (_, k) => k % length === 0 && k < count - length ? repeat - 1 : 0);
  const moves: Jump[] = [];
  let t = count - 1;
  while (t >= 0) {
    if (left[t]! > 0) {
      left[t] = left[t]! - 1;
      for (let up = 0; up < length; up++, t++) moves.push({ from: t, to: t + 1 });
    }
    moves.push({ from: t, to: t - 1 });
    t--;
  }
  return moves;
}
