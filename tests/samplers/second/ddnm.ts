/** Second implementation of DDNM and DDNM+ (Wang et al., ICLR 2023). */
import { scaled, sum, times, transposed, type Vector } from "./plain_arrays.ts";
import { corrected, noised, type PlainProblem, type PlainState, predicted } from "./problem.ts";
import { ddnmList, type Place, places, walk } from "./schedule.ts";

/** Parameters, named as those of the samplers. */
export interface DdnmParameters {
  readonly steps: number;
  readonly eta: number;
  readonly travelLength: number;
  readonly travelRepeat: number;
}

/** What a step down is made of. */
interface Down {
  readonly x: Vector;
  readonly x0: Vector;
  readonly eps: Vector;
  readonly z: Vector;
  readonly eta: number;
  readonly place: Place;
}

/** How a step corrects the prediction, and where it goes from there. */
type Rule = (problem: PlainProblem, down: Down) => PlainState;

/** The way down with its jumps up, which noise the last prediction before it was corrected. */
function* travel(
  problem: PlainProblem,
  { steps, eta, travelLength, travelRepeat }: DdnmParameters,
  rule: Rule,
): Generator<PlainState> {
  const { abar, eps, z } = problem;
  const list = places(abar, ddnmList(abar.length, steps));
  let x = z("xT");
  let [last, consistent] = [x, x];
  for (const [k, { from, to }] of walk(steps, travelLength, travelRepeat).entries()) {
    const fresh = z(String(k));
    if (to > from) {
      x = noised(last, list[to]!.abar, fresh);
      yield { x0: consistent, xt: x };
      continue;
    }
    const place = list[from]!;
    const noise = eps(x, place.t);
    last = predicted(x, noise, place.abar, false);
    const state = rule(problem, { x, x0: last, eps: noise, z: fresh, eta, place });
    yield state;
    [x, consistent] = [state.xt, state.x0];
  }
}

/** sqrt(abar') x0 + deviation (eta z + sqrt(1 - eta^2) eps). */
function mixed({ z, eps, eta, place: { below } }: Down, x0: Vector, deviation = Math.sqrt(1 - below)): Vector {
  return sum([Math.sqrt(below), x0], [deviation * eta, z], [deviation * Math.sqrt(1 - eta ** 2), eps]);
}

/** The mean of the posterior, and noise. */
function posterior({ x, z, place: { c1, c2 } }: Down, x0: Vector, variance: number): Vector {
  return sum([c1, x0], [c2, x], [Math.sqrt(variance), z]);
}

const EXACT: Readonly<Record<string, Rule>> = {
  "eta_mix": (problem, down) => {
    const x0 = corrected(problem, down.x0, problem.y);
    return { x0, xt: mixed(down, x0) };
  },
  posterior: (problem, down) => {
    const x0 = corrected(problem, down.x0, problem.y);
    return { x0, xt: posterior(down, x0, down.place.small) };
  },
};

/** DDNM. */
export function ddnm(
  problem: PlainProblem,
  options: DdnmParameters & { readonly update: string },
): Generator<PlainState> {
  return travel(problem, options, EXACT[options.update]!);
}

/** What the spectral form does to a coefficient with the singular value s. */
function spectralFactors(
  s: number,
  { sigmaY, below, eta }: { readonly sigmaY: number; readonly below: number; readonly eta: number },
): { readonly lambda: number; readonly fresh: number; readonly kept: number } {
  const [a, deviation, rest] = [Math.sqrt(below), Math.sqrt(1 - below), Math.sqrt(1 - eta ** 2)];
  if (s === 0) return { lambda: 1, fresh: deviation * eta, kept: deviation * rest };
  if (deviation > a * sigmaY / s) {
    return { lambda: 1, fresh: Math.sqrt(deviation ** 2 - (a * sigmaY / s) ** 2), kept: 0 };
  }
  return { lambda: s * deviation * rest / (a * sigmaY), fresh: deviation * eta, kept: 0 };
}

/** The spectral form; `turned` says whether eps is brought into the basis before it is weighed. */
function spectral(turned: boolean): Rule {
  return (problem, down) => {
    const { operator: { a, pseudoInverse, v, s }, y, sigmaY } = problem;
    const { x0, z, eps, eta, place: { below } } = down;
    const factors = s.map((value) => spectralFactors(value, { sigmaY, below, eta }));
    const columns = transposed(v);
    const residual = times(pseudoInverse, sum([1, y], [-1, times(a, x0)]));
    const change = times(v, scaled(factors.map(({ lambda }) => lambda), times(columns, residual)));
    const noise = scaled(factors.map(({ fresh }) => fresh), times(columns, z));
    const kept = scaled(factors.map(({ kept }) => kept), turned ? times(columns, eps) : eps);
    const fixed = sum([1, x0], [1, change]);
    return { x0: fixed, xt: sum([Math.sqrt(below), fixed], [1, times(v, sum([1, noise], [1, kept]))]) };
  };
}

const NOISY: Readonly<Record<string, Rule>> = {
  simplified: (problem, down) => {
    const { below } = down.place;
    const [known, deviation] = [Math.sqrt(below) * problem.sigmaY, Math.sqrt(1 - below)];
    const lambda = deviation >= known ? 1 : deviation / known;
    const x0 = corrected(problem, down.x0, problem.y, lambda);
    return { x0, xt: mixed(down, x0, Math.sqrt(Math.max(0, deviation ** 2 - (lambda * known) ** 2))) };
  },
  posterior: (problem, down) => {
    const { c1, small } = down.place;
    const known = c1 * problem.sigmaY;
    const isBetter = Math.sqrt(small) >= known;
    const x0 = corrected(problem, down.x0, problem.y, isBetter ? 1 : Math.sqrt(small) / known);
    return { x0, xt: posterior(down, x0, isBetter ? small - known ** 2 : 0) };
  },
  "published_simplified": (problem, down) => {
    const { below } = down.place;
    const deviation = Math.sqrt(1 - below ** 2);
    const known = below * problem.sigmaY;
    const isBetter = deviation >= known;
    const x0 = corrected(problem, down.x0, problem.y, isBetter ? 1 : deviation / known);
    const gamma = isBetter ? Math.sqrt(deviation ** 2 - known ** 2) : 0;
    return { x0, xt: mixed(down, x0, gamma * Math.sqrt(1 - below)) };
  },
  spectral: spectral(true),
  "published_spectral": spectral(false),
};

/** DDNM+; the spectral forms are DDNM where the measurement is exact. */
export function ddnmPlus(
  problem: PlainProblem,
  options: DdnmParameters & { readonly form: string },
): Generator<PlainState> {
  const isDdnm = problem.sigmaY === 0 && options.form.endsWith("spectral");
  return travel(problem, options, isDdnm ? EXACT["eta_mix"]! : NOISY[options.form]!);
}

/** Coefficients of learned linear extrapolation. */
export interface Coefficients {
  readonly observed: readonly Vector[];
  readonly free: readonly Vector[];
}

/** DDNM with clamped predictions, each replaced by a mixture of it and the mixtures before. */
export function* mixedDdnm(
  problem: PlainProblem,
  { steps, eta, extrapolation: { observed, free } }: Pick<DdnmParameters, "steps" | "eta"> & {
    readonly extrapolation: Coefficients;
  },
): Generator<PlainState> {
  const { abar, eps, z, operator: { a, pseudoInverse } } = problem;
  const seen = (x: Vector): Vector => times(pseudoInverse, times(a, x));
  const store: Vector[] = [];
  let x = z("xT");
  for (const [k, place] of places(abar, ddnmList(abar.length, steps)).toReversed().entries()) {
    const noise = eps(x, place.t);
    store.push(corrected(problem, predicted(x, noise, place.abar, true), problem.y));
    const parts = store.flatMap((h, j) => [
      [observed[k]![j]!, seen(h)] as const,
      [free[k]![j]!, sum([1, h], [-1, seen(h)])] as const,
    ]);
    store[k] = sum(...parts);
    const down = { x, x0: store[k]!, eps: noise, z: z(`${k}`), eta, place };
    x = mixed(down, store[k]!);
    yield { x0: store[k]!, xt: x };
  }
}
