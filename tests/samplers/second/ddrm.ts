/** Second implementation of DDRM (Kawar et al., NeurIPS 2022). */
import { times, transposed, type Vector } from "./plain_arrays.ts";
import { type PlainProblem, type PlainState, predicted } from "./problem.ts";
import { places, strideList } from "./schedule.ts";

/** Parameters, named as those of the sampler. */
export interface DdrmParameters {
  readonly steps: number;
  readonly eta: number;
  readonly etaA: number;
  readonly etaB: number;
}

/** DDRM, in the coefficients V^T x. */
export function* ddrm(
  { abar, eps, operator: { u, s, v }, y, sigmaY, z }: PlainProblem,
  { steps, eta, etaA, etaB }: DdrmParameters,
): Generator<PlainState> {
  const list = places(abar, strideList(abar.length, steps)).toReversed();
  const columns = transposed(v);
  const measured = times(transposed(u), y);
  const sigma = (level: number): number => Math.sqrt((1 - level) / level);

  const top = list[0]!.abar;
  const start = times(columns, z("xT")).map((noise, i) =>
    s[i]! * sigma(top) > sigmaY
      ? measured[i]! / s[i]! + Math.sqrt(sigma(top) ** 2 - sigmaY ** 2 / s[i]! ** 2) * noise
      : sigma(top) * noise
  );
  let x: Vector = times(v, start).map((value) => value / sigma(top));

  for (const [k, { t, abar: level, below }] of list.entries()) {
    const noise = eps(x, t);
    const x0 = predicted(x, noise, level, false);
    const [clean, spectralEps, fresh] = [x0, noise, z(String(k))].map((image) => times(columns, image));
    const next = sigma(below);
    const coefficients = s.map((value, i) => {
      if (value > 0 && value * next < sigmaY) {
        const pull = (measured[i]! - value * clean![i]!) / sigmaY;
        return clean![i]! + next * (Math.sqrt(1 - etaA ** 2) * pull + etaA * fresh![i]!);
      }
      if (value * next > sigmaY) {
        const deviation = Math.sqrt(next ** 2 - etaB ** 2 * sigmaY ** 2 / value ** 2);
        return (1 - etaB) * clean![i]! + etaB * measured[i]! / value + deviation * fresh![i]!;
      }
      return clean![i]! + next * (Math.sqrt(1 - eta ** 2) * spectralEps![i]! + eta * fresh![i]!);
    });
    x = times(v, coefficients).map((value) => Math.sqrt(below) * value);
    yield { x0, xt: x };
  }
}
