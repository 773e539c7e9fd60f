/** RED-diff, SITCOM and ReSample against the second implementation, state by state. */
import { assert, assertEquals } from "@std/assert";
import { ReferenceRuntime } from "../../../engine/mod.ts";
import { type Sampler, SAMPLERS, seededNoise } from "../../../samplers/mod.ts";
import {
  adjoint,
  apply,
  dot,
  keep,
  type Kept,
  limited,
  predict,
  pseudoInverse,
  SIZE,
  strided,
  sum,
  times,
  TIMESTEPS,
  type Vector,
} from "./gradient_arrays.ts";
import { compare, type Expected, measurements, model, PAIRS, type Sample } from "./gradient_runs.ts";

const { pool, bicubic, mask, gray } = PAIRS;

/** Adam of PyTorch: one object, one run. */
class Adam {
  #m: Vector = new Array<number>(SIZE).fill(0);
  #v: Vector = new Array<number>(SIZE).fill(0);
  #steps = 0;

  constructor(private readonly rate: number, private readonly decays: readonly [number, number]) {}

  moved(x: Vector, gradient: Vector): Vector {
    const [b1, b2] = this.decays;
    this.#steps++;
    this.#m = sum([b1, this.#m], [1 - b1, gradient]);
    this.#v = sum([b2, this.#v], [1 - b2, times(gradient, gradient)]);
    return x.map((value, i) => {
      const mean = this.#m[i]! / (1 - b1 ** this.#steps);
      const square = this.#v[i]! / (1 - b2 ** this.#steps);
      return value - this.rate * mean / (Math.sqrt(square) + 1e-8);
    });
  }
}

/** A (A x - y) with the transposed A in front. */
function misfit({ rows, y }: Sample, x: Vector): Vector {
  return adjoint(rows, sum([1, apply(rows, x)], [-1, y]));
}

interface RedDiff {
  readonly rate: number;
  readonly lambda: number;
  readonly dataWeight: number;
  weight(s: number): number;
}

/** The gradient of lambda g(s) mean((eps - z) mu) + v mean((y - A mu)^2)/2 with eps and z fixed. */
function redDiff(sample: Sample, steps: number, { rate, lambda, dataWeight, weight }: RedDiff): readonly Expected[] {
  const adam = new Adam(rate, [0.9, 0.99]);
  let mu = pseudoInverse(sample.rows, sample.y);
  return strided(steps).map(({ t, a }, k) => {
    const z = sample.z(`${k}`);
    const { eps, x0 } = predict(sum([Math.sqrt(a), mu], [Math.sqrt(1 - a), z]), t, false);
    const pull = lambda * weight(Math.sqrt((1 - a) / a)) / SIZE;
    const data = dataWeight / sample.y.length;
    mu = adam.moved(mu, sum([pull, eps], [-pull, z], [data, misfit(sample, mu)]));
    return { x0, xt: mu };
  });
}

const WEIGHTINGS: Readonly<Record<string, (s: number) => number>> = {
  linear: (s) => s,
  sqrt: (s) => s ** 0.5,
  square: (s) => s * s,
  log: (s) => Math.log(1 + s),
  "trunc_linear": (s) => s < 1 ? s : 1,
  power2over3: (s) => s ** (2 / 3),
  const: () => 1,
};

Deno.test("red_diff() makes every state of the second implementation", async () => {
  for (const [weighting, weight] of Object.entries(WEIGHTINGS)) {
    for (const [pair, steps] of [[pool, 5], [mask, 6], [gray, 7]] as const) {
      const [rate, lambda, dataWeight] = [0.07, 0.4, 1.3];
      await compare({
        name: "red_diff",
        pair,
        sigma: 0.2,
        options: { steps, weighting, learningRate: rate, lambda, dataWeight },
        second: (sample) => redDiff(sample, steps, { rate, lambda, dataWeight, weight }),
      });
    }
  }
});

/** Every floor(T/count)-th timestep from 0, count of them. */
function counted(count: number): readonly Kept[] {
  return keep(Array.from({ length: count }, (_, k) => k * Math.floor(TIMESTEPS / count)));
}

interface Sitcom {
  readonly inner: number;
  readonly rate: number;
  readonly correction: number;
  /** Evaluations of every level. */
  readonly made: number[];
}

function sitcom(sample: Sample, steps: number, { inner, rate, correction, made }: Sitcom): readonly Expected[] {
  const { rows, y, sigma } = sample;
  let x = sample.z("xT");
  return counted(steps).map(({ t, b }, k) => {
    const adam = new Adam(rate, [0.9, 0.999]);
    let [w, x0, j] = [x, x, 0];
    for (; j < inner; j++) {
      const found = predict(w, t, true);
      x0 = found.x0;
      const r = sum([1, apply(rows, x0)], [-1, y]);
      if (dot(r, r) < (sigma + 0.001) ** 2 * y.length) break;
      w = adam.moved(w, times(found.slope, adjoint(rows, r).map((value) => 2 * value)));
    }
    made.push(Math.min(j + 1, inner));
    const shown = correction === 0 ? x0 : limited(sum([1, x0], [-2 * correction, misfit(sample, x0)]));
    x = sum([Math.sqrt(b), shown], [Math.sqrt(1 - b), sample.z(`${k}`)]);
    return { x0: shown, xt: x };
  });
}

Deno.test("sitcom() makes every state of the second implementation", async () => {
  for (const [pair, correction] of [[pool, 0], [bicubic, 0.2], [mask, 0.5]] as const) {
    for (const inner of [1, 4]) {
      const [steps, rate, made] = [4, 0.05, [] as number[]];
      await compare({
        name: "sitcom",
        pair,
        sigma: 0.01,
        options: { steps, innerSteps: inner, learningRate: rate, correction },
        second: (sample) => sitcom(sample, steps, { inner, rate, correction, made }),
      });
      assert(made.every((count) => count === inner), "the residual is never that of the noise");
    }
  }
});

Deno.test("sitcom() ends a level where the residual is that of the noise, for every sample of a batch by itself", async () => {
  const [steps, inner, rate, sigma] = [4, 12, 0.1, 0.42];
  const runtime = new ReferenceRuntime();
  const { operator, rows } = pool;
  const ys = measurements(pool);
  const noises = ys.map((_, seed) => seededNoise([seed]));
  const run = async (
    values: readonly Vector[],
    noise: ReturnType<typeof seededNoise>,
  ): Promise<[number[], Vector[]]> => {
    const y = runtime.upload(Float32Array.from(values.flat()), [values.length, ...operator.measurementShape]);
    const chosen = SAMPLERS.sitcom as Sampler<object>;
    const options = { steps, innerSteps: inner, learningRate: rate, noise };
    const [counts, states]: [number[], Vector[]] = [[], []];
    for await (const { nfe, x0 } of chosen.restore(runtime, { model: model(), operator, y, sigmaY: sigma }, options)) {
      counts.push(nfe);
      states.push([...await x0.read()]);
    }
    return [counts, states];
  };
  const alone = [await run([ys[0]!], noises[0]!), await run([ys[1]!], noises[1]!)] as const;
  const [counts, both] = await run(ys, seededNoise([0, 1]));
  const made = ([list]: readonly [number[], unknown]): number[] => list.map((count, k) => count - (list[k - 1] ?? 0));
  const [first, second] = alone.map(made) as [number[], number[]];
  assertEquals(made([counts, both]), first.map((count, k) => Math.max(count, second[k]!)));
  assert([...first, ...second].some((count) => count < inner), `${first}, ${second}: no level ended early`);
  assert(first.some((count, k) => count !== second[k]), `${first}: both end together`);
  for (const [k, state] of both.entries()) assertEquals(state, [...alone[0][1][k]!, ...alone[1][1][k]!]);
  for (const [n, [, states]] of alone.entries()) {
    const residuals = states.map((x0) => sum([1, apply(rows, x0)], [-1, ys[n]!]));
    for (const [k, r] of residuals.entries()) {
      const isShort = dot(r, r) < (sigma + 0.001) ** 2 * r.length;
      if ([first, second][n]![k]! < inner) assert(isShort, `sample ${n}, level ${k}`);
    }
  }
});

interface Resample {
  readonly eta: number;
  readonly descents: number;
  readonly rate: number;
  readonly share: number;
}

/** Descent with momentum on |A h - y|^2, and the product of two Gaussians. */
function resample(sample: Sample, steps: number, { eta, descents, rate, share }: Resample): readonly Expected[] {
  let x = sample.z("xT");
  return strided(steps).map(({ t, a, b }, k) => {
    const { x0, eps } = predict(x, t, true);
    let [h, v]: [Vector, Vector] = [x0, x0.map(() => 0)];
    for (let j = 0; j < descents; j++) {
      v = sum([0.9, v], [2, misfit(sample, h)]);
      h = sum([1, h], [-rate, v]);
    }
    const noise = sum([eta, sample.z(`a.${k}`)], [Math.sqrt(1 - eta ** 2), eps]);
    const state = sum([Math.sqrt(b), x0], [Math.sqrt(1 - b), noise]);
    const variance = share * (1 - b) / a * (1 - a / b);
    if (variance === 0) {
      x = h;
    } else {
      // Precisions add up.
      const [ofState, ofImage] = [1 / variance, 1 / (1 - b)];
      const mean = sum([ofState, state], [ofImage * Math.sqrt(b), h]).map((value) => value / (ofState + ofImage));
      x = sum([1, mean], [Math.sqrt(1 / (ofState + ofImage)), sample.z(`b.${k}`)]);
    }
    return { x0: h, xt: x };
  });
}

Deno.test("resample() makes every state of the second implementation", async () => {
  for (const [pair, descents] of [[pool, 7], [bicubic, 3], [mask, 1]] as const) {
    for (const [eta, share] of [[0.85, 100], [0.2, 0.5]] as const) {
      const [steps, rate] = [5, 0.03];
      await compare({
        name: "resample",
        pair,
        options: { steps, eta, descents, descentRate: rate, resampleVariance: share },
        second: (sample) => resample(sample, steps, { eta, descents, rate, share }),
      });
    }
  }
});
