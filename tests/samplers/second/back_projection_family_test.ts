/** DDPG and IDPG against the second implementation, state by state. */
import {
  adjoint,
  apply,
  gaussianInverse,
  keep,
  type Kept,
  noiseOf,
  predict,
  sum,
  TIMESTEPS,
  type Vector,
} from "./gradient_arrays.ts";
import { compare, type Expected, PAIRS, type Sample, withoutDecomposition } from "./gradient_runs.ts";

const { pool, bicubic, mask, gray } = PAIRS;

/** Every floor(T/count)-th timestep from 0, count of them. */
function counted(count: number): readonly Kept[] {
  return keep(Array.from({ length: count }, (_, k) => k * Math.floor(TIMESTEPS / count)));
}

interface Ddpg {
  readonly gamma: number;
  readonly etaTilde: number;
  /** undefined for IDPG. */
  readonly zeta: number | undefined;
  readonly mode: 0 | 1 | 2;
}

function ddpg(sample: Sample, steps: number, { gamma, etaTilde, zeta, mode }: Ddpg): readonly Expected[] {
  const { rows, y, sigma } = sample;
  const path = counted(steps);
  let x: Vector = sample.z("xT");
  return path.map((at, k) => {
    const { t, a, b } = at;
    const { x0 } = predict(x, t, false);
    const r = sum([1, apply(rows, x0)], [-1, y]);
    const delta = sigma === 0 ? 0 : b ** gamma;
    const back = adjoint(rows, gaussianInverse(rows, r, 1, Math.max(1e-4, etaTilde * sigma ** 2)));
    const falling = (1 - b) / (1 - a);
    const [ofBack, ofSquares] = [[1, 1], [falling, falling], [1, falling]][mode] as [number, number];
    const guided = sum([1, x0], [-(1 - delta) * ofBack, back], [-delta * ofSquares, adjoint(rows, r)]);
    // With a noisy measurement the result is the last prediction of the network itself.
    const shown = k === path.length - 1 && sigma > 0 ? x0 : guided;
    const rest = zeta === undefined ? [] : [
      [Math.sqrt((1 - b) * zeta), sample.z(`${k}`)] as const,
      [Math.sqrt((1 - b) * (1 - zeta)) * (sigma === 0 ? 1 : delta), noiseOf(x, shown, a)] as const,
    ];
    x = sum([Math.sqrt(b), shown], ...rest);
    return { x0: shown, xt: x };
  });
}

const MODES = ["constant", "falling", "falling_gradient"] as const;

Deno.test("ddpg() makes every state of the second implementation", async () => {
  for (const pair of [pool, bicubic, mask, withoutDecomposition(gray)]) {
    for (const [mode, stepSize] of MODES.entries()) {
      for (const sigma of [0, 0.2]) {
        const [steps, gamma, etaTilde, zeta] = [6, 3, 0.8, 0.7];
        await compare({
          name: "ddpg",
          pair,
          sigma,
          options: { steps, gamma, etaTilde, zeta, stepSize },
          second: (sample) => ddpg(sample, steps, { gamma, etaTilde, zeta, mode: mode as 0 | 1 | 2 }),
        });
      }
    }
  }
});

Deno.test("idpg() makes every state of the second implementation", async () => {
  for (const pair of [pool, bicubic, withoutDecomposition(mask)]) {
    for (const sigma of [0, 0.3]) {
      const [steps, gamma, etaTilde] = [5, 2, 0.5];
      await compare({
        name: "idpg",
        pair,
        sigma,
        options: { steps, gamma, etaTilde },
        second: (sample) => ddpg(sample, steps, { gamma, etaTilde, zeta: undefined, mode: 0 }),
      });
    }
  }
});
