/** DPS, MCG, PiGDM, DMPS and the switch against the second implementation, state by state. */
import { assertNotEquals } from "@std/assert";
import {
  adjoint,
  ancestral,
  apply,
  ddim,
  dot,
  gaussianInverse,
  type Kept,
  limited,
  noiseOf,
  norm,
  predict,
  pseudoInverse,
  SIZE,
  spaced,
  sum,
  times,
  TIMESTEPS,
  type VarianceKind,
  type Vector,
} from "./gradient_arrays.ts";
import { compare, type Expected, type Pair, PAIRS, type Sample, withoutDecomposition } from "./gradient_runs.ts";

interface Guided {
  readonly scale: number;
  readonly clip: boolean;
  readonly kind: VarianceKind;
  readonly poisson?: boolean;
}

/** x' - scale g, g = d|y - A x0|/dx, for counted photons times the mean of 1/|y|. */
function guided(
  x: Vector,
  at: Kept,
  z: Vector,
  { y, rows }: Sample,
  { scale, clip, kind, poisson = false }: Guided,
): {
  readonly x0: Vector;
  readonly moved: Vector;
  readonly plain: Vector;
  readonly grad: Vector;
  readonly norms: Vector;
} {
  const made = predict(x, at.t, clip);
  const r = sum([1, y], [-1, apply(rows, made.x0)]);
  const weight = poisson ? y.reduce((all, value) => all + 1 / Math.max(Math.abs(value), 1 / 255), 0) / y.length : 1;
  const grad = times(made.slope, adjoint(rows, r).map((value) => -weight * value / norm(r)));
  const plain = ancestral(x, at, made, z, kind);
  return { x0: made.x0, moved: sum([1, plain], [-scale, grad]), plain, grad, norms: [norm(r)] };
}

function dps(sample: Sample, steps: number, options: Guided): readonly Expected[] {
  let x = sample.z("xT");
  return spaced(steps).map((at, k) => {
    const { x0, moved, grad, norms } = guided(x, at, sample.z(`${k}`), sample, options);
    x = moved;
    return { x0, xt: x, parts: { grad, norms } };
  });
}

/** MCG: the same, then x + A^+ (y_t - A x) with y_t noised at the level of the step. */
function mcg(
  sample: Sample,
  steps: number,
  options: Guided & { readonly next: boolean; readonly white: boolean },
): readonly Expected[] {
  const { y, rows } = sample;
  let x = sample.z("xT");
  return spaced(steps).map((at, k) => {
    const { x0, moved, grad, norms } = guided(x, at, sample.z(`${k}`), sample, options);
    const a = options.next ? at.b : at.a;
    const fresh = options.white ? sample.zy(`known.${k}`) : apply(rows, sample.z(`known.${k}`));
    const noised = sum([Math.sqrt(a), y], [Math.sqrt(1 - a), fresh]);
    x = sum([1, moved], [1, pseudoInverse(rows, sum([1, noised], [-1, apply(rows, moved)]))]);
    return { x0, xt: x, parts: { grad, norms } };
  });
}

/** x' + scale (1 - alpha)/sqrt(alpha) A^T ((1 - a)/a A A^T + sigma^2)^-1 (y - A x_e/sqrt(a))/sqrt(a). */
function towards(moved: Vector, from: Vector, at: Kept, { y, rows, sigma }: Sample, scale: number): Vector {
  const { a, beta } = at;
  const r = sum([1, y], [-1 / Math.sqrt(a), apply(rows, from)]);
  const g = adjoint(rows, gaussianInverse(rows, r, (1 - a) / a, sigma ** 2));
  return sum([1, moved], [scale * beta / Math.sqrt(1 - beta) / Math.sqrt(a), g]);
}

function dmps(
  sample: Sample,
  steps: number,
  options: Pick<Guided, "scale" | "clip" | "kind"> & { readonly before: boolean },
): readonly Expected[] {
  let x = sample.z("xT");
  return spaced(steps).map((at, k) => {
    const made = predict(x, at.t, options.clip);
    const moved = ancestral(x, at, made, sample.z(`${k}`), options.kind);
    x = towards(moved, options.before ? x : moved, at, sample, options.scale);
    return { x0: made.x0, xt: x, parts: { ancestral: moved } };
  });
}

/** The switch after a number of steps, or where the PSNR of consecutive predictions reaches the threshold. */
function switching(
  sample: Sample,
  steps: number,
  options: Guided & {
    readonly likelihoodScale: number;
    /** Takes the first step of DMPS. */
    readonly switches: number[];
    readonly after?: number;
    readonly psnr?: { readonly threshold: number; readonly least: number; readonly latest: number };
  },
): readonly Expected[] {
  let [x, before, switched] = [sample.z("xT"), undefined as Vector | undefined, options.after === 0];
  let first = steps;
  const states = spaced(steps).map((at, k) => {
    if (switched) first = Math.min(first, k);
    const { x0, moved, plain } = guided(x, at, sample.z(`${k}`), sample, options);
    x = switched ? towards(plain, plain, at, sample, options.likelihoodScale) : moved;
    const seen = limited(x0);
    if (options.psnr && before && k + 1 >= options.psnr.least && at.t <= options.psnr.latest * TIMESTEPS) {
      const error = sum([1, seen], [-1, before]);
      switched ||= 10 * Math.log10(4 / (dot(error, error) / SIZE)) >= options.psnr.threshold;
    }
    before = seen;
    switched ||= k + 1 === options.after;
    return { x0, xt: x };
  });
  options.switches.push(first);
  return states;
}

/** x0 is guided along r: the likelihood of y in the paper, A^+ (y - A x0) in the authors' program. */
function pigdm(
  sample: Sample,
  steps: number,
  { eta, scale, clip, paper }: Readonly<Record<"eta" | "scale", number>> & Readonly<Record<"clip" | "paper", boolean>>,
): readonly Expected[] {
  const { y, rows, sigma } = sample;
  const path = spaced(steps);
  const first = path[0]!.a;
  const noise = sample.z("xT");
  let x = paper ? noise : sum([Math.sqrt(first), pseudoInverse(rows, y)], [Math.sqrt(1 - first), noise]);
  return path.map((at, k) => {
    const { x0, slope } = predict(x, at.t, paper && clip);
    const r = sum([1, y], [-1, apply(rows, x0)]);
    const spread = 1 - at.a;
    const direction = paper ? adjoint(rows, gaussianInverse(rows, r, spread, sigma ** 2)) : pseudoInverse(rows, r);
    const grad = times(slope, direction);
    const plain = ddim(x0, noiseOf(x, x0, at.a), sample.z(`${k}`), at, eta);
    x = sum([1, plain], [scale * Math.sqrt(at.a) * (paper ? spread : Math.sqrt(at.b)), grad]);
    return { x0, xt: x, parts: { grad } };
  });
}

const STEPS = 5;
const { pool, bicubic, mask, gray } = PAIRS;

/** Every kind of variance with and without clamp, as options and as the second implementation reads them. */
const STEPPED = ([["small", true], ["large", false], ["learned", true]] as const).map(([kind, clip]) => ({
  setting: { kind, clip },
  learned: kind === "learned",
  options: { steps: STEPS, clipDenoised: clip, ...(kind === "learned" ? {} : { fixedVariance: kind }) },
}));

Deno.test("dps() makes every state of the second implementation", async () => {
  for (const [pair, sigma] of [[pool, 0], [mask, 0.2]] as readonly (readonly [Pair, number])[]) {
    for (const { setting, learned, options } of STEPPED) {
      for (const likelihood of ["gaussian", "poisson"] as const) {
        const scale = 0.4;
        const second = { ...setting, scale, poisson: likelihood === "poisson" };
        await compare({
          name: "dps",
          pair,
          sigma,
          learned,
          options: { ...options, scale, likelihood },
          second: (sample) => dps(sample, STEPS, second),
        });
      }
    }
  }
});

Deno.test("mcg() makes every state of the second implementation", async () => {
  for (const [pair, sigma] of [[pool, 0], [mask, 0.2], [gray, 0]] as readonly (readonly [Pair, number])[]) {
    for (const [k, level] of (["current", "next", "current", "next"] as const).entries()) {
      const { setting, learned, options } = STEPPED[k % STEPPED.length]!;
      const [scale, white] = [0.7, k > 1];
      await compare({
        name: "mcg",
        pair,
        sigma,
        learned,
        inMeasurement: (draw) => white && draw.startsWith("known"),
        options: { ...options, scale, level, noiseIn: white ? "measurement" : "image" },
        second: (sample) => mcg(sample, STEPS, { ...setting, scale, next: level === "next", white }),
      });
    }
  }
});

const PIGDM_CASES = [
  ["paper", 0, true, 1],
  ["paper", 0.2, false, 0.4],
  ["published", 0, true, 0.4],
  ["published", 0.2, false, 1],
] as const;

Deno.test("pigdm() makes every state of the second implementation", async () => {
  for (const pair of [bicubic, mask, withoutDecomposition(pool)]) {
    for (const [guidanceForm, sigma, clip, eta] of PIGDM_CASES) {
      const options = { eta, scale: 0.8 };
      await compare({
        name: "pigdm",
        pair,
        sigma,
        options: { ...options, guidanceForm, steps: STEPS, clipDenoised: clip },
        second: (sample) => pigdm(sample, STEPS, { ...options, clip, paper: guidanceForm === "paper" }),
      });
    }
  }
});

Deno.test("dmps() makes every state of the second implementation", async () => {
  for (
    const [pair, sigma] of [[pool, 0], [bicubic, 0.05], [mask, 0.3], [withoutDecomposition(bicubic), 0.3]] as const
  ) {
    for (const { setting, learned, options } of STEPPED) {
      for (const point of ["before", "after"]) {
        const scale = 1.3;
        await compare({
          name: "dmps",
          pair,
          sigma,
          learned,
          options: { ...options, scale, point },
          second: (sample) => dmps(sample, STEPS, { ...setting, scale, before: point === "before" }),
        });
      }
    }
  }
});

Deno.test("dps_dmps() makes every state of the second implementation", async () => {
  const steps = 8;
  const rules = [
    { after: 4, options: { rule: "share", share: 0.45 } },
    { after: 0, options: { rule: "share", share: 0 } },
    {
      mixes: "small",
      psnr: { threshold: 20.27, least: 4, latest: 0.7 },
      options: { rule: "psnr", threshold: 20.27, leastSteps: 4, latestShare: 0.7 },
    },
    {
      mixes: "large",
      psnr: { threshold: 19.76, least: 4, latest: 0.7 },
      options: { rule: "psnr", threshold: 19.76, leastSteps: 4, latestShare: 0.7 },
    },
    {
      // Predictions beyond [-1, 1] count as clamped.
      psnr: { threshold: 16.6, least: 7, latest: 1 },
      options: { rule: "psnr", threshold: 16.6, leastSteps: 7, latestShare: 1 },
    },
    {
      // Timestep 85 itself is one that may switch.
      psnr: { threshold: -100, least: 0, latest: 0.425 },
      options: { rule: "psnr", threshold: -100, leastSteps: 0, latestShare: 0.425 },
    },
  ];
  for (const pair of [pool, mask]) {
    for (const { setting, learned, options } of STEPPED) {
      for (const { options: ruled, mixes, ...rule } of rules) {
        const switches: number[] = [];
        const [scale, likelihoodScale] = [0.5, 0.9];
        await compare({
          name: "dps_dmps",
          pair,
          sigma: 0.2,
          learned,
          options: { ...options, ...ruled, steps, scale, likelihoodScale },
          second: (sample) => switching(sample, steps, { ...setting, scale, likelihoodScale, ...rule, switches }),
        });
        // Where the samples switch at different steps, a step of the batch is DPS for one and DMPS for the other.
        if (mixes === setting.kind) assertNotEquals(switches[0], switches[1]);
      }
    }
  }
});
