import { assert, assertEquals, assertRejects } from "@std/assert";
import { type HostTensor, hostTensor, ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { degrade, restore } from "../../restoration/mod.ts";
import { DRAWS_PER_SEED, SAMPLERS, seededNoise } from "../../samplers/mod.ts";
import { sampleNormal } from "../../kernels/mod.ts";
import { relativeError } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { gaussianModel } from "../samplers/gaussian_model.ts";

const SHAPE = [4, 8, 3];
const COUNT = 4 * 8 * 3;

const operator = createOperator("sr_average", SHAPE, { scale: 2 });

function picture(seed: number): HostTensor {
  return hostTensor(randomValues(COUNT, seed).map((value) => value / 2), SHAPE);
}

const model = gaussianModel(new Float32Array(COUNT).fill(0.1), 0.2, SHAPE);

async function measured(runtime: Runtime, x: HostTensor): Promise<HostTensor> {
  const y = await degrade(runtime, operator, x, { sigma: 0, seed: 0 });
  const values = hostTensor(await y.read(), y.shape);
  y.free();
  return values;
}

Deno.test("degrade() gives means of blocks, of one picture or of several", async () => {
  const runtime = new ReferenceRuntime();
  const [first, second] = [picture(1), picture(2)];
  const both = hostTensor(new Float32Array([...first.data, ...second.data]), [2, ...SHAPE]);
  const [one, two] = [await measured(runtime, first), await measured(runtime, both)];
  assertEquals([one.shape, two.shape], [[1, 2, 4, 3], [2, 2, 4, 3]]);
  assertEquals(two.data.slice(0, 24), one.data);
  const at = (row: number, column: number): number => first.data[(row * 8 + column) * 3 + 1]!;
  const mean = (at(2, 4) + at(2, 5) + at(3, 4) + at(3, 5)) / 4;
  assert(Math.abs(one.data[(1 * 4 + 2) * 3 + 1]! - mean) < 1e-6);
});

Deno.test("degrade() adds the last draw of each picture's seed, sigma times", async () => {
  const runtime = new ReferenceRuntime();
  const x = hostTensor(new Float32Array([...picture(1).data, ...picture(1).data]), [2, ...SHAPE]);
  const exact = await measured(runtime, x);
  const y = await degrade(runtime, operator, x, { sigma: 0.25, seed: 7 });
  const noisy = await y.read();
  for (const item of [0, 1]) {
    const z = sampleNormal((7 + item + 1) * DRAWS_PER_SEED - 1, 24);
    for (let i = 0; i < 24; i++) {
      assert(Math.abs(noisy[item * 24 + i]! - exact.data[item * 24 + i]! - 0.25 * z[i]!) < 1e-6);
    }
  }
});

Deno.test("degrade() refuses pictures of another shape and noise that is none", async () => {
  const runtime = new ReferenceRuntime();
  const small = hostTensor(new Float32Array(48), [4, 4, 3]);
  await assertRejects(
    () => degrade(runtime, operator, small, { sigma: 0, seed: 0 }),
    TypeError,
    "the picture is [4, 4, 3], the operator takes [4, 8, 3]",
  );
  await assertRejects(() => degrade(runtime, operator, picture(1), { sigma: -1, seed: 0 }), RangeError, "sigma is -1");
});

Deno.test("restore() awaited gives what its last step carries, and what the sampler itself gives", async () => {
  const runtime = new ReferenceRuntime();
  const y = await measured(runtime, picture(3));
  const problem = { model, operator, y, sigmaY: 0 };
  const options = { steps: 6, seed: 5 };
  const awaited = await restore(runtime, SAMPLERS.ddnm, problem, options);
  const steps: (HostTensor | undefined)[] = [];
  for await (const { image, step, steps: all, nfe, x0, xt } of restore(runtime, SAMPLERS.ddnm, problem, options)) {
    steps.push(image);
    assertEquals([step, all, nfe], [steps.length, 6, steps.length]);
    assertEquals([(await x0.read()).length, (await xt.read()).length], [COUNT, COUNT]);
  }
  assertEquals(steps.length, 6);
  assertEquals(steps.slice(0, 5), Array(5).fill(undefined));
  assertEquals(steps[5]!.data, awaited.data);
  assertEquals(awaited.shape, [1, ...SHAPE]);

  const device = runtime.upload(y.data as Float32Array, y.shape);
  const run = SAMPLERS.ddnm.restore(runtime, { ...problem, y: device }, {
    ...SAMPLERS.ddnm.defaults,
    steps: 6,
    noise: seededNoise([5]),
  });
  let next = await run.next();
  while (!next.done) next = await run.next();
  assertEquals(await next.value.read(), awaited.data);
  assert(
    relativeError(
      (await measured(runtime, hostTensor(awaited.data, SHAPE))).data as Float32Array,
      y.data as Float32Array,
    ) < 1e-5,
  );
});

Deno.test("restore() gives measurement k of a batch the seed that follows, or the one it is given", async () => {
  const runtime = new ReferenceRuntime();
  const one = await measured(runtime, picture(3));
  const two = hostTensor(new Float32Array([...one.data, ...one.data]), [2, 2, 4, 3]);
  const problem = { model, operator, sigmaY: 0 };
  const run = async (y: HostTensor, seed: number | readonly number[]): Promise<ArrayLike<number>> =>
    (await restore(runtime, SAMPLERS.ddnm, { ...problem, y }, { steps: 4, seed })).data;
  const [eight, nine] = [await run(one, 8), await run(one, 9)];
  assertEquals(await run(two, 8), new Float32Array([...Array.from(eight), ...Array.from(nine)]));
  assertEquals(await run(two, [9, 8]), new Float32Array([...Array.from(nine), ...Array.from(eight)]));
  const noise = seededNoise([9]);
  assertEquals((await restore(runtime, SAMPLERS.ddnm, { ...problem, y: one }, { steps: 4, noise })).data, nine);
});

Deno.test("restore() takes what is published for a task, and refuses parameters that the sampler has not", async () => {
  const runtime = new ReferenceRuntime();
  const y = await measured(runtime, picture(3));
  const problem = { model, operator, y, sigmaY: 0 };
  const run = async (task: "super_resolution" | "colorization"): Promise<ArrayLike<number>> =>
    (await restore(runtime, SAMPLERS.ssd, problem, { inversionSteps: 3, generationSteps: 4, task, seed: 0 })).data;
  assert(
    relativeError(await run("colorization") as Float32Array, await run("super_resolution") as Float32Array) > 1e-3,
  );
  await assertRejects(
    // @ts-expect-error DDNM has no etaB, which a program without types sees at run time
    async () => await restore(runtime, SAMPLERS.ddnm, problem, { etaB: 1, seed: 0 }),
    Error,
    'there is no parameter "etaB"',
  );
  await assertRejects(
    async () => await restore(runtime, SAMPLERS.ddnm, problem, { steps: 0, seed: 0 }),
    RangeError,
    "steps is 0",
  );
});

Deno.test("a restoration runs once: awaited again it gives the same, iterated again it is refused", async () => {
  const runtime = new ReferenceRuntime();
  const y = await measured(runtime, picture(3));
  const restoration = restore(runtime, SAMPLERS.ddnm, { model, operator, y, sigmaY: 0 }, { steps: 3, seed: 0 });
  assertEquals(await restoration, await restoration);
  await assertRejects(
    async () => {
      for await (const _ of restoration) break;
    },
    Error,
    "Cannot run a restoration twice",
  );
});

Deno.test("a restoration that is left early ends its sampler", async () => {
  const runtime = new ReferenceRuntime();
  const y = await measured(runtime, picture(3));
  let isEnded = false;
  const watched = {
    ...SAMPLERS.ddnm,
    async *restore(...args: Parameters<typeof SAMPLERS.ddnm.restore>): ReturnType<typeof SAMPLERS.ddnm.restore> {
      try {
        return yield* SAMPLERS.ddnm.restore(...args);
      } finally {
        isEnded = true;
      }
    },
  };
  for await (const { step } of restore(runtime, watched, { model, operator, y, sigmaY: 0 }, { steps: 5, seed: 0 })) {
    if (step === 2) break;
  }
  assert(isEnded);
});
