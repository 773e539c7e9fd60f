/** DDS, DiffPIR and both ADMMs against the second implementation, state by state. */
import {
  adjoint,
  ALPHA_BAR,
  apply,
  BETAS,
  conjugate,
  deviates,
  dot,
  gaussianInverse,
  index,
  keep,
  type Matrix,
  noiseOf,
  predict,
  pseudoInverse,
  SHAPE,
  SIZE,
  strided,
  sum,
  TIMESTEPS,
  type Vector,
} from "./gradient_arrays.ts";
import { compare, type Expected, PAIRS, type Sample, withoutDecomposition } from "./gradient_runs.ts";

const { pool, bicubic, mask, gray } = PAIRS;
const ZERO: Vector = new Array<number>(SIZE).fill(0);

/** p -> data A^T A p + prior p. */
function normal(rows: Matrix, data: number, prior: number): (p: Vector) => Vector {
  return (p) => sum([data, adjoint(rows, apply(rows, p))], [prior, p]);
}

interface Dds {
  readonly eta: number;
  readonly iterations: number;
  readonly gamma: number;
  readonly noisy: boolean;
  readonly plainArrival: boolean;
}

function dds(sample: Sample, steps: number, options: Dds): readonly Expected[] {
  const { y, rows } = sample;
  const { eta, iterations, gamma, noisy, plainArrival } = options;
  const path = strided(steps);
  let x = sample.z("xT");
  return path.map(({ t, b }, k) => {
    const { x0, eps } = predict(x, t, false);
    const pulled = adjoint(rows, y);
    const solution = noisy
      ? conjugate(normal(rows, gamma, 1), sum([1, x0], [gamma, pulled]), x0, iterations)
      : conjugate(normal(rows, 1, 0), pulled, x0, iterations);
    const mixed = sum([Math.sqrt(1 - eta * eta), eps], [eta, sample.z(`${k}`)]);
    x = plainArrival && k === path.length - 2 ? solution : sum([Math.sqrt(b), solution], [Math.sqrt(1 - b), mixed]);
    return { x0: solution, xt: x };
  });
}

interface Diffpir {
  readonly lambda: number;
  readonly zeta: number;
  readonly eta: number;
  readonly guidance: number;
  readonly dataStep: "exact" | "back_projection" | "first_order";
  readonly gamma: number;
  readonly countsNoise: boolean;
}

/** min |y - A u|^2 + rho |u - x0|^2, or a step towards it. */
function dataStep({ y, rows }: Sample, x0: Vector, rho: number, { dataStep, gamma }: Diffpir): Vector {
  const r = sum([1, y], [-1, apply(rows, x0)]);
  if (dataStep === "back_projection") return sum([1, x0], [gamma / (1 + rho), pseudoInverse(rows, r)]);
  const g = adjoint(rows, r);
  if (dataStep === "first_order") return sum([1, x0], [Math.min(1 / rho, dot(r, r) / (2 * dot(g, g))), g]);
  // (A^T A + rho)^-1 (A^T y + rho x0) = x0 + A^T (A A^T + rho)^-1 (y - A x0)
  return sum([1, x0], [1, adjoint(rows, gaussianInverse(rows, r, 1, rho))]);
}

const levelNoise = (a: number): number => Math.sqrt((1 - a) / a);

/** The level whose noise is nearest to a deviation. */
function nearest(deviation: number): number {
  const distances = ALPHA_BAR.map((a) => Math.abs(levelNoise(a) - deviation));
  return distances.indexOf(Math.min(...distances));
}

function diffpir(sample: Sample, steps: number, options: Diffpir, start?: Vector): readonly Expected[] {
  const { y, rows, sigma } = sample;
  const { lambda, zeta, eta, guidance } = options;
  const sequence = Array.from({ length: steps }, (_, i) => Math.floor(Math.sqrt(i * TIMESTEPS ** 2 / (steps - 1))));
  sequence[steps - 1]!--;
  const path = keep([...new Set(sequence.map((position) => TIMESTEPS - 1 - position))].reverse());
  const image = start ?? (y.length === SIZE ? y : pseudoInverse(rows, y));
  const [top, known] = [path[0]!.a, options.countsNoise ? ALPHA_BAR[nearest(sigma)]! : 1];
  let x = sum([Math.sqrt(top / known), image], [
    Math.sqrt((1 - top) - top / known * (1 - known)),
    sample.z("xT"),
  ]);
  return path.slice(0, -1).map(({ t, a, b }, k) => {
    const { x0 } = predict(x, t, true);
    const rho = lambda * Math.max(0.001, sigma / 2) ** 2 / levelNoise(a) ** 2;
    const moved = sum([1 - guidance, x0], [guidance, dataStep(sample, x0, rho, options)]);
    const deviation = eta * Math.sqrt((1 - b) / (1 - a)) * Math.sqrt(BETAS[t]!);
    const fresh = Math.sqrt((1 - zeta) * deviation ** 2 + zeta * (1 - b));
    x = sum(
      [Math.sqrt(b), moved],
      [Math.sqrt(1 - zeta) * Math.sqrt(1 - b - deviation ** 2), noiseOf(x, moved, a)],
      [fresh, sample.z(`${k}`)],
    );
    return { x0: moved, xt: x };
  });
}

function pnpAdmm(
  { y, rows }: Sample,
  steps: number,
  { rho, sigma, iterations }: Readonly<Record<"rho" | "sigma" | "iterations", number>>,
): readonly Expected[] {
  const t = nearest(sigma);
  const a = ALPHA_BAR[t]!;
  let [v, u] = [pseudoInverse(rows, y), ZERO];
  return Array.from({ length: steps }, () => {
    const target = sum([1, v], [-1, u]);
    const right = sum([1, adjoint(rows, y)], [rho, target]);
    const x = conjugate(normal(rows, 1, rho), right, target, iterations);
    v = predict(sum([Math.sqrt(a), x], [Math.sqrt(a), u]), t, true).x0;
    u = sum([1, u], [1, x], [-1, v]);
    return { x0: v, xt: x };
  });
}

const [HEIGHT, WIDTH] = SHAPE;

/** Differences to the next pixel below and to the right; 0 at the last one. */
function differences(x: Vector): readonly [Vector, Vector] {
  const [down, right] = [new Array<number>(SIZE).fill(0), new Array<number>(SIZE).fill(0)];
  for (let i = 0; i < HEIGHT; i++) {
    for (let j = 0; j < WIDTH; j++) {
      for (let c = 0; c < 3; c++) {
        if (i < HEIGHT - 1) down[index(i, j, c)] = x[index(i + 1, j, c)]! - x[index(i, j, c)]!;
        if (j < WIDTH - 1) right[index(i, j, c)] = x[index(i, j + 1, c)]! - x[index(i, j, c)]!;
      }
    }
  }
  return [down, right];
}

/** D^T of a pair of differences. */
function gathered([down, right]: readonly [Vector, Vector]): Vector {
  const x = new Array<number>(SIZE).fill(0);
  for (let i = 0; i < HEIGHT; i++) {
    for (let j = 0; j < WIDTH; j++) {
      for (let c = 0; c < 3; c++) {
        if (i < HEIGHT - 1) {
          [x[index(i + 1, j, c)]! += down[index(i, j, c)]!, x[index(i, j, c)]! -= down[index(i, j, c)]!];
        }
        if (j < WIDTH - 1) {
          [x[index(i, j + 1, c)]! += right[index(i, j, c)]!, x[index(i, j, c)]! -= right[index(i, j, c)]!];
        }
      }
    }
  }
  return x;
}

function admmTv(
  { y, rows }: Sample,
  steps: number,
  { rho, lambda, iterations }: Readonly<Record<"rho" | "lambda" | "iterations", number>>,
): readonly Expected[] {
  let x = pseudoInverse(rows, y);
  let [d, u]: readonly [Vector, Vector][] = [[ZERO, ZERO], [ZERO, ZERO]];
  const map = (p: Vector): Vector => sum([1, adjoint(rows, apply(rows, p))], [rho, gathered(differences(p))]);
  return Array.from({ length: steps }, () => {
    const wanted = gathered([sum([1, d![0]], [-1, u![0]]), sum([1, d![1]], [-1, u![1]])]);
    x = conjugate(map, sum([1, adjoint(rows, y)], [rho, wanted]), x, iterations);
    const [h, w] = differences(x).map((part, i) => sum([1, part], [1, u![i]!])) as [Vector, Vector];
    const share = h.map((value, i) => Math.max(0, 1 - lambda / rho / Math.hypot(value, w[i]!)) || 0);
    d = [h.map((value, i) => share[i]! * value), w.map((value, i) => share[i]! * value)];
    u = [sum([1, h], [-1, d[0]]), sum([1, w], [-1, d[1]])];
    return { x0: x, xt: x };
  });
}

Deno.test("dds() makes every state of the second implementation", async () => {
  const common = { eta: 0.6, iterations: 3, gamma: 1.4, plainArrival: true };
  const cases = [
    { options: { ...common, system: "auto" }, sigma: 0, noisy: false },
    { options: { ...common, system: "auto", plainArrival: false }, sigma: 0.2, noisy: true },
    { options: { ...common, system: "noisy" }, sigma: 0, noisy: true },
    { options: { ...common, system: "noiseless", iterations: 1 }, sigma: 0.2, noisy: false },
  ];
  for (const pair of [bicubic, mask]) {
    for (const { options, sigma, noisy } of cases) {
      await compare({
        name: "dds",
        pair,
        sigma,
        options: { ...options, steps: 6 },
        second: (sample) => dds(sample, 6, { ...options, noisy }),
      });
    }
  }
});

const DIFFPIR = { lambda: 2, zeta: 0.3, eta: 0, guidance: 1, gamma: 0.4, countsNoise: false };

Deno.test("diffpir() makes every state of the second implementation", async () => {
  const common = DIFFPIR;
  const cases = [
    { options: { ...common, dataStep: "exact" }, sigma: 0.2 },
    { options: { ...common, dataStep: "exact", eta: 0.7, guidance: 0.6, countsNoise: true }, sigma: 0.4 },
    { options: { ...common, dataStep: "exact", zeta: 1 }, sigma: 0 },
    { options: { ...common, dataStep: "back_projection", countsNoise: true }, sigma: 0.3 },
    { options: { ...common, dataStep: "back_projection", eta: 1, zeta: 0 }, sigma: 0 },
    { options: { ...common, dataStep: "first_order", lambda: 15 }, sigma: 0.2 },
    { options: { ...common, dataStep: "first_order", lambda: 400, guidance: 0.8 }, sigma: 0.6 },
  ] as const;
  for (const pair of [bicubic, mask, withoutDecomposition(pool)]) {
    for (const { options, sigma } of cases) {
      await compare({
        name: "diffpir",
        pair,
        sigma,
        options: { ...options, steps: 6 },
        second: (sample) => diffpir(sample, 6, options),
      });
    }
  }
});

Deno.test("diffpir() starts from a given image", async () => {
  const start = [0, 1].map((sample) => deviates("start", sample, SIZE));
  for (const countsNoise of [false, true]) {
    const options = { ...DIFFPIR, countsNoise, dataStep: "exact" } as const;
    await compare({
      name: "diffpir",
      pair: bicubic,
      sigma: 0.2,
      options: { ...options, steps: 3 },
      images: { start },
      second: (sample, number) => diffpir(sample, 3, options, start[number]),
    });
  }
});

Deno.test("diffpir() counts the levels that are left where neighbouring ones fall together", async () => {
  const options = { ...DIFFPIR, dataStep: "back_projection" } as const;
  const steps = TIMESTEPS - 20;
  await compare({
    name: "diffpir",
    pair: gray,
    options: { ...options, steps },
    second: (sample) => diffpir(sample, steps, options),
  });
});

Deno.test("pnp_admm() makes every state of the second implementation", async () => {
  for (const pair of [bicubic, mask]) {
    for (const options of [{ rho: 0.2, sigma: 0.5, iterations: 20 }, { rho: 1.5, sigma: 0.2, iterations: 1 }]) {
      await compare({
        name: "pnp_admm",
        pair,
        options: { ...options, steps: 4 },
        second: (sample) => pnpAdmm(sample, 4, options),
      });
    }
  }
});

Deno.test("admm_tv() makes every state of the second implementation", async () => {
  for (const pair of [bicubic, mask]) {
    for (const options of [{ rho: 0.4, lambda: 0.1, iterations: 10 }, { rho: 3, lambda: 0.5, iterations: 2 }]) {
      await compare({
        name: "admm_tv",
        pair,
        options: { ...options, steps: 4 },
        second: (sample) => admmTv(sample, 4, options),
      });
    }
  }
});
