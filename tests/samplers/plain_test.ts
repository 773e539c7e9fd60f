import { assert, assertEquals, assertThrows } from "@std/assert";
import { constant, type DeviceTensor, hostTensor, ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import { type NoiseModel, noiseSchedule, respacedSchedule } from "../../models/mod.ts";
import {
  ancestralCoefficients,
  ddimCoefficients,
  ddimReverse,
  type Draw,
  givenNoise,
  PLAIN_SAMPLERS,
  type Progress,
  respace,
  seededNoise,
  spaceTimesteps,
  START_DRAW,
} from "../../samplers/mod.ts";
import { assertClose, relativeError } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { gaussianModel } from "./gaussian_model.ts";

const SHAPE = [8, 8, 3];
const COUNT = 192;
const NAMES = ["ddpm", "ddim"] as const;
const FEW = { steps: 10, clipDenoised: true };

/** A few steps of a sampler, with fresh noise in those of DDIM. */
function few(name: "ddpm" | "ddim"): { readonly steps: number; readonly clipDenoised: boolean; readonly eta?: number } {
  return name === "ddim" ? { ...FEW, eta: 0.5 } : FEW;
}

async function finish(run: AsyncGenerator<Progress, DeviceTensor>): Promise<Float32Array> {
  for (;;) {
    const { done, value } = await run.next();
    if (done) return await value.read();
  }
}

/** A Gaussian model that gives the same v everywhere as its learned variance. */
function withVariance(model: NoiseModel, v: number): NoiseModel {
  const [height, width, channels] = model.imageShape as [number, number, number];
  const variance = hostTensor(new Float32Array(COUNT).fill(v), [1, height, width, channels]);
  return {
    ...model,
    predictWithVariance: (xt, t) => ({
      eps: model.predictEps(xt, t),
      variance: weightedSum([[1, constant(variance)]]),
    }),
  };
}

Deno.test("a model that knows the image gives it, whatever the noise, the steps and the variance", async () => {
  const image = randomValues(COUNT, 1).map((value) => Math.max(-1, Math.min(1, value)));
  const known = gaussianModel(image, 0, SHAPE);
  for (const model of [known, withVariance(known, 0.3)]) {
    for (const name of NAMES) {
      for (const steps of [2, 7, 50]) {
        const options = { ...few(name), steps, noise: seededNoise([steps]) };
        const run = PLAIN_SAMPLERS[name].sample(new ReferenceRuntime(), { model }, options);
        assertClose(await finish(run), image, 1e-5, `${name}, ${steps} steps`);
      }
    }
  }
});

Deno.test("both samplers draw from the distribution of the model", async () => {
  // 1920 independent pixels: mean and variance are known to about 0.01.
  const seeds = Array.from({ length: 10 }, (_, seed) => seed);
  for (const name of NAMES) {
    const model = gaussianModel(new Float32Array(COUNT).fill(0.1), 0.04, SHAPE);
    const options = { steps: 1000, clipDenoised: false, noise: seededNoise(seeds) };
    const images = await finish(PLAIN_SAMPLERS[name].sample(new ReferenceRuntime(), { model, count: 10 }, options));
    const mean = images.reduce((sum, value) => sum + value, 0) / images.length;
    const variance = images.reduce((sum, value) => sum + (value - mean) ** 2, 0) / images.length;
    assert(Math.abs(mean - 0.1) < 0.02, `${name}: mean ${mean}`);
    assert(Math.abs(variance / 0.04 - 1) < 0.12, `${name}: variance ${variance}`);
  }
});

Deno.test("the coefficients are those of the respaced schedule, and DDIM with eta 1 is the ancestral step", () => {
  const schedule = noiseSchedule("cosine");
  const kept = spaceTimesteps(1000, "25");
  const respaced = respacedSchedule(schedule, kept);
  for (const [i, level] of respace(schedule.alphaBar, kept).entries()) {
    const step = ancestralCoefficients(level, false);
    const expected = [
      respaced.posteriorMeanX0[i]!,
      respaced.posteriorMeanXt[i]!,
      Math.sqrt(respaced.posteriorVariance[i]!),
    ];
    assertClose([step.xtFromX0, step.xtFromXt, step.xtFromNoise], expected, 1e-9, `level ${i}`);
    const { xtFromX0, xtFromXt, xtFromNoise } = ddimCoefficients(level, 1);
    assertClose([xtFromX0, xtFromXt, xtFromNoise], expected, 1e-9, `level ${i}, DDIM`);
    const learned = ancestralCoefficients(level, true);
    for (const v of [-1, -0.2, 0.5, 1, 1.3]) {
      const share = (v + 1) / 2;
      const log = share * Math.log(respaced.betas[i]!) + (1 - share) * respaced.posteriorLogVarianceClipped[i]!;
      const deviation = i === 0 ? 0 : Math.exp(log / 2);
      assertClose([1 + learned.xtFromNoise * Math.exp(learned.slope * v)], [1 + deviation], 1e-9, `level ${i}, v ${v}`);
    }
  }
});

Deno.test("a learned variance decides how much noise a step adds", async () => {
  const plain = gaussianModel(new Float32Array(COUNT).fill(0.1), 0.2, SHAPE);
  const first = async (model: NoiseModel): Promise<Float32Array> => {
    const run = PLAIN_SAMPLERS.ddpm.sample(new ReferenceRuntime(), { model }, { ...FEW, noise: seededNoise([3]) });
    const { value } = await run.next();
    const state = await (value as Progress).xt.read();
    await run.return(undefined as never);
    return state;
  };
  const posterior = await first(plain);
  assertClose(await first(withVariance(plain, -1)), posterior, 1e-6, "v = -1 is the posterior variance");
  assert(relativeError(await first(withVariance(plain, 1)), posterior) > 1e-6, "v = 1 is beta");
});

Deno.test("DDIM leads back to the image that DDIM backwards has carried up, the better the more steps there are", async () => {
  const model = gaussianModel(new Float32Array(COUNT).fill(0.1), 0.2, SHAPE);
  const image = randomValues(COUNT, 4).map((value) => 0.3 * value);
  const errorOf = async (steps: number): Promise<number> => {
    const runtime = new ReferenceRuntime();
    const options = { steps, clipDenoised: false };
    const run = ddimReverse(runtime, { model, image: runtime.upload(image, [1, ...SHAPE]) }, options);
    const names: string[] = [];
    let next = await run.next();
    for (; !next.done; next = await run.next()) names.push(next.value.name);
    assertEquals(names, Array.from({ length: steps - 1 }, (_, i) => `inv.${i}`));
    const noise = seededNoise([0]);
    const down = PLAIN_SAMPLERS.ddim.sample(runtime, { model, start: next.value }, { ...options, eta: 0, noise });
    return relativeError(await finish(down), image);
  };
  const [few, many] = [await errorOf(25), await errorOf(200)];
  assert(many < 0.05 && many < few / 5, `${few}, then ${many}`);
});

Deno.test("a sample looks the same alone and in a batch, steps are counted, and recorded noise replays", async () => {
  const model = gaussianModel(new Float32Array(COUNT).fill(0.1), 0.2, SHAPE);
  for (const name of NAMES) {
    const sample = (seeds: readonly number[]): AsyncGenerator<Progress, DeviceTensor> =>
      PLAIN_SAMPLERS[name].sample(new ReferenceRuntime(), { model, count: seeds.length }, {
        ...few(name),
        noise: seededNoise(seeds),
      });
    const both = await finish(sample([1, 2]));
    assertEquals(both.subarray(COUNT), await finish(sample([2])));
    const counted: unknown[] = [];
    for await (const { name, step, steps, nfe } of sample([1])) counted.push([name, step, steps, nfe]);
    assertEquals(counted, Array.from({ length: 10 }, (_, i) => [`gen.${i}`, i + 1, 10, i + 1]));
    assertEquals(PLAIN_SAMPLERS[name].evaluations(few(name)), { nominal: 10, actual: 10 });
    const drawn: unknown[] = [];
    const source = seededNoise([1]);
    const watched = { ...source, supply: (draw: Draw) => (drawn.push([draw.name, draw.ordinal]), source.supply(draw)) };
    await finish(PLAIN_SAMPLERS[name].sample(new ReferenceRuntime(), { model }, { ...few(name), noise: watched }));
    assertEquals(drawn, [[START_DRAW, 0], ...counted.map((_, i) => [`gen.${i}`, i + 1])]);
    const runtime = new ReferenceRuntime();
    const names = [START_DRAW, ...counted.map((_, i) => `gen.${i}`)];
    const draws = names.map((name, i) => [name, runtime.upload(randomValues(COUNT, i), [1, ...SHAPE])] as const);
    const replay = async (): Promise<Float32Array> =>
      await finish(
        PLAIN_SAMPLERS[name].sample(runtime, { model }, { ...few(name), noise: givenNoise(new Map(draws)) }),
      );
    assertEquals(await replay(), await replay());
  }
});

Deno.test("options out of range are refused before anything runs", () => {
  const model = gaussianModel(new Float32Array(COUNT), 0.2, SHAPE);
  const noise = seededNoise([1]);
  for (const name of NAMES) {
    for (const steps of [1, 1001, 2.5, NaN]) {
      const start = (): unknown =>
        PLAIN_SAMPLERS[name].sample(new ReferenceRuntime(), { model }, { ...few(name), steps, noise });
      assertThrows(start, RangeError, `steps is ${steps}, an integer within 2..1000 is needed`);
    }
  }
  for (const eta of [-0.1, 1.1, NaN]) {
    const start = (): unknown => PLAIN_SAMPLERS.ddim.sample(new ReferenceRuntime(), { model }, { ...FEW, eta, noise });
    assertThrows(start, RangeError, `eta is ${eta}, a number within 0..1`);
  }
});

gpuTest("plain sampling gives the same on a GPU and on the CPU reference", async (gpu) => {
  const model = withVariance(gaussianModel(randomValues(COUNT, 2), 0.3, SHAPE), 0.4);
  for (const name of NAMES) {
    const sample = (runtime: Runtime): Promise<Float32Array> =>
      finish(PLAIN_SAMPLERS[name].sample(runtime, { model }, { ...few(name), noise: seededNoise([3]) }));
    assertClose(await sample(gpu), await sample(new ReferenceRuntime()), 1e-5, name);
  }
});
