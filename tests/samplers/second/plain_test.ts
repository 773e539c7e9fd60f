import { assertEquals } from "@std/assert";
import {
  type Coefficient,
  constant,
  elementCount,
  hostTensor,
  ReferenceRuntime,
  type Tensor,
} from "../../../engine/mod.ts";
import { add, gatherRows, linear, reshape } from "../../../kernels/mod.ts";
import { type ClassGuidance, ddimReverse, PLAIN_SAMPLERS } from "../../../samplers/mod.ts";
import {
  analyticEps,
  analyticVariance,
  assertSameRun,
  countingModel,
  drawn,
  recordedNoise,
  SHAPE,
  type StateFunction,
} from "./harness.ts";
import { ddim, ddimUp, ddpm, type PlainSampling } from "./plain.ts";
import { matrix, normals, times, transposed, type Vector } from "./plain_arrays.ts";
import type { PlainState } from "./problem.ts";
import { LINEAR, MILD } from "./schedule.ts";

const COUNT = elementCount(SHAPE);
const CLASSES = 3;
const LABEL = 1;

/** Weights [class, pixel] and biases [timestep, class] of a classifier. */
const WEIGHTS = matrix(CLASSES, COUNT, (c, i) => Math.fround(0.4 * Math.sin(c + 1.7 * i)));
const BIASES = matrix(1000, CLASSES, (t, c) => Math.fround(Math.cos(0.05 * t + 2 * c)));

function logits(xt: Tensor, timestep: Coefficient): Tensor {
  const weights = hostTensor(Float32Array.from(transposed(WEIGHTS).flat()), [COUNT, CLASSES]);
  const biases = hostTensor(Float32Array.from(BIASES.flat()), [BIASES.length, CLASSES]);
  return add(linear(reshape(xt, [1, COUNT]), constant(weights)), gatherRows(constant(biases), [timestep]));
}

/** The gradient of the logarithm of the probability of the class. */
const slope: StateFunction = (x, t) => {
  const powers = times(WEIGHTS, x).map((score, c) => Math.exp(score + BIASES[t]![c]!));
  const total = powers.reduce((a, b) => a + b, 0);
  return times(transposed(WEIGHTS), powers.map((power, c) => (c === LABEL ? 1 : 0) - power / total));
};

/** What is sampled. */
interface Setting {
  readonly abar: readonly number[];
  readonly learnsVariance?: boolean;
  readonly scale?: number;
  readonly start?: Vector;
}

async function compare<O extends object>(
  name: "ddpm" | "ddim",
  options: O & { readonly steps: number; readonly clipDenoised: boolean; readonly eta?: number },
  { abar, learnsVariance = false, scale, start }: Setting,
  second: (sampling: PlainSampling, options: O) => Iterable<PlainState>,
): Promise<void> {
  const what = `${name}, ${JSON.stringify({ ...options, learnsVariance, scale, start: start !== undefined })}`;
  const runtime = new ReferenceRuntime();
  const { model, seen } = countingModel(abar, { learnsVariance });
  const { noise, draws } = recordedNoise(runtime);
  const guidance: ClassGuidance | undefined = scale === undefined ? undefined : { logits, label: LABEL, scale };
  const problem = {
    model,
    ...(guidance ? { guidance } : {}),
    ...(start ? { start: runtime.upload(Float32Array.from(start), [1, ...SHAPE]) } : {}),
  };
  const run = PLAIN_SAMPLERS[name].sample(runtime, problem, { ...options, noise });
  const [asked, names]: [number[], string[]] = [[], []];
  const eps = analyticEps(abar);
  const sampling: PlainSampling = {
    abar,
    eps: (x, t) => (asked.push(t), eps(x, t)),
    z: (draw) => draw === "start" && start ? start : (names.push(draw), drawn(draw)),
    ...(learnsVariance ? { v: analyticVariance } : {}),
    ...(scale === undefined ? {} : { guide: { scale, slope } }),
  };
  await assertSameRun(what, run, second(sampling, options), { seen, draws, asked, names }, start ? 1 : 0);
  assertEquals(PLAIN_SAMPLERS[name].evaluations(options).actual, seen.length, `${what}: announced evaluations`);
}

const START = normals(COUNT, 5).map((value) => Math.fround(0.5 * value));

for (const learnsVariance of [false, true]) {
  Deno.test(`ddpm makes the states of the published rule with ${learnsVariance ? "learned" : "posterior"} variance`, async () => {
    for (const clipDenoised of [true, false]) {
      for (const setting of [{}, { scale: 1 }, { scale: 4 }, { start: START }]) {
        for (const steps of [2, 5, 8]) {
          const options = { steps, clipDenoised };
          await compare("ddpm", options, { abar: MILD, learnsVariance, ...setting }, ddpm);
        }
      }
    }
    await compare("ddpm", { steps: 20, clipDenoised: true }, { abar: LINEAR, learnsVariance }, ddpm);
  });
}

Deno.test("ddim makes the states of the published rule with every share of fresh noise", async () => {
  for (const clipDenoised of [true, false]) {
    for (const setting of [{}, { scale: 1 }, { scale: 4 }, { start: START }, { learnsVariance: true }]) {
      for (const [steps, eta] of [[2, 0], [5, 0.5], [8, 1], [6, 0.2]] as const) {
        await compare("ddim", { steps, clipDenoised, eta }, { abar: MILD, ...setting }, ddim);
      }
    }
  }
  await compare("ddim", { steps: 20, clipDenoised: true, eta: 0.7 }, { abar: LINEAR }, ddim);
});

Deno.test("ddim backwards makes the states of the published rule", async () => {
  for (const abar of [MILD, LINEAR]) {
    for (const clipDenoised of [true, false]) {
      for (const steps of [2, 5, 11]) {
        const runtime = new ReferenceRuntime();
        const { model, seen } = countingModel(abar);
        const image = runtime.upload(Float32Array.from(START), [1, ...SHAPE]);
        const asked: number[] = [];
        const eps = analyticEps(abar);
        const options = { steps, clipDenoised };
        const second = ddimUp({ abar, eps: (x, t) => (asked.push(t), eps(x, t)) }, START, options);
        const run = ddimReverse(runtime, { model, image }, options);
        const what = `ddim backwards, ${JSON.stringify(options)}`;
        await assertSameRun(what, run, second, { seen, draws: [], asked, names: [] });
      }
    }
  }
});
