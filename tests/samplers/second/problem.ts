/** What the second implementations are given, and the formulas that all of them use. */
import { clamped, type DenseOperator, difference, sum, times, type Vector } from "./plain_arrays.ts";

/** A problem on plain arrays. */
export interface PlainProblem {
  /** abar by training timestep. */
  readonly abar: readonly number[];
  /** Predicted noise; attentions look at what is given, if anything is. */
  readonly eps: (x: Vector, t: number, looks?: readonly Vector[]) => Vector;
  /** What the attentions look at by themselves. */
  readonly looks?: (x: Vector, t: number) => readonly Vector[];
  readonly operator: DenseOperator;
  readonly y: Vector;
  readonly sigmaY: number;
  /** The draw of a name. */
  readonly z: (name: string) => Vector;
}

/** What a step predicts, and where it arrives. */
export interface PlainState {
  readonly x0: Vector;
  readonly xt: Vector;
}

/** x0 = (x - sqrt(1 - abar) eps)/sqrt(abar), in [-1, 1] if `clip`. */
export function predicted(x: Vector, eps: Vector, abar: number, clip: boolean): Vector {
  const x0 = sum([1 / Math.sqrt(abar), x], [-Math.sqrt((1 - abar) / abar), eps]);
  return clip ? clamped(x0) : x0;
}

/** x + lambda A^+(y - A x). */
export function corrected({ operator }: PlainProblem, x: Vector, y: Vector, lambda = 1): Vector {
  return sum([1, x], [lambda, times(operator.pseudoInverse, difference(y, times(operator.a, x)))]);
}

/** sqrt(abar) x0 + sqrt(1 - abar) z. */
export function noised(x0: Vector, abar: number, z: Vector): Vector {
  return sum([Math.sqrt(abar), x0], [Math.sqrt(1 - abar), z]);
}
