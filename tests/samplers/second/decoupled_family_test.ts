/** DAPS, PnP-DM and CM4IR against second implementations in states without scale. */
import { assertEquals } from "@std/assert";
import type { LinearOperator } from "../../../operators/mod.ts";
import { SAMPLERS } from "../../../samplers/mod.ts";
import { drawn, type OperatorPair, PAIRS, SHAPE } from "./harness.ts";
import { compareLevels } from "./level_runs.ts";
import { grid, type LevelSampling, type LevelState } from "./noise_levels.ts";
import {
  clamped,
  type DenseOperator,
  difference,
  type Matrix,
  pixelOf,
  sum,
  times,
  transposed,
  type Vector,
} from "./plain_arrays.ts";

type Sampling = Omit<LevelSampling, "clip">;

/** x - sigma eps(x/sqrt(1 + sigma^2)). */
function denoised({ eps }: Sampling, x: Vector, sigma: number, call: number): Vector {
  return sum([1, x], [-sigma, eps(x.map((value) => value / Math.hypot(1, sigma)), call)]);
}

interface Daps {
  readonly steps: number;
  readonly flowSteps: number;
  readonly chainSteps: number;
  readonly chainRate: number;
  readonly chainDecay: number;
  readonly momentum: number;
  readonly tau: number;
  readonly sigmaMin: number;
  readonly sigmaMax: number;
}

/** The nodes of the flow from every level. */
function flows({ steps, flowSteps, sigmaMin, sigmaMax }: Daps): readonly (readonly number[])[] {
  return grid(steps + 1, sigmaMin, sigmaMax, 7).slice(0, steps).map((sigma) =>
    grid(flowSteps + 1, 0.01, sigma, 7).slice(0, -1)
  );
}

function* daps(sampling: Sampling, { a }: DenseOperator, y: Vector, options: Daps): Generator<LevelState> {
  const { steps, chainSteps, chainRate, chainDecay, momentum, tau, sigmaMax } = options;
  const { z } = sampling;
  const nodes = flows(options);
  let x: Vector = z("xT").map((value) => sigmaMax * value);
  let call = 0;
  for (const [k, flow] of nodes.entries()) {
    for (let j = 0; j + 1 < flow.length; j++) {
      const x0 = denoised(sampling, x, flow[j]!, call++);
      x = sum([1, x], [(flow[j + 1]! - flow[j]!) / flow[j]!, difference(x, x0)]);
    }
    const [estimate, sigma, h] = [x, flow[0]!, chainRate * (1 + k / (steps + 1) * (chainDecay - 1))];
    let w = estimate;
    let v: Vector = momentum > 0 ? z(`v.${k}`) : w.map(() => 0);
    for (let j = 0; j < chainSteps; j++) {
      const misfit = times(transposed(a), difference(times(a, w), y));
      const score = sum([-2 / tau ** 2, misfit], [1 / sigma ** 2, difference(estimate, w)]);
      const noise = z(`m.${k}.${j}`);
      if (momentum === 0) {
        w = sum([1, w], [h, score], [Math.sqrt(2 * h), noise]);
        continue;
      }
      v = sum([momentum, v], [Math.sqrt(h), score], [Math.sqrt(2 * (1 - momentum)), noise]);
      w = sum([1, w], [Math.sqrt(h), v]);
    }
    const next = nodes[k + 1]?.[0] ?? 0;
    x = sum([1, w], [next, z(`${k}`)]);
    yield { x0: w, x, sigma: next };
  }
}

/** The measurement of a comparison. */
function measured({ operator }: OperatorPair): Vector {
  return drawn("y", operator.measurementShape.reduce((product, extent) => product * extent, 1));
}

const DAPS: Daps = {
  ...{ steps: 3, flowSteps: 2, chainSteps: 4, chainRate: 2e-3, chainDecay: 0.2 },
  ...{ momentum: 0, tau: 0.3, sigmaMin: 0.2, sigmaMax: 8 },
};

Deno.test("daps makes the states of the published rule, with both chains", async () => {
  for (const pair of PAIRS) {
    for (const momentum of [0, 0.3, 0.9]) {
      const options = { ...DAPS, momentum };
      const calls = flows(options).flatMap((flow) => flow.slice(0, -1));
      const y = measured(pair);
      await compareLevels(
        `daps on ${pair.operator.name}, momentum ${momentum}`,
        calls,
        (runtime, model, noise) => {
          const upload = runtime.upload(Float32Array.from(y), [1, ...pair.operator.measurementShape]);
          const problem = { model, operator: pair.operator, y: upload, sigmaY: 0.1 };
          return SAMPLERS.daps.restore(runtime, problem, { ...options, noise });
        },
        (sampling) => daps(sampling, pair.dense, y, options),
      );
      assertEquals(SAMPLERS.daps.evaluations(options).actual, calls.length);
    }
  }
});

interface PnpDm {
  readonly steps: number;
  readonly levels: number;
  readonly couplingStart: number;
  readonly couplingDecay: number;
  readonly couplingEnd: number;
  readonly grid: "edm" | "vp";
  readonly sigmaMin: number;
  readonly sigmaMax: number;
}

/** sigma, its derivative, and time of every level, and what they end with. */
interface Reverse {
  readonly sigmas: readonly number[];
  readonly times: readonly number[];
  readonly slopes: readonly number[];
}

/** The grid without scale, in which time is sigma, or that of the process with beta(t) = d t + b. */
function reverse({ levels, grid: kind, sigmaMin, sigmaMax }: PnpDm): Reverse {
  if (kind === "edm") {
    const sigmas = grid(levels, sigmaMin, sigmaMax, 7);
    return { sigmas, times: sigmas, slopes: sigmas.map(() => 1) };
  }
  const [low, high] = [Math.log(1 + sigmaMin ** 2), Math.log(1 + sigmaMax ** 2)];
  // d/2 + b = high and d 0.001^2/2 + 0.001 b = low.
  const d = (high - 1000 * low) / (0.5 - 0.0005);
  const b = high - d / 2;
  const inner = Array.from({ length: levels }, (_, i) => 1 - i / (levels - 1) * 0.999);
  const sigmas = inner.map((t) => Math.sqrt(Math.exp(d * t * t / 2 + b * t) - 1));
  const slopes = inner.map((t, i) => (d * t + b) * (sigmas[i]! + 1 / sigmas[i]!) / 2);
  return { sigmas: [...sigmas, 0], times: [...inner, 0], slopes };
}

/** The first level below rho. */
function entry({ sigmas }: Reverse, rho: number): number {
  return sigmas.findIndex((sigma) => sigma < rho);
}

function couplings({ steps, couplingStart, couplingDecay, couplingEnd }: PnpDm): readonly number[] {
  return Array.from({ length: steps }, (_, k) => Math.max(couplingEnd, couplingStart * couplingDecay ** k));
}

/** Both draws, one coefficient after the other. */
function* pnpDm(
  sampling: Sampling,
  { u, s, v }: DenseOperator,
  { y, sigmaY }: { readonly y: Vector; readonly sigmaY: number },
  options: PnpDm,
): Generator<LevelState> {
  const [levels, columns, known] = [reverse(options), transposed(v), times(transposed(u), y)];
  const { sigmas, times: t, slopes } = levels;
  let x: Vector = v.map(() => 0);
  for (const [k, rho] of couplings(options).entries()) {
    const before = times(columns, x);
    const fresh = times(columns, sampling.z(`z.${k}`));
    const coefficients = s.map((value, i) => {
      const q = value ** 2 / sigmaY ** 2 + 1 / rho ** 2;
      return (value * known[i]! / sigmaY ** 2 + before[i]! / rho ** 2) / q + fresh[i]! / Math.sqrt(q);
    });
    const first = entry(levels, rho);
    const scaleAt = (i: number): number => options.grid === "edm" ? 1 : 1 / Math.hypot(1, sigmas[i]!);
    let state: Vector = times(v, coefficients).map((value) => scaleAt(first) * value);
    let x0: Vector = state;
    for (let i = first; i + 1 < sigmas.length; i++) {
      const [sigma, dt, scale] = [sigmas[i]!, t[i + 1]! - t[i]!, scaleAt(i)];
      const growth = options.grid === "edm" ? 0 : -sigma * slopes[i]! * scale ** 2;
      const free = state.map((value) => value / scale);
      x0 = denoised(sampling, free, sigma, i);
      const weight = 2 * slopes[i]! / sigma;
      const noise = i + 2 === sigmas.length ? 0 : scale * Math.sqrt(-2 * slopes[i]! * sigma * dt);
      state = sum(
        [1 + dt * (weight + growth), state],
        [-dt * weight * scale, x0],
        [noise, sampling.z(`x.${k}.${i - first}`)],
      );
    }
    x = state;
    yield { x0, x, sigma: 0 };
  }
}

const PNP_DM: PnpDm = {
  ...{ steps: 3, levels: 6, couplingStart: 2, couplingDecay: 0.4, couplingEnd: 0.5 },
  ...{ grid: "edm", sigmaMin: 0.05, sigmaMax: 5 },
};

Deno.test("pnp_dm makes the states of the published rule, on both grids", async () => {
  for (const pair of PAIRS) {
    for (const kind of ["edm", "vp"] as const) {
      const options = { ...PNP_DM, grid: kind };
      const levels = reverse(options);
      const calls = levels.sigmas.slice(0, -1);
      const places = couplings(options).flatMap((rho) => calls.map((_, i) => i).slice(entry(levels, rho)));
      const [y, sigmaY] = [measured(pair), 0.4];
      await compareLevels(
        `pnp_dm on ${pair.operator.name}, ${kind}`,
        calls,
        (runtime, model, noise) => {
          const upload = runtime.upload(Float32Array.from(y), [1, ...pair.operator.measurementShape]);
          const operator: LinearOperator = pair.operator;
          return SAMPLERS.pnp_dm.restore(runtime, { model, operator, y: upload, sigmaY }, { ...options, noise });
        },
        (sampling) => pnpDm(sampling, pair.dense, { y, sigmaY }, options),
        places,
      );
      assertEquals(SAMPLERS.pnp_dm.evaluations(options).actual, places.length);
    }
  }
});

interface Cm4ir {
  readonly steps: number;
  readonly sigmaStart: number;
  readonly growth: number;
  readonly eta: number;
  readonly zeta: number;
}

function cm4irLevels({ steps, sigmaStart, growth }: Cm4ir): readonly number[] {
  let q = 1 - sigmaStart ** 2;
  return Array.from({ length: steps }, (_, k) => {
    if (k > 0) q = Math.min(q * (1 + growth), 0.9999);
    return Math.sqrt(1 - q);
  });
}

/** A picture whose pixels beyond a mask are the lower medians of the known ones within two pixels, which all have some. */
function filled(image: Vector, mask: Vector | undefined): Vector {
  if (!mask) return image;
  return image.map((value, i) => {
    if (mask[i] === 1) return value;
    const [row, column, channel] = pixelOf(i, SHAPE);
    const known = image.filter((_, j) => {
      const [y, x, c] = pixelOf(j, SHAPE);
      return mask[j] === 1 && c === channel && Math.abs(y - row) <= 2 && Math.abs(x - column) <= 2;
    }).toSorted((p, q) => p - q);
    return known[Math.ceil(known.length / 2) - 1]!;
  });
}

/** The diagonal of a matrix that is a mask; undefined for others. */
function maskOf(a: Matrix): Vector | undefined {
  const isMask = a.every((row, i) => row.every((entry, j) => entry === 0 || (i === j && entry === 1)));
  return isMask ? a.map((row, i) => row[i]!) : undefined;
}

function* cm4ir(
  sampling: Sampling,
  { a, u, s, v, pseudoInverse }: DenseOperator,
  { y, sigmaY }: { readonly y: Vector; readonly sigmaY: number },
  options: Cm4ir,
): Generator<LevelState> {
  const sigmas = cm4irLevels(options);
  const variance = options.zeta * sigmaY ** 2;
  const back = (r: Vector): Vector => {
    if (variance === 0) return times(pseudoInverse, r);
    const coefficients = times(transposed(u), r);
    return times(v, s.map((value, i) => value * coefficients[i]! / (value ** 2 + variance)));
  };
  let x = sum([1, filled(back(y), maskOf(a))], [sigmas[0]!, sampling.z("xT")]);
  for (const [k, sigma] of sigmas.entries()) {
    const x0 = clamped(denoised(sampling, x, sigma, k));
    const fresh = sampling.z(`${k}`);
    const isLast = k === sigmas.length - 1;
    const guided = isLast && sigmaY > 0 ? x0 : sum([1, x0], [1, back(difference(y, times(a, x0)))]);
    const next = isLast ? 0 : sigmas[k + 1]!;
    const against = difference(x0, x).map((value) => value / sigma);
    x = sum([1, guided], [next * options.eta, fresh], [next * Math.sqrt(1 - options.eta ** 2), against]);
    yield { x0, x, sigma: next };
  }
}

Deno.test("cm4ir makes the states of the published rule", async () => {
  for (const pair of PAIRS) {
    for (const [zeta, sigmaY] of [[0, 0], [0, 0.3], [0.7, 0.3]] as const) {
      for (const growth of [0.3, 3]) {
        const options = { steps: 4, sigmaStart: 0.8, growth, eta: 0.4, zeta };
        const y = measured(pair);
        await compareLevels(
          `cm4ir on ${pair.operator.name}, zeta ${zeta}, noise ${sigmaY}`,
          cm4irLevels(options),
          (runtime, model, noise) => {
            const upload = runtime.upload(Float32Array.from(y), [1, ...pair.operator.measurementShape]);
            const problem = { model, operator: pair.operator, y: upload, sigmaY };
            return SAMPLERS.cm4ir.restore(runtime, problem, { ...options, noise });
          },
          (sampling) => cm4ir(sampling, pair.dense, { y, sigmaY }, options),
        );
      }
    }
  }
});
