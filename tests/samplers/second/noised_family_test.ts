/** RePaint, ILVR and Score-SDE against the second implementation, state by state. */
import {
  ancestral,
  apply,
  lowPass,
  predict,
  pseudoInverse,
  spaced,
  sum,
  type VarianceKind,
  type Vector,
} from "./gradient_arrays.ts";
import { compare, type Expected, PAIRS, type Sample } from "./gradient_runs.ts";

const { pool, pool4, bicubic, mask, gray } = PAIRS;

interface Stepped {
  readonly kind: VarianceKind;
  readonly clip: boolean;
}

/** x + A^+ (y_t - A x) with y_t = sqrt(a) y + sqrt(1 - a) A z, or with white noise. */
function projected({ y, rows, z, zy }: Sample, x: Vector, a: number, draw: string, white: boolean): Vector {
  const fresh = white ? zy(draw) : apply(rows, z(draw));
  const noised = sum([Math.sqrt(a), y], [Math.sqrt(1 - a), fresh]);
  return sum([1, x], [1, pseudoInverse(rows, sum([1, noised], [-1, apply(rows, x)]))]);
}

function scoreSde(
  sample: Sample,
  steps: number,
  { kind, clip, next, white }: Stepped & Readonly<Record<"next" | "white", boolean>>,
): readonly Expected[] {
  let x = sample.z("xT");
  return spaced(steps).map((at, k) => {
    const made = predict(x, at.t, clip);
    x = projected(sample, ancestral(x, at, made, sample.z(`${k}`), kind), next ? at.b : at.a, `known.${k}`, white);
    return { x0: made.x0, xt: x };
  });
}

function ilvr(
  { y, rows, z }: Sample,
  steps: number,
  { kind, clip, factor, range, paper }: Stepped & {
    readonly factor: number;
    readonly range: number;
    readonly paper: boolean;
  },
): readonly Expected[] {
  const [filter, reference] = [lowPass(factor), pseudoInverse(rows, y)];
  let x = z("xT");
  return spaced(steps).map((at, k) => {
    const made = predict(x, at.t, clip);
    x = ancestral(x, at, made, z(`${k}`), kind);
    const i = steps - 1 - k;
    const a = paper ? at.b : at.a;
    if (paper ? i >= range : i > range) {
      const noised = sum([Math.sqrt(a), reference], [Math.sqrt(1 - a), z(`known.${k}`)]);
      x = sum([1, x], [-1, apply(filter, x)], [1, apply(filter, noised)]);
    }
    return { x0: made.x0, xt: x };
  });
}

/** The times of RePaint's schedule: down from T', and up again by the length at every jump that is left. */
function times(steps: number, length: number, repeat: number): readonly number[] {
  const jumps = new Map<number, number>();
  for (let j = 0; j < steps - length; j += length) jumps.set(j, repeat - 1);
  const made: number[] = [];
  for (let t = steps; t >= 1;) {
    made.push(--t);
    if ((jumps.get(t) ?? 0) <= 0) continue;
    jumps.set(t, jumps.get(t)! - 1);
    for (let i = 0; i < length; i++) made.push(++t);
  }
  return [...made, -1];
}

function repaint(
  sample: Sample,
  steps: number,
  { kind, clip, length, repeat, white }: Stepped & {
    readonly length: number;
    readonly repeat: number;
    readonly white: boolean;
  },
): readonly Expected[] {
  const levels = spaced(steps).toReversed();
  const path = times(steps, length, repeat);
  let [x, x0] = [sample.z("xT"), undefined as Vector | undefined];
  return path.slice(1).map((to, k) => {
    const from = path[k]!;
    if (to > from) {
      const { beta } = levels[to]!;
      x = sum([Math.sqrt(1 - beta), x], [Math.sqrt(beta), sample.z(`${k}`)]);
      return { x0: x0!, xt: x };
    }
    const at = levels[from]!;
    if (x0) x = projected(sample, x, at.a, `known.${k}`, white);
    const made = predict(x, at.t, clip);
    [x, x0] = [ancestral(x, at, made, sample.z(`${k}`), kind), made.x0];
    return { x0, xt: x };
  });
}

/** Every kind of variance with and without clamp, as options and as the second implementation reads them. */
const STEPPED = ([["small", true], ["large", false], ["learned", true]] as const).map(([kind, clip]) => ({
  setting: { kind, clip },
  learned: kind === "learned",
  options: { clipDenoised: clip, ...(kind === "learned" ? {} : { fixedVariance: kind }) },
}));

Deno.test("score_sde() makes every state of the second implementation", async () => {
  for (const [pair, sigma] of [[pool, 0], [mask, 0.2], [gray, 0]] as const) {
    for (const { setting, learned, options } of STEPPED) {
      for (const level of ["current", "next"]) {
        const white = (level === "next") === setting.clip;
        await compare({
          name: "score_sde",
          pair,
          sigma,
          learned,
          inMeasurement: (draw) => white && draw.startsWith("known"),
          options: { ...options, steps: 5, level, noiseIn: white ? "measurement" : "image" },
          second: (sample) => scoreSde(sample, 5, { ...setting, next: level === "next", white }),
        });
      }
    }
  }
});

Deno.test("ilvr() makes every state of the second implementation", async () => {
  const cases = [
    { pair: pool, options: { factor: 0, freeSteps: 0 }, factor: 2 },
    { pair: pool4, options: { factor: 0, freeSteps: 0 }, factor: 4 },
    { pair: bicubic, options: { factor: 4, freeSteps: 2 }, factor: 4 },
    { pair: mask, options: { factor: 0, freeSteps: 1 }, factor: 2 },
  ];
  for (const { pair, options: filtered, factor } of cases) {
    for (const { setting, learned, options } of STEPPED) {
      for (const reference of ["published", "paper"]) {
        const second = { ...setting, factor, range: filtered.freeSteps, paper: reference === "paper" };
        await compare({
          name: "ilvr",
          pair,
          sigma: factor === 4 ? 0.1 : 0,
          learned,
          options: { ...options, ...filtered, steps: 5, reference },
          second: (sample) => ilvr(sample, 5, second),
        });
      }
    }
  }
});

Deno.test("repaint() makes every state of the second implementation", async () => {
  const travels = [{ length: 2, repeat: 3 }, { length: 1, repeat: 2 }, { length: 5, repeat: 4 }];
  for (const [pair, sigma] of [[mask, 0], [pool, 0.2]] as const) {
    for (const [k, travel] of travels.entries()) {
      const { setting, learned, options } = STEPPED[k]!;
      const white = k === 1;
      await compare({
        name: "repaint",
        pair,
        sigma,
        learned,
        inMeasurement: (draw) => white && draw.startsWith("known"),
        options: {
          ...options,
          steps: 5,
          travelLength: travel.length,
          travelRepeat: travel.repeat,
          noiseIn: white ? "measurement" : "image",
        },
        second: (sample) => repaint(sample, 5, { ...setting, ...travel, white }),
      });
    }
  }
});
