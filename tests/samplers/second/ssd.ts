/** Second implementation of Shortcut Sampling (Liu et al., Accelerating Diffusion Models for Inverse Problems). */
import { sum, times, type Vector } from "./plain_arrays.ts";
import { corrected, noised, type PlainProblem, type PlainState, predicted } from "./problem.ts";
import { places, spaced } from "./schedule.ts";

/** Parameters, named as those of the sampler. */
export interface SsdParameters {
  readonly t0: number;
  readonly inversionSteps: number;
  readonly generationSteps: number;
  readonly inversion: "da" | "ddim" | "ddpm";
  readonly eta: number;
  readonly useDdim: boolean;
  readonly ddimEta: number;
  readonly clipDenoised: boolean;
  readonly injectedSteps: number;
  /** SSD+ alone. */
  readonly tStop?: number;
}

/** SSD, and SSD+ if `tStop` is given. */
export function* ssd(problem: PlainProblem, options: SsdParameters): Generator<PlainState> {
  const { abar, eps, looks, operator, y, z } = problem;
  const { t0, inversionSteps, generationSteps, inversion, eta, useDdim, ddimEta, clipDenoised, tStop, injectedSteps } =
    options;
  const looked: (readonly Vector[])[] = [];
  let x: Vector = times(operator.pseudoInverse, y);

  const up = places(abar, spaced(t0, inversionSteps));
  for (let i = 0; i < up.length - 1; i++) {
    const [here, next] = [up[i]!, up[i + 1]!];
    const noise = eps(x, here.t);
    if (looks) looked.push(looks(x, here.t));
    const x0 = predicted(x, noise, here.abar, clipDenoised);
    const fresh = inversion === "ddim" ? 0 : inversion === "ddpm" ? 1 - next.abar : eta * next.beta;
    x = sum(
      [Math.sqrt(next.abar), x0],
      [Math.sqrt(1 - next.abar - fresh), noise],
      [Math.sqrt(fresh), z(`inv.${i}`)],
    );
    yield { x0, xt: x };
  }

  const projected = tStop === undefined ? generationSteps : Math.trunc((t0 - tStop) / t0 * generationSteps);
  for (const [k, here] of places(abar, spaced(t0, generationSteps)).toReversed().entries()) {
    const noise = eps(x, here.t, k < injectedSteps ? looked.pop() : undefined);
    let x0 = predicted(x, noise, here.abar, clipDenoised);
    if (k < projected) x0 = corrected(problem, x0, y);
    const fresh = z(`gen.${k}`);
    if (useDdim) {
      x = noised(x0, here.below, sum([Math.sqrt(1 - ddimEta ** 2), noise], [ddimEta, fresh]));
    } else {
      const variance = (1 - here.below) / (1 - here.abar) * (1 - here.abar / here.below);
      x = sum(
        [Math.sqrt(here.below), x0],
        [Math.sqrt(1 - here.below - variance), noise],
        [Math.sqrt(variance), fresh],
      );
    }
    yield { x0, xt: x };
  }
}
