/** Guess & Guide against a second implementation on dense matrices, state by state. */
import { compare, PAIRS } from "./harness.ts";
import { difference, norm, sum, times, transposed, type Vector } from "./plain_arrays.ts";
import { noised, type PlainProblem, type PlainState, predicted } from "./problem.ts";
import { LINEAR, MILD, places, spaced } from "./schedule.ts";

interface Parameters {
  readonly t0: number;
  readonly guesses: number;
  readonly steps: number;
  readonly dataSteps: number;
  readonly clipDenoised: boolean;
}

function inner(x: Vector, y: Vector): number {
  return x.reduce((total, value, i) => total + value * y[i]!, 0);
}

/**
 * From x along directions whose images are at right angles, each as far as |y - A u| falls and no further than to the
 * given length, which is found by halving. y is taken into the range of A.
 */
function explained(
  { operator: { a, pseudoInverse, s }, y, sigmaY }: PlainProblem,
  x: Vector,
  steps: number,
): Vector {
  const goal = sigmaY * Math.sqrt(s.filter((value) => value > 1e-6).length);
  const reachable = times(a, times(pseudoInverse, y));
  const missing = (u: Vector): Vector => difference(reachable, times(a, u));
  let [u, before]: [Vector, Vector | undefined] = [x, undefined];
  for (let k = 0; k < steps; k++) {
    const slope = times(transposed(a), missing(u));
    if (norm(missing(u)) <= goal * (1 + 1e-9) || norm(slope) < 1e-9) return u;
    const seen = before && times(a, before);
    const direction: Vector = before && seen
      ? sum([1, slope], [-inner(times(a, slope), seen) / inner(seen, seen), before])
      : slope;
    const image = times(a, direction);
    const longest = inner(missing(u), image) / inner(image, image);
    const at = (length: number): Vector => sum([1, u], [length, direction]);
    let [low, high] = [0, longest];
    if (norm(missing(at(longest))) < goal) {
      for (let halving = 0; halving < 60; halving++) {
        const middle = (low + high) / 2;
        if (norm(missing(at(middle))) < goal) high = middle;
        else low = middle;
      }
    }
    [u, before] = [at(high), direction];
  }
  return u;
}

function* guessAndGuide(
  problem: PlainProblem,
  { t0, guesses, steps, dataSteps, clipDenoised }: Parameters,
): Generator<PlainState> {
  const { abar, operator, y, eps, z } = problem;
  const down = places(abar, spaced(t0, steps)).toReversed();
  let x = noised(times(operator.pseudoInverse, y), down[0]!.abar, z("xT"));
  for (let k = 0; k < guesses + steps; k++) {
    const { t, abar: here, below } = down[Math.max(0, k - guesses)]!;
    const next = k < guesses ? here : below;
    const image = predicted(x, eps(x, t), here, clipDenoised);
    const x0 = Math.sqrt(1 - next) >= problem.sigmaY * Math.sqrt(next) ? explained(problem, image, dataSteps) : image;
    x = noised(x0, next, z(String(k)));
    yield { x0, xt: x };
  }
}

Deno.test("guess_and_guide makes the states of the published rounds, exact and noisy", async () => {
  for (const pair of PAIRS) {
    for (const sigmaY of [0, 0.05, 0.2]) {
      for (const dataSteps of [1, 3]) {
        const options = { t0: 80, guesses: 2, steps: 4, dataSteps, clipDenoised: dataSteps === 1 };
        await compare("guess_and_guide", options, { pair, abar: MILD, sigmaY }, guessAndGuide);
      }
    }
  }
});

Deno.test("guess_and_guide makes the same states without a guess, on the schedule of 1000 steps", async () => {
  const options = { t0: 400, guesses: 0, steps: 10, dataSteps: 2, clipDenoised: true };
  await compare("guess_and_guide", options, { pair: PAIRS[3]!, abar: LINEAR, sigmaY: 0.1 }, guessAndGuide);
});
