import { assert, assertEquals } from "@std/assert";
import {
  type DeviceTensor,
  ReferenceRuntime,
  type Runtime,
  type Stage,
  type StageBody,
  type Tensors,
} from "../../engine/mod.ts";
import { sampleNormal } from "../../kernels/mod.ts";
import { createOperator, type LinearOperator } from "../../operators/mod.ts";
import {
  ddpmCoefficients,
  etaMixCoefficients,
  givenNoise,
  INVERSION_VARIANTS,
  invert,
  type Level,
  type NoiseSource,
  type Progress,
  respace,
  restorationStep,
  SAMPLERS,
  seededNoise,
  type SsdPlusOptions,
  ssdTimesteps,
} from "../../samplers/mod.ts";
import { assertClose, relativeError } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { gaussianModel } from "./gaussian_model.ts";

const SHAPE = [8, 8, 3];
const COUNT = 192;
const FEW_STEPS: SsdPlusOptions = { ...SAMPLERS.ssd_plus.defaults, inversionSteps: 4, generationSteps: 6 };
const OPERATORS: readonly LinearOperator[] = [
  createOperator("sr_average", SHAPE, { scale: 4 }),
  createOperator("sr_bicubic", SHAPE, { scale: 2 }),
  createOperator("colorize", SHAPE),
  createOperator("inpaint", SHAPE, { missing: 0.5, seed: 3 }),
];

/** A x of one image. */
async function measure(runtime: Runtime, operator: LinearOperator, image: Float32Array): Promise<Float32Array> {
  const stage = runtime.stage("measure", ({ x }: Tensors<"x">) => ({ y: operator.forward(x) }));
  return (await stage({ x: runtime.upload(image, [1, ...SHAPE]) }, {})).y.read();
}

/** Runs a restoration to its end. */
async function finish(run: AsyncGenerator<Progress, DeviceTensor>): Promise<Float32Array> {
  for (;;) {
    const { done, value } = await run.next();
    if (done) return await value.read();
  }
}

interface Setting {
  readonly sampler?: "ssd" | "ssd_plus";
  readonly operator: LinearOperator;
  /** One measurement or several, one after the other. */
  readonly y: Float32Array;
  readonly seeds?: readonly number[];
  readonly options?: Partial<SsdPlusOptions>;
  /** Mean and variance of the model; by default a gray level with some spread. */
  readonly mean?: Float32Array;
  readonly variance?: number;
}

function restore(setting: Setting): AsyncGenerator<Progress, DeviceTensor> {
  const { sampler = "ssd", operator, y, seeds = [5], options = {} } = setting;
  const { mean = new Float32Array(COUNT).fill(0.1), variance = 0.2 } = setting;
  const runtime = new ReferenceRuntime();
  const problem = {
    model: gaussianModel(mean, variance, SHAPE),
    operator,
    y: runtime.upload(y, [seeds.length, ...operator.measurementShape]),
    sigmaY: 0,
  };
  return SAMPLERS[sampler].restore(runtime, problem, { ...FEW_STEPS, ...options, noise: seededNoise(seeds) });
}

Deno.test("a model that knows the image restores it exactly, whatever the variant and the operator", async () => {
  const image = randomValues(COUNT, 1);
  for (const operator of OPERATORS) {
    const y = await measure(new ReferenceRuntime(), operator, image);
    for (const inversion of INVERSION_VARIANTS) {
      for (const useDdim of [true, false]) {
        for (const sampler of ["ssd", "ssd_plus"] as const) {
          const run = restore({ sampler, operator, y, mean: image, variance: 0, options: { inversion, useDdim } });
          assertClose(await finish(run), image, 1e-5, `${sampler}, ${operator.name}, ${inversion}, ${useDdim}`);
        }
      }
    }
  }
});

Deno.test("SSD results agree with an exact measurement: A x = y", async () => {
  for (const operator of OPERATORS) {
    const y = await measure(new ReferenceRuntime(), operator, randomValues(COUNT, 2));
    const restored = await finish(restore({ operator, y }));
    assertClose(await measure(new ReferenceRuntime(), operator, restored), y, 1e-5, operator.name);
  }
});

Deno.test("SSD+ leaves the measurement after its stop and equals SSD before it", async () => {
  const operator = OPERATORS[0] as LinearOperator;
  const y = randomValues(12, 3);
  const plain = restore({ operator, y });
  const plus = restore({ sampler: "ssd_plus", operator, y });
  let firstDifference = "";
  for await (const { name, xt } of plus) {
    const other = (await plain.next()).value as Progress;
    assertEquals(other.name, name);
    const error = relativeError(await xt.read(), await other.xt.read());
    if (error > 0 && firstDifference === "") firstDifference = name;
  }
  // int((550 - 200)/550 * 6) = 3 steps project.
  assertEquals(firstDifference, "gen.3");
  const restored = await finish(restore({ sampler: "ssd_plus", operator, y }));
  const measured = await measure(new ReferenceRuntime(), operator, restored);
  assert(relativeError(measured, y) > 1e-2);
});

Deno.test("SSD+ that never stops is SSD", async () => {
  const operator = OPERATORS[1] as LinearOperator;
  const y = randomValues(48, 4);
  const plus = await finish(restore({ sampler: "ssd_plus", operator, y, options: { tStop: 0 } }));
  assertEquals(plus, await finish(restore({ operator, y })));
});

Deno.test("restore() reports every step, its evaluations and its states", async () => {
  const operator = OPERATORS[2] as LinearOperator;
  const seen: string[] = [];
  const run = restore({ operator, y: randomValues(64, 5) });
  let last: Float32Array | undefined;
  let next = await run.next();
  for (; !next.done; next = await run.next()) {
    const { name, step, steps, nfe, x0, xt } = next.value;
    seen.push(name);
    assertEquals([step, nfe, steps], [seen.length, seen.length, 9]);
    assertEquals([x0.shape, xt.shape], [[1, ...SHAPE], [1, ...SHAPE]]);
    last = await xt.read();
    if (name === "gen.5") assertEquals(await x0.read(), last);
  }
  assertEquals(seen, ["inv.0", "inv.1", "inv.2", ...[0, 1, 2, 3, 4, 5].map((i) => `gen.${i}`)]);
  assertEquals(await next.value.read(), last);
});

/** A runtime that writes down the numbers of every run of a stage. */
class RecordingRuntime extends ReferenceRuntime {
  readonly runs: Readonly<Record<string, number>>[] = [];

  override stage<I extends string, C extends string, O extends string>(
    name: string,
    body: StageBody<I, C, O>,
  ): Stage<I, C, O> {
    const stage = super.stage(name, body);
    const recorded = (...[inputs, scalars]: Parameters<Stage<I, C, O>>): ReturnType<Stage<I, C, O>> => {
      this.runs.push(scalars);
      return stage(inputs, scalars);
    };
    return Object.assign(recorded, { release: stage.release });
  }
}

Deno.test("each step asks the network at its own timestep and generation follows useDdim", async () => {
  const model = gaussianModel(new Float32Array(COUNT), 1, SHAPE);
  const operator = createOperator("identity", SHAPE);
  const [upward, downward] = [ssdTimesteps(550, 4), ssdTimesteps(550, 6).toReversed()];
  for (const useDdim of [true, false]) {
    const runtime = new RecordingRuntime();
    const y = runtime.upload(randomValues(COUNT, 10), [1, ...SHAPE]);
    const options = { ...FEW_STEPS, useDdim, noise: seededNoise([0]) };
    await finish(SAMPLERS.ssd.restore(runtime, { model, operator, y, sigmaY: 0 }, options));
    const steps = runtime.runs.slice(1); // after A^+ y
    assertEquals(steps.map(({ timestep }) => timestep), [...upward.slice(0, -1), ...downward]);
    const update = useDdim ? (level: Level) => etaMixCoefficients(level, 0.8) : ddpmCoefficients;
    const levels = respace(model.alphaBar, ssdTimesteps(550, 6)).toReversed();
    assertEquals(
      steps.slice(3).map(({ xtFromEps, xtFromNoise }) => [xtFromEps, xtFromNoise]),
      levels.map(update).map(({ xtFromEps, xtFromNoise }) => [xtFromEps, xtFromNoise]),
    );
  }
});

Deno.test("the predicted image is clamped unless clipDenoised is false", async () => {
  const operator = createOperator("identity", SHAPE);
  const [y, mean] = [new Float32Array(COUNT).fill(2), new Float32Array(COUNT).fill(3)];
  const largest = async (clipDenoised: boolean): Promise<number> => {
    const { value } = await restore({ operator, y, mean, options: { clipDenoised } }).next();
    return Math.max(...await (value as Progress).x0.read());
  };
  assertEquals(await largest(true), 1);
  assert(await largest(false) > 1.5);
});

Deno.test("the same seed gives the same bits, another seed another picture", async () => {
  const operator = OPERATORS[0] as LinearOperator;
  const y = randomValues(12, 6);
  const first = await finish(restore({ operator, y }));
  assertEquals(await finish(restore({ operator, y })), first);
  assert(relativeError(await finish(restore({ operator, y, seeds: [6] })), first) > 1e-3);
});

Deno.test("a batch of two samples equals two single runs bit by bit", async () => {
  const operator = OPERATORS[0] as LinearOperator;
  const [first, second] = [randomValues(12, 7), randomValues(12, 8)];
  const both = await finish(restore({ operator, y: Float32Array.from([...first, ...second]), seeds: [11, 12] }));
  assertEquals(both.slice(0, COUNT), await finish(restore({ operator, y: first, seeds: [11] })));
  assertEquals(both.slice(COUNT), await finish(restore({ operator, y: second, seeds: [12] })));
});

Deno.test("given noise and drawn noise take the same way through a step", async () => {
  const operator = OPERATORS[0] as LinearOperator;
  const y = randomValues(12, 9);
  const names = ["inv.0", "inv.1", "inv.2", ...[0, 1, 2, 3, 4, 5].map((i) => `gen.${i}`)];
  const runtime = new ReferenceRuntime();
  const recorded = names.map((name, ordinal) =>
    [name, runtime.upload(sampleNormal(5 * 2 ** 21 + ordinal, COUNT), [1, ...SHAPE])] as const
  );
  const problem = {
    model: gaussianModel(new Float32Array(COUNT).fill(0.1), 0.2, SHAPE),
    operator,
    y: runtime.upload(y, [1, ...operator.measurementShape]),
    sigmaY: 0,
  };
  const replay = SAMPLERS.ssd.restore(runtime, problem, { ...FEW_STEPS, noise: givenNoise(new Map(recorded)) });
  assertEquals(await finish(replay), await finish(restore({ operator, y, seeds: [5] })));
});

Deno.test("inversion with eta 1 and without clamp is the forward process", async () => {
  const runtime = new ReferenceRuntime();
  const z = [randomValues(COUNT, 20), randomValues(COUNT, 21), randomValues(COUNT, 22)];
  const noise: NoiseSource = givenNoise(new Map(z.map((v, i) => [`inv.${i}`, runtime.upload(v, [1, ...SHAPE])])));
  const model = gaussianModel(new Float32Array(COUNT).fill(-0.3), 0.5, SHAPE);
  const image = runtime.upload(randomValues(COUNT, 23), [1, ...SHAPE]);
  const problem = { model, operator: createOperator("identity", SHAPE), y: image, sigmaY: 0 };
  const step = restorationStep(runtime, problem, { clipDenoised: false, noise });
  const levels = respace(model.alphaBar, ssdTimesteps(550, 4));
  let expected = await image.read();
  let i = 0;
  for await (const { xt } of invert(step, image, { levels, inversion: "da", eta: 1 })) {
    const { beta } = levels[i + 1] as { beta: number };
    const fresh = z[i++] as Float32Array;
    expected = expected.map((x, k) => Math.sqrt(1 - beta) * x + Math.sqrt(beta) * (fresh[k] as number));
    assertClose(await xt.read(), expected, 1e-6);
  }
  assertEquals(i, 3);
});
