/** DDSMC and FPS-SMC against second implementations, particle by particle, with weights and parents. */
import { assertEquals } from "@std/assert";
import { type DeviceTensor, elementCount, ReferenceRuntime, type Shape } from "../../../engine/mod.ts";
import { type Progress, type Sampler, SAMPLERS } from "../../../samplers/mod.ts";
import { assertClose } from "../../support/close.ts";
import { analyticEps, countingModel, drawn, type OperatorPair, PAIRS, recordedNoise, SHAPE } from "./harness.ts";
import { grid } from "./noise_levels.ts";
import {
  clamped,
  type DenseOperator,
  difference,
  scaled,
  sum,
  times,
  transposed,
  type Vector,
} from "./plain_arrays.ts";
import { MILD, spaced } from "./schedule.ts";

const COUNT = elementCount(SHAPE);
const PARTICLES = 3;
const SIGMA = 0.3;

/** What a step of either leaves. */
interface Crowd {
  readonly particles: readonly Vector[];
  readonly logWeights: Vector;
  readonly ancestors: Vector;
}

/** The draw of all particles, one after the other. */
function crowdDraw(name: string): readonly Vector[] {
  const all = drawn(name, PARTICLES * COUNT);
  return Array.from({ length: PARTICLES }, (_, i) => all.slice(i * COUNT, (i + 1) * COUNT));
}

/** Even numbers: angles of pairs of deviates. */
function even(name: string, count: number): Vector {
  const pairs = drawn(name, 2 * count);
  return Array.from({ length: count }, (_, i) => {
    const angle = Math.atan2(pairs[2 * i]!, pairs[2 * i + 1]!);
    return (angle < 0 ? angle + 2 * Math.PI : angle) / (2 * Math.PI);
  });
}

function normalised(logs: Vector): Vector {
  const total = Math.log(logs.reduce((all, log) => all + Math.exp(log - Math.max(...logs)), 0)) + Math.max(...logs);
  return logs.map((log) => log - total);
}

/** One parent for each number, where it falls among the running sums of the weights. */
function drawnParents(logWeights: Vector, numbers: Vector): Vector {
  return numbers.map((number) => {
    let [i, left] = [0, number];
    while (i < logWeights.length - 1 && left >= Math.exp(logWeights[i]!)) left -= Math.exp(logWeights[i++]!);
    return i;
  });
}

function squares(x: Vector): number {
  return x.reduce((all, value) => all + value * value, 0);
}

interface Ddsmc {
  readonly steps: number;
  readonly eta: number;
  readonly sigmaMin: number;
  readonly sigmaMax: number;
  readonly spreadMin: number;
  readonly spreadMax: number;
}

/** In the coefficients of V, states without scale. */
function* ddsmc({ u, s, v }: DenseOperator, y: Vector, options: Ddsmc): Generator<Crowd> {
  const { steps, eta, sigmaMin, sigmaMax, spreadMin, spreadMax } = options;
  const sigmas = grid(steps, sigmaMin, sigmaMax, 7);
  const spreads = grid(steps, spreadMin, spreadMax, 7);
  const eps = analyticEps(sigmas.slice(0, -1).map((sigma) => 1 / (1 + sigma * sigma)));
  const known = times(transposed(u), y);
  const likelihood = (c: Vector, spread: number): number =>
    -s.reduce((all, value, j) => {
      if (value === 0) return all;
      return all + (value * c[j]! - known[j]!) ** 2 / (2 * (SIGMA ** 2 + spread ** 2 * value ** 2));
    }, 0);
  let particles = crowdDraw("xT").map((z) => times(transposed(v), z).map((value) => sigmaMax * value));
  let before: Vector = particles.map(() => 0);
  for (let k = 0; k < steps; k++) {
    const [sigma, next, spread] = [sigmas[k]!, sigmas[k + 1]!, spreads[k]!];
    const denoised = particles.map((c) => {
      const x = times(v, c);
      const noise = eps(x.map((value) => value / Math.hypot(1, sigma)), k);
      return times(transposed(v), sum([1, x], [-sigma, noise]));
    });
    const likelihoods = denoised.map((c) => likelihood(c, spread));
    const logWeights = normalised(likelihoods.map((log, i) => log + before[i]!));
    const ancestors = drawnParents(logWeights, even(`uniform.${k}`, PARTICLES));
    const fallen = sigma ** 2 - next ** 2;
    const a = fallen / (eta * next ** 2 + fallen);
    const noise = crowdDraw(`${k}`).map((z) => times(transposed(v), z));
    const made = ancestors.map((parent, i) => {
      const [d, x] = [denoised[parent]!, particles[parent]!];
      let [ofPrior, ofDraw] = [0, 0];
      const c = s.map((value, j) => {
        const known2 = spread ** 2 * SIGMA ** 2 / (value ** 2 * spread ** 2 + SIGMA ** 2);
        const m = value === 0
          ? d[j]!
          : (spread ** 2 * value * known[j]! + SIGMA ** 2 * d[j]!) / (value ** 2 * spread ** 2 + SIGMA ** 2);
        const variance = Math.max(0, next === 0 ? 0 : a * next ** 2 - a ** 2 * spread ** 2 + a ** 2 * known2);
        const mean = a * m + (1 - a) * x[j]!;
        const drawnValue = mean + Math.sqrt(variance) * noise[i]![j]!;
        if (next > 0) ofPrior -= (drawnValue - (1 - a) * x[j]! - a * d[j]!) ** 2 / (2 * a * next ** 2);
        if (variance > 0) ofDraw -= (drawnValue - mean) ** 2 / (2 * variance);
        return drawnValue;
      });
      return { c, ratio: ofPrior - ofDraw - likelihoods[parent]! };
    });
    particles = made.map(({ c }) => c);
    before = made.map(({ ratio }) => ratio);
    const scale = 1 / Math.hypot(1, next);
    yield { particles: particles.map((c) => times(v, c).map((value) => scale * value)), logWeights, ancestors };
  }
}

interface Fps {
  readonly steps: number;
  readonly share: number;
  readonly form: "published" | "paper";
}

/** In pictures; coefficients are drawn in those of V. */
function* fps({ a, u, s, v, pseudoInverse }: DenseOperator, y: Vector, { steps, share, form }: Fps): Generator<Crowd> {
  const list = spaced(MILD.length, steps);
  const at = (k: number): number => k < 0 ? 1 : MILD[list[k]!]!;
  const eps = analyticEps(MILD);
  const levels: Vector[] = [];
  levels[steps - 1] = times(a, drawn(`y.${steps - 1}`));
  for (let k = steps - 1; k > 0; k--) {
    const back = Math.sqrt((1 - share) * (1 - at(k - 1)) / (1 - at(k)));
    levels[k - 1] = sum(
      [Math.sqrt(at(k - 1)), y],
      [back, sum([1, levels[k]!], [-Math.sqrt(at(k)), y])],
      [Math.sqrt(share * (1 - at(k - 1))), times(a, drawn(`y.${k - 1}`))],
    );
  }
  let particles = crowdDraw("xT").map((z) =>
    sum([1, z], [1, times(pseudoInverse, difference(levels[steps - 1]!, times(a, z)))])
  );
  for (let [k, j] = [steps - 2, 0]; k > 0; k--, j++) {
    const [here, below] = [at(k), at(k - 1)];
    const variance = share * (1 - below);
    const published = form === "published";
    const ofMeasurement = SIGMA ** 2 * (published ? here : below);
    const slack = published ? 1e-6 : 0;
    const level = levels[published ? k : k - 1]!;
    const noise = crowdDraw(`${j}`);
    const made = particles.map((x, i) => {
      const e = eps(x, list[k]!);
      const x0 = clamped(sum([1 / Math.sqrt(here), x], [-Math.sqrt(1 / here - 1), e]));
      const mean = sum([Math.sqrt(below), x0], [Math.sqrt((1 - below) * (1 - share)), e]);
      const missing = times(transposed(u), difference(level, times(a, mean)));
      const z = times(transposed(v), noise[i]!);
      const gain = s.map((value) => value * (variance + slack) / (value ** 2 * (variance + slack) + ofMeasurement));
      const spread = s.map((value) => 1 / Math.sqrt(1 / variance + value ** 2 / ofMeasurement));
      const moved = times(v, sum([1, scaled(gain, missing)], [1, scaled(spread, z)]));
      const state = sum([1, mean], [1, moved]);
      const left = times(transposed(u), difference(level, times(a, state))).map((value, n) => s[n]! > 0 ? value : 0);
      const log = -squares(left) / (2 * SIGMA ** 2 * below) - squares(moved) / (2 * variance) + squares(z) / 2;
      return { state, log: (published ? PARTICLES : 1) * log };
    });
    const logWeights = normalised(made.map(({ log }) => log));
    const ancestors = drawnParents(logWeights, even(`uniform.${j}`, PARTICLES));
    particles = ancestors.map((parent) => made[parent]!.state);
    yield { particles, logWeights, ancestors };
  }
}

/** The shape of a draw by its name. */
function shapeOf(name: string): Shape {
  if (name.startsWith("uniform")) return [name === "uniform.final" ? 1 : PARTICLES, 2];
  return name.startsWith("y.") ? SHAPE : [PARTICLES, ...SHAPE];
}

async function compare(
  name: "ddsmc" | "fps_smc",
  { operator, dense }: OperatorPair,
  options: object,
  second: (y: Vector, dense: DenseOperator) => Iterable<Crowd>,
): Promise<void> {
  const runtime = new ReferenceRuntime();
  const y = drawn("y", elementCount(operator.measurementShape)).map((value) => 0.5 * value);
  const { noise, draws } = recordedNoise(runtime, shapeOf);
  const upload = runtime.upload(Float32Array.from(y), [1, ...operator.measurementShape]);
  const problem = { model: countingModel(MILD).model, operator, y: upload, sigmaY: SIGMA };
  const all: object = { particles: PARTICLES, resampling: "multinomial", ...options };
  const run = (SAMPLERS[name] as Sampler<object>).restore(runtime, problem, { ...all, noise });
  const read = async (tensor: DeviceTensor | undefined): Promise<Vector> => Array.from(await tensor!.read());
  for (const [k, { particles, logWeights, ancestors }] of [...second(y, dense)].entries()) {
    const { parts } = (await run.next()).value as Progress;
    const what = `${name} on ${operator.name}, ${JSON.stringify(options)}, step ${k}`;
    assertEquals(await read(parts!["ancestors"]), ancestors, what);
    assertClose(await read(parts!["particles"]), particles.flat(), 1e-4, what);
    const weights = await read(parts!["logWeights"]);
    assertClose(weights.map(Math.exp), logWeights.map(Math.exp), 1e-3, `${what}: weights`);
  }
  await run.return(undefined as never);
  const ordinals = draws.map(({ ordinal }) => ordinal);
  assertEquals(new Set(ordinals).size, ordinals.length, "every draw has an ordinal of its own");
}

Deno.test("ddsmc makes the particles, weights and parents of the second implementation", async () => {
  for (const pair of PAIRS) {
    for (const eta of [0, 0.5, 1]) {
      const options = { steps: 4, eta, sigmaMin: 0.2, sigmaMax: 5, spreadMin: 0.1, spreadMax: 1.5 };
      await compare("ddsmc", pair, options, (y, dense) => ddsmc(dense, y, options));
    }
  }
});

Deno.test("fps_smc makes the particles, weights and parents of the second implementation, in both forms", async () => {
  for (const pair of PAIRS) {
    for (const form of ["published", "paper"] as const) {
      const options = { steps: 6, share: 0.8, form };
      await compare("fps_smc", pair, options, (y, dense) => fps(dense, y, options));
    }
  }
});
