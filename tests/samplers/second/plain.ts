/** Second implementation of plain sampling (Ho et al. 2020; Song et al. 2021; Dhariwal and Nichol 2021). */
import { sum, type Vector } from "./plain_arrays.ts";
import { noised, type PlainProblem, type PlainState, predicted } from "./problem.ts";
import { type Place, places, spaced } from "./schedule.ts";

/** What is sampled plainly. */
export interface PlainSampling extends Pick<PlainProblem, "abar" | "eps" | "z"> {
  /** v of a network that learns the variance. */
  readonly v?: ((x: Vector, t: number) => Vector) | undefined;
  /** The gradient of log p(class | x_t) with its weight. */
  readonly guide?: { readonly scale: number; readonly slope: (x: Vector, t: number) => Vector };
}

/** The variance of an ancestral step: learned, between posterior and beta in its logarithm, or the posterior's. */
export function stepVariance({ v }: PlainSampling, { t, beta, clippedLog, small }: Place, x: Vector): Vector {
  if (!v) return x.map(() => small);
  return v(x, t).map((value) => Math.exp((value + 1) / 2 * Math.log(beta) + (1 - value) / 2 * clippedLog));
}

/** One ancestral step. */
export function ancestral(
  sampling: PlainSampling,
  place: Place,
  x: Vector,
  { clip, z }: { readonly clip: boolean; readonly z: Vector },
): PlainState {
  const x0 = predicted(x, sampling.eps(x, place.t), place.abar, clip);
  const variance = stepVariance(sampling, place, x);
  const slope = sampling.guide?.slope(x, place.t);
  const isLast = place.below === 1;
  const xt = x.map((value, i) =>
    place.c1 * x0[i]! + place.c2 * value + (slope ? variance[i]! * sampling.guide!.scale * slope[i]! : 0) +
    (isLast ? 0 : Math.sqrt(variance[i]!) * z[i]!)
  );
  return { x0, xt };
}

/** DDPM. */
export function* ddpm(
  sampling: PlainSampling,
  { steps, clipDenoised: clip }: { readonly steps: number; readonly clipDenoised: boolean },
): Generator<PlainState> {
  let x = sampling.z("start");
  for (const [k, place] of places(sampling.abar, spaced(sampling.abar.length, steps)).toReversed().entries()) {
    const state = ancestral(sampling, place, x, { clip, z: sampling.z(`gen.${k}`) });
    yield state;
    x = state.xt;
  }
}

/** eps that leads from x0 to x. */
function impliedEps(x: Vector, x0: Vector, abar: number): Vector {
  return sum([1 / Math.sqrt(1 - abar), x], [-Math.sqrt(abar / (1 - abar)), x0]);
}

/** DDIM. */
export function* ddim(
  sampling: PlainSampling,
  { steps, clipDenoised: clip, eta }: { readonly steps: number; readonly clipDenoised: boolean; readonly eta: number },
): Generator<PlainState> {
  let x = sampling.z("start");
  for (const [k, place] of places(sampling.abar, spaced(sampling.abar.length, steps)).toReversed().entries()) {
    const { t, abar, below } = place;
    let x0 = predicted(x, sampling.eps(x, t), abar, clip);
    if (sampling.guide) {
      const pull = -Math.sqrt(1 - abar) * sampling.guide.scale;
      x0 = predicted(x, sum([1, impliedEps(x, x0, abar)], [pull, sampling.guide.slope(x, t)]), abar, false);
    }
    const sigma = eta * Math.sqrt((1 - below) / (1 - abar)) * Math.sqrt(1 - abar / below);
    x = sum(
      [Math.sqrt(below), x0],
      [Math.sqrt(1 - below - sigma ** 2), impliedEps(x, x0, abar)],
      [sigma, sampling.z(`gen.${k}`)],
    );
    yield { x0, xt: x };
  }
}

/** DDIM backwards, from an image taken as the state of the first place. */
export function* ddimUp(
  sampling: Pick<PlainSampling, "abar" | "eps">,
  image: Vector,
  { steps, clipDenoised: clip }: { readonly steps: number; readonly clipDenoised: boolean },
): Generator<PlainState> {
  let x = image;
  const list = places(sampling.abar, spaced(sampling.abar.length, steps));
  for (const [i, { t, abar }] of list.slice(0, -1).entries()) {
    const x0 = predicted(x, sampling.eps(x, t), abar, clip);
    x = noised(x0, list[i + 1]!.abar, impliedEps(x, x0, abar));
    yield { x0, xt: x };
  }
}
