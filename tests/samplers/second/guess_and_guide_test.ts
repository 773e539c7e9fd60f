/** Guess & Guide against a second implementation on dense matrices, state by state. */
import { compare, PAIRS } from "./harness.ts";
import { times, transposed, type Vector } from "./plain_arrays.ts";
import { noised, type PlainProblem, type PlainState, predicted } from "./problem.ts";
import { LINEAR, MILD, places, spaced } from "./schedule.ts";

interface Parameters {
  readonly t0: number;
  readonly guesses: number;
  readonly steps: number;
  readonly clipDenoised: boolean;
}

/** The minimum of |y - A u|^2/sigma^2 + |u - x|^2/r^2, one singular vector after the other. */
function guided({ operator: { u, s, v }, y, sigmaY }: PlainProblem, x: Vector, r: number): Vector {
  const [known, before] = [times(transposed(u), y), times(transposed(v), x)];
  return times(
    v,
    s.map((value, i) => {
      if (value < 1e-6) return before[i]!;
      if (sigmaY === 0) return known[i]! / value;
      const [data, prior] = [value ** 2 / sigmaY ** 2, 1 / r ** 2];
      return (data * known[i]! / value + prior * before[i]!) / (data + prior);
    }),
  );
}

function* guessAndGuide(
  problem: PlainProblem,
  { t0, guesses, steps, clipDenoised }: Parameters,
): Generator<PlainState> {
  const { abar, operator, y, eps, z } = problem;
  let end = 0;
  while (end < t0 - steps && Math.sqrt(1 / abar[end]! - 1) < problem.sigmaY) end++;
  const down = places(abar, spaced(t0 - end, steps).map((t) => t + end)).toReversed();
  let x = noised(times(operator.pseudoInverse, y), down[0]!.abar, z("xT"));
  for (let k = 0; k < guesses + steps; k++) {
    const { t, abar: here, below } = down[Math.max(0, k - guesses)]!;
    const next = k < guesses ? here : below;
    const image = predicted(x, eps(x, t), here, clipDenoised);
    const isFree = problem.sigmaY > 0 && k === guesses + steps - 1;
    const x0 = isFree ? image : guided(problem, image, Math.sqrt(1 - here));
    x = noised(x0, next, z(String(k)));
    yield { x0, xt: x };
  }
}

Deno.test("guess_and_guide makes the states of the published rounds, exact and noisy", async () => {
  for (const pair of PAIRS) {
    for (const sigmaY of [0, 0.05, 0.2, 3]) {
      for (const clipDenoised of [true, false]) {
        const options = { t0: 80, guesses: 2, steps: 4, clipDenoised };
        await compare("guess_and_guide", options, { pair, abar: MILD, sigmaY }, guessAndGuide);
      }
    }
  }
});

Deno.test("guess_and_guide makes the same states without a decomposition, by conjugate gradients", async () => {
  for (const { operator: { spectral: _, ...operator }, dense } of PAIRS.slice(1)) {
    const options = { t0: 80, guesses: 1, steps: 4, clipDenoised: true, iterations: 5 };
    await compare("guess_and_guide", options, { pair: { operator, dense }, abar: MILD, sigmaY: 0.2 }, guessAndGuide);
  }
});

Deno.test("guess_and_guide makes the same states without a guess, on the schedule of 1000 steps", async () => {
  const options = { t0: 400, guesses: 0, steps: 10, clipDenoised: true };
  await compare("guess_and_guide", options, { pair: PAIRS[3]!, abar: LINEAR, sigmaY: 0.1 }, guessAndGuide);
});
