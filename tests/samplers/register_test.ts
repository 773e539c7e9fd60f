/** What holds for every sampler of the register. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { elementCount, ReferenceRuntime, sameShape } from "../../engine/mod.ts";
import { createOperator, type LinearOperator } from "../../operators/mod.ts";
import { type Sampler, type SamplerName, SAMPLERS, seededNoise } from "../../samplers/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { FEW_STEPS, restored, sampler, start } from "./few_steps.ts";
import { gaussianModel } from "./gaussian_model.ts";

const SHAPE = [8, 8, 3];
const COUNT = elementCount(SHAPE);
const NAMES = Object.keys(SAMPLERS) as SamplerName[];
const MODEL = gaussianModel(new Float32Array(COUNT).fill(0.1), 0.2, SHAPE);
const OPERATORS: readonly LinearOperator[] = [
  createOperator("sr_average", SHAPE, { scale: 2 }),
  createOperator("sr_bicubic", SHAPE, { scale: 2 }),
  createOperator("colorize", SHAPE),
  createOperator("inpaint", SHAPE, { missing: 0.5, seed: 3 }),
  createOperator("deblur_gauss", SHAPE, { taps: 3, sigma: 1 }),
  createOperator("identity", SHAPE),
];

/** Samplers that compute an image in one go. */
const BASELINES: readonly SamplerName[] = ["pseudo_inverse", "bicubic"];

/** Whether a sampler takes an operator: bicubic enlargement wants a smaller picture, an unknown blur one of its size. */
function suits(name: SamplerName, { name: operator, imageShape, measurementShape }: LinearOperator): boolean {
  if (name === "gibbs_ddrm") return sameShape(imageShape, measurementShape);
  return name !== "bicubic" || operator.startsWith("sr_");
}

/** An operator of the list, or the first after it that a sampler takes. */
function operatorFor(name: SamplerName, index: number): LinearOperator {
  return OPERATORS.slice(index).find((operator) => suits(name, operator))!;
}

function measurement(operator: LinearOperator, seed: number, samples = 1): Float32Array {
  return randomValues(samples * elementCount(operator.measurementShape), seed);
}

Deno.test("every sampler runs on every operator and counts its network evaluations", async () => {
  for (const name of NAMES) {
    for (const operator of OPERATORS.filter((operator) => suits(name, operator))) {
      const what = `${name}, ${operator.name}`;
      const run = start({ name, model: MODEL, operator, y: measurement(operator, 1), seeds: [5], sigmaY: 0.1 });
      let steps = 0;
      let last = 0;
      let next = await run.next();
      for (; !next.done; next = await run.next()) {
        assertEquals(next.value.step, ++steps, what);
        assertEquals([next.value.x0.shape, next.value.xt.shape], [[1, ...SHAPE], [1, ...SHAPE]], what);
        last = next.value.nfe;
        assert(steps <= next.value.steps, what);
        if (steps === next.value.steps) last = next.value.nfe;
      }
      const { sampler: chosen, options } = sampler(name, FEW_STEPS[name]);
      assertEquals(last, chosen.evaluations(options).actual, what);
      const values = await next.value.read();
      assert(values.every(Number.isFinite), what);
      next.value.free();
    }
  }
});

Deno.test("a batch of two samples equals two single runs bit by bit, with every sampler", async () => {
  for (const name of NAMES) {
    const operator = operatorFor(name, 1);
    const [first, second] = [measurement(operator, 7), measurement(operator, 8)];
    const common = { model: MODEL, operator, sigmaY: 0.1 };
    const both = await restored({ ...common, name, y: Float32Array.from([...first, ...second]), seeds: [11, 12] });
    assertEquals(both.slice(0, COUNT), await restored({ ...common, name, y: first, seeds: [11] }), name);
    assertEquals(both.slice(COUNT), await restored({ ...common, name, y: second, seeds: [12] }), name);
  }
});

gpuTest(
  "every sampler gives the same on a GPU and on the CPU, and batches equal single runs bit by bit",
  async (gpu) => {
    for (const name of NAMES) {
      const operator = operatorFor(name, 0);
      const y = measurement(operator, 9, 2);
      const half = y.length / 2;
      const common = { model: MODEL, operator, sigmaY: 0.1 };
      const both = await restored({ ...common, name, y, seeds: [3, 4], runtime: gpu });
      assertClose(both, await restored({ ...common, name, y, seeds: [3, 4] }), 1e-4, name);
      const second = await restored({ ...common, name, y: y.slice(half), seeds: [4], runtime: gpu });
      assertEquals(both.slice(COUNT), second, name);
    }
  },
);

Deno.test("samplers that draw noise give another picture for another seed, the others the same", async () => {
  const deterministic = [...BASELINES, "pnp_admm", "admm_tv"];
  for (const name of NAMES) {
    const operator = operatorFor(name, 0);
    const setting = { name, model: MODEL, operator, y: measurement(operator, 2), sigmaY: 0.1 };
    const isSame = (await restored({ ...setting, seeds: [1] }))
      .every(((other) => (value, i) => value === other[i])(await restored({ ...setting, seeds: [2] })));
    assertEquals(isSame, deterministic.includes(name), name);
  }
});

Deno.test("methods for exact measurements end in agreement with them: A x = y", async () => {
  for (const operator of OPERATORS.slice(0, 4)) {
    const x = randomValues(COUNT, 4);
    const forward = async (image: Float32Array): Promise<Float32Array> => {
      const runtime = new ReferenceRuntime();
      const stage = runtime.stage<"x", never, "y">("measure", ({ x }) => ({ y: operator.forward(x) }));
      return (await stage({ x: runtime.upload(image, [1, ...SHAPE]) }, {})).y.read();
    };
    const y = await forward(x);
    for (const name of ["pseudo_inverse", "ssd", "ddnm", "dds"] as const) {
      const image = await restored({ name, model: MODEL, operator, y, seeds: [1] });
      assertClose(await forward(image), y, 1e-4, `${name}, ${operator.name}`);
    }
  }
});

Deno.test("a sampler that needs a decomposition refuses an operator without one and names those that have one", () => {
  const { spectral: _, ...bare } = OPERATORS[0]!;
  for (const [name, options] of [["ddrm", {}], ["ddnm_plus", { form: "spectral" }]] as const) {
    assertThrows(
      () => start({ name, options, model: MODEL, operator: bare, y: measurement(bare, 1), seeds: [1] }),
      TypeError,
      `Cannot run ${name} on "sr_average": it has no singular value decomposition in closed form, ` +
        `${name} needs one; the operators that work are sr_average, `,
    );
  }
});

Deno.test("without a decomposition DMPS and DiffPIR solve by conjugate gradients and give the same", async () => {
  for (const operator of OPERATORS.slice(0, 4)) {
    const { spectral: _, ...bare } = operator;
    const y = measurement(operator, 3);
    for (const name of ["dmps", "diffpir"] as const) {
      const common = { name, model: MODEL, y, seeds: [2], sigmaY: 0.3, options: { steps: 6, iterations: 60 } };
      const closed = await restored({ ...common, operator });
      assertClose(await restored({ ...common, operator: bare }), closed, 1e-3, `${name}, ${operator.name}`);
    }
  }
});

Deno.test("DDNM+ with an exact measurement is DDNM, in its spectral and its simplified form", async () => {
  for (const operator of OPERATORS.slice(0, 4)) {
    const setting = { model: MODEL, operator, y: measurement(operator, 5), seeds: [9] };
    const plain = await restored({ ...setting, name: "ddnm" });
    for (const form of ["spectral", "simplified"]) {
      const options = { ...FEW_STEPS.ddnm_plus, form };
      assertClose(await restored({ ...setting, name: "ddnm_plus", options }), plain, 1e-4, `${operator.name}, ${form}`);
    }
  }
});

Deno.test("every sampler has published parameters for every task, and refuses steps that are no number of steps", () => {
  for (const name of NAMES) {
    const operator = operatorFor(name, 0);
    const chosen = SAMPLERS[name] as Sampler<object>;
    for (const task of ["super_resolution", "deblurring", "inpainting", "colorization"] as const) {
      const options = chosen.defaultsFor(task);
      assertEquals(Object.keys(options).toSorted(), Object.keys(chosen.defaults).toSorted(), name);
      assert(chosen.evaluations(options).actual >= 0, name);
    }
    if (!("steps" in chosen.defaults)) continue;
    assertThrows(
      () => start({ name, options: { steps: 0.5 }, model: MODEL, operator, y: measurement(operator, 1), seeds: [1] }),
      RangeError,
      `Cannot run ${name}: steps is 0.5, an integer within `,
    );
  }
});

Deno.test("a run that is stopped early frees what it holds", async () => {
  for (const name of NAMES.filter((name) => !BASELINES.includes(name))) {
    const operator = operatorFor(name, 0);
    const runtime = new ReferenceRuntime();
    const run = start({ name, model: MODEL, operator, y: measurement(operator, 1), seeds: [1], runtime, sigmaY: 0.1 });
    const held = runtime.statistics().deviceBytes;
    await run.next();
    await run.return(undefined as never);
    assertEquals(runtime.statistics().deviceBytes, held, name);
  }
});

Deno.test("seeded noise is the only source of chance", async () => {
  for (const name of NAMES) {
    const operator = operatorFor(name, 1);
    const setting = { name, model: MODEL, operator, y: measurement(operator, 6), seeds: [21], sigmaY: 0.1 };
    assertEquals(await restored(setting), await restored({ ...setting, noise: seededNoise([21]) }), name);
  }
});
