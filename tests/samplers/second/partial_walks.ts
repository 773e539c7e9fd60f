/** Second implementation of SDEdit (Meng et al. 2022) and CCDF (Chung et al. 2022), which start half way up. */
import { times, type Vector } from "./plain_arrays.ts";
import { ancestral, type PlainSampling } from "./plain.ts";
import { corrected, noised, type PlainProblem, type PlainState } from "./problem.ts";
import { places, spaced } from "./schedule.ts";

/** Parameters that both have, named as those of the samplers. */
export interface PartialParameters {
  readonly t0: number;
  readonly steps: number;
  readonly clipDenoised: boolean;
}

/** SDEdit of A^+ y, without a mask. */
export function* sdedit(
  problem: PlainProblem & PlainSampling,
  { t0, steps, clipDenoised: clip, repeats }: PartialParameters & { readonly repeats: number },
): Generator<PlainState> {
  let x = times(problem.operator.pseudoInverse, problem.y);
  for (let pass = 0; pass < repeats; pass++) {
    x = noised(x, problem.abar[t0 - 1]!, problem.z(`start.${pass}`));
    for (const [k, place] of places(problem.abar, spaced(t0, steps)).toReversed().entries()) {
      const state = ancestral({ ...problem, v: undefined }, place, x, { clip, z: problem.z(String(pass * steps + k)) });
      yield state;
      x = state.xt;
    }
  }
}

/** CCDF from A^+ y: ancestral steps, each followed by a projection onto a noised measurement. */
export function* ccdf(
  problem: PlainProblem & PlainSampling,
  { t0, steps, clipDenoised: clip, level, noiseIn }: PartialParameters & {
    readonly level: "current" | "next";
    readonly noiseIn: "image" | "measurement";
  },
): Generator<PlainState> {
  const { abar, operator, y, z } = problem;
  let x: Vector = noised(times(operator.pseudoInverse, y), abar[t0 - 1]!, z("xT"));
  for (const [k, place] of places(abar, spaced(t0, steps)).toReversed().entries()) {
    const { x0, xt } = ancestral(problem, place, x, { clip, z: z(String(k)) });
    const fresh = z(`known.${k}`);
    const noise = noiseIn === "image" ? times(operator.a, fresh) : fresh;
    x = corrected(problem, xt, noised(y, level === "current" ? place.abar : place.below, noise));
    yield { x0, xt: x };
  }
}
