/** Classifier guidance against formulas: the classifier is softmax of products with a matrix, so its gradient is known. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  constant,
  type DeviceTensor,
  hostTensor,
  ReferenceRuntime,
  type Runtime,
  type Tensor,
} from "../../engine/mod.ts";
import { linear, reshape, weightedSum } from "../../kernels/mod.ts";
import type { NoiseModel } from "../../models/mod.ts";
import {
  ancestralCoefficients,
  type ClassGuidance,
  type Level,
  PLAIN_SAMPLERS,
  type PlainSamplerName,
  type Progress,
  respace,
  seededNoise,
  spaceTimesteps,
} from "../../samplers/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { gaussianModel } from "./gaussian_model.ts";

const SHAPE = [8, 8, 3];
const COUNT = 192;
const CLASSES = 4;
const WEIGHTS = randomValues(COUNT * CLASSES, 1).map((value) => 0.2 * value);
const MODEL = gaussianModel(new Float32Array(COUNT).fill(0.1), 0.2, SHAPE);
const LABEL = 2;

const logits = (xt: Tensor): Tensor =>
  linear(reshape(xt, [xt.shape[0]!, COUNT]), constant(hostTensor(WEIGHTS, [COUNT, CLASSES])));

/** The gradient of log softmax(x W)[LABEL]. */
function slope(x: Float32Array): Float32Array {
  const scores = Array.from(
    { length: CLASSES },
    (_, c) => x.reduce((sum, v, i) => sum + v * WEIGHTS[i * CLASSES + c]!, 0),
  );
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const total = powers.reduce((a, b) => a + b, 0);
  return x.map((_, i) =>
    powers.reduce((sum, power, c) => sum + ((c === LABEL ? 1 : 0) - power / total) * WEIGHTS[i * CLASSES + c]!, 0)
  );
}

function sampling(
  name: PlainSamplerName,
  { runtime = new ReferenceRuntime(), model = MODEL, scale, start, steps = 5, count = 1, seeds = [3] }: {
    readonly runtime?: Runtime;
    readonly model?: NoiseModel;
    readonly scale?: number;
    readonly start?: Float32Array;
    readonly steps?: number;
    readonly count?: number;
    readonly seeds?: readonly number[];
  },
): AsyncGenerator<Progress, DeviceTensor> {
  const guidance: ClassGuidance | undefined = scale === undefined ? undefined : { logits, label: LABEL, scale };
  const problem = {
    model,
    count,
    ...(guidance ? { guidance } : {}),
    ...(start ? { start: runtime.upload(start, [count, ...SHAPE]) } : {}),
  };
  const options = { steps, clipDenoised: false, noise: seededNoise(seeds) };
  return PLAIN_SAMPLERS[name].sample(runtime, problem, options);
}

async function firstState(...args: Parameters<typeof sampling>): Promise<Record<"x0" | "xt", Float32Array>> {
  const run = sampling(...args);
  const { value } = await run.next() as { readonly value: Progress };
  const states = { x0: await value.x0.read(), xt: await value.xt.read() };
  await run.return(undefined as never);
  return states;
}

async function finish(run: AsyncGenerator<Progress, DeviceTensor>): Promise<Float32Array> {
  let next = await run.next();
  while (!next.done) next = await run.next();
  return await next.value.read();
}

const level: Level = respace(MODEL.alphaBar, spaceTimesteps(1000, "5")).at(-1)!;

Deno.test("DDPM moves its mean by the variance times the gradient of the class, learned or not", async () => {
  const start = randomValues(COUNT, 7);
  const learned: NoiseModel = {
    ...MODEL,
    predictWithVariance: (xt, t) => ({
      eps: MODEL.predictEps(xt, t),
      variance: weightedSum([[1, constant(hostTensor(new Float32Array(COUNT).fill(0.3), [1, ...SHAPE]))]]),
    }),
  };
  for (const [model, v] of [[MODEL, undefined], [learned, 0.3]] as const) {
    const [free, guided] = [
      await firstState("ddpm", { model, start }),
      await firstState("ddpm", { model, start, scale: 2 }),
    ];
    const { xtFromNoise, slope: growth } = ancestralCoefficients(level, v !== undefined);
    const variance = (xtFromNoise * Math.exp(growth * (v ?? 0))) ** 2;
    assertClose(
      guided.xt.map((value, i) => value - free.xt[i]!),
      slope(start).map((g) => 2 * variance * g),
      1e-4,
      `${v}`,
    );
    assertEquals(guided.x0, free.x0);
  }
});

Deno.test("DDIM moves eps by -sqrt(1 - alphaBar) times the gradient of the class", async () => {
  const start = randomValues(COUNT, 8);
  const [free, guided] = [await firstState("ddim", { start }), await firstState("ddim", { start, scale: 2 })];
  const { alphaBar } = level;
  const weight = 2 * (1 - alphaBar) / Math.sqrt(alphaBar);
  assertClose(guided.x0.map((value, i) => value - free.x0[i]!), slope(start).map((g) => weight * g), 1e-4, "x0");
});

Deno.test("guidance makes its class likelier the stronger it is, and with weight 0 changes nothing", async () => {
  for (const name of ["ddpm", "ddim"] as const) {
    const scores: number[] = [];
    for (const scale of [0, 1, 4]) {
      const image = await finish(sampling(name, { scale, steps: 50 }));
      const gradient = slope(image);
      // The smaller the gradient, the more certain the classifier.
      scores.push(Math.hypot(...gradient));
    }
    assert(scores[0]! > scores[1]! && scores[1]! > scores[2]!, `${name}: ${scores}`);
    assertClose(await finish(sampling(name, { scale: 0 })), await finish(sampling(name, {})), 1e-6, name);
  }
});

gpuTest("guided sampling gives the same on a GPU, and batches equal single runs bit by bit", async (runtime) => {
  for (const name of ["ddpm", "ddim"] as const) {
    const both = await finish(sampling(name, { runtime, scale: 1, count: 2, seeds: [1, 2] }));
    assertClose(both, await finish(sampling(name, { scale: 1, count: 2, seeds: [1, 2] })), 1e-4, name);
    assertEquals(both.slice(COUNT), await finish(sampling(name, { runtime, scale: 1, seeds: [2] })), name);
  }
});

Deno.test("a class that the classifier does not have and a weight below 0 are refused", async () => {
  assertThrows(
    () => sampling("ddpm", { scale: -1 }),
    RangeError,
    "Cannot run ddpm: the guidance scale is -1, a number of at least 0 is needed",
  );
  const runtime = new ReferenceRuntime();
  const guidance = { logits, label: CLASSES, scale: 1 };
  const options = { steps: 5, clipDenoised: true, noise: seededNoise([1]) };
  const run = PLAIN_SAMPLERS.ddpm.sample(runtime, { model: MODEL, guidance }, options);
  let message = "";
  await run.next().catch((error: Error) => message = error.message);
  assert(message.includes("Cannot guide to class 4: the classifier has 4 classes, an integer from 0 to 3"), message);
});
