/**
 * What DAPS and PnP-DM converge to where all is Gaussian, as `posterior_recursion.ts` has it: written from the papers'
 * formulas for states x_hat = x0 + sigma z, whose coefficients are taken less those of the mean m.
 */
import { type GaussianSetting, type Moments, moved } from "./posterior_recursion.ts";

/** sigma_i = (high^(1/7) + i/n (low^(1/7) - high^(1/7)))^7 for i = 0 to n. */
function grid(high: number, low: number, n: number): readonly number[] {
  const [top, bottom] = [high ** (1 / 7), low ** (1 / 7)];
  return Array.from({ length: n + 1 }, (_, i) => (top + i / n * (bottom - top)) ** 7);
}

/** How much of x_hat - m the denoiser takes for the image's. */
function share(sigma: number, variance: number): number {
  return variance / (variance + sigma ** 2);
}

/** Parameters of DAPS, named as its options. */
export interface DapsSetting {
  readonly steps: number;
  readonly flowSteps: number;
  readonly chainSteps: number;
  readonly chainRate: number;
  readonly chainDecay: number;
  readonly tau: number;
  readonly sigmaMin: number;
  readonly sigmaMax: number;
}

/** DAPS with Langevin's chain. */
export function dapsLimit(options: DapsSetting): (setting: GaussianSetting) => Moments {
  const { steps, flowSteps, chainSteps, chainRate, chainDecay, tau, sigmaMin, sigmaMax } = options;
  return ({ variance, s }) => {
    const sigmas = grid(sigmaMax, sigmaMin, steps).slice(0, -1);
    let now: Moments = { fromY: 0, fromMean: -1, variance: sigmaMax ** 2 };
    for (const [i, sigma] of sigmas.entries()) {
      const nodes = grid(sigma, 0.01, flowSteps);
      for (const [j, from] of nodes.slice(0, -1).entries()) {
        now = moved(now, { p: 1 + (nodes[j + 1]! - from) * (1 - share(from, variance)) / from, d: 0 });
      }
      const h = chainRate * (1 + i / (steps + 1) * (chainDecay - 1));
      const kept = 1 - h / sigma ** 2 - 2 * h * s * s / tau ** 2;
      let [p, q, noise] = [1, 0, 0];
      for (let j = 0; j < chainSteps; j++) {
        [p, q, noise] = [kept * p + h / sigma ** 2, kept * q + 2 * h * s / tau ** 2, kept ** 2 * noise + 2 * h];
      }
      now = moved(now, { p, q, d: Math.sqrt(noise + (sigmas[i + 1] ?? 0) ** 2) });
    }
    return now;
  };
}

/** Parameters of PnP-DM on its grid without scale, named as its options. */
export interface PnpDmSetting {
  readonly steps: number;
  readonly levels: number;
  readonly couplingStart: number;
  readonly couplingDecay: number;
  readonly couplingEnd: number;
  readonly sigmaMin: number;
  readonly sigmaMax: number;
}

/** PnP-DM: mean and variance after the given number of pairs. */
export function pnpDmLimit(options: PnpDmSetting): (setting: GaussianSetting) => Moments {
  const { steps, levels, couplingStart, couplingDecay, couplingEnd, sigmaMin, sigmaMax } = options;
  const sigmas = [...grid(sigmaMax, sigmaMin, levels - 1), 0];
  return ({ variance, sigma: noise, s }) => {
    let now: Moments = { fromY: 0, fromMean: -1, variance: 0 };
    for (let k = 0; k < steps; k++) {
      const rho = Math.max(couplingStart * couplingDecay ** k, couplingEnd);
      const precision = s * s / noise ** 2 + 1 / rho ** 2;
      now = moved(now, { p: 1 / rho ** 2 / precision, q: s / noise ** 2 / precision, d: Math.sqrt(1 / precision) });
      const first = sigmas.findIndex((sigma) => sigma < rho);
      for (const [j, from] of sigmas.slice(first, -1).entries()) {
        const to = sigmas[first + j + 1]!;
        const slope = 2 * (to - from) / from;
        const d = to === 0 ? 0 : Math.sqrt(2 * from * (from - to));
        now = moved(now, { p: 1 + slope * (1 - share(from, variance)), d });
      }
    }
    return now;
  };
}
