/**
 * What a restoration is said to have asked of its network and its degradation, against what these computed: they count on
 * the CPU by themselves. And against what the method announced.
 */
import { assert, assertEquals } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { createDegradation, createOperator, type Operator } from "../../operators/mod.ts";
import { restore, type RunCounts } from "../../restoration/mod.ts";
import { type SamplerName, SAMPLERS } from "../../samplers/mod.ts";
import { type Computed, markedModel, markedOperator, marks } from "./counting.ts";
import { FEW_STEPS, sampler } from "./few_steps.ts";
import { gaussianModel } from "./gaussian_model.ts";

const SHAPE = [8, 8, 3];
const MODEL = gaussianModel(new Float32Array(8 * 8 * 3).fill(0.1), 0.04, SHAPE);

/** Pictures that are restored together; their number divides no count of a run by chance. */
const PICTURES = 2;

/** A run to its end: what it is said to have asked for, what was computed, and what the steps say of evaluations. */
async function run(name: SamplerName, operator: Operator, given: object = {}, sigmaY = 0.1): Promise<{
  readonly counts: RunCounts;
  readonly computed: Computed;
  readonly nfe: number;
  readonly announced: number;
}> {
  const runtime = new ReferenceRuntime();
  const { computed, mark } = marks();
  const options = { ...FEW_STEPS[name], ...given };
  const [model, marked] = [markedModel(MODEL, { mark }), markedOperator(operator, { mark })];
  const shape = [PICTURES, ...operator.measurementShape];
  const values = Float32Array.from({ length: shape.reduce((all, n) => all * n) }, (_, i) => 0.3 * Math.sin(i));
  const problem = { model, operator: marked, y: runtime.upload(values, shape), sigmaY };
  let [counts, nfe]: [RunCounts | undefined, number] = [undefined, 0];
  for await (const step of restore(runtime, sampler(name).sampler, problem, { ...options, seed: 1 })) {
    [counts, nfe] = [step.counts(), step.nfe];
  }
  const announced = sampler(name).sampler.evaluations({ ...sampler(name).options, ...options }).actual;
  return { counts: counts!, computed, nfe, announced };
}

/** Operators with and without a decomposition. */
const AVERAGE = createOperator("sr_average", SHAPE, { scale: 2 });
const GRAY = createOperator("sr_gray", SHAPE, { scale: 2 });

/** What needs a decomposition runs on the first operator alone. */
function needsSpectrum(name: SamplerName): boolean {
  return SAMPLERS[name].needs.includes("spectrum");
}

for (const name of Object.keys(FEW_STEPS) as SamplerName[]) {
  if (name === "gibbs_ddrm") continue;
  Deno.test(`${name}: the counts of a run are what was computed for each picture, and what was announced`, async () => {
    for (const operator of needsSpectrum(name) || name === "bicubic" ? [AVERAGE] : [AVERAGE, GRAY]) {
      const { counts, computed, nfe, announced } = await run(name, operator);
      const each = Object.fromEntries(Object.entries(computed).map(([what, count]) => [what, count / PICTURES]));
      assertEquals(counts as object, each, operator.name);
      assertEquals([counts.nfe, nfe], [announced, announced], operator.name);
    }
  });
}

Deno.test("degradations that are not linear are counted: A, its gradient, and what stands for A^+", async () => {
  const cases: readonly (readonly [SamplerName, string, keyof Computed])[] = [
    ["dps", "hdr", "adjoint"],
    ["daps", "hdr", "adjoint"],
    ["sitcom", "hdr", "vjp"],
    ["ssd", "jpeg", "pseudoInverse"],
  ];
  for (const [name, task, least] of cases) {
    const operator = createDegradation(task, SHAPE, task === "jpeg" ? { quality: 50 } : {});
    const { counts, computed } = await run(name, operator);
    const each = Object.fromEntries(Object.entries(computed).map(([what, count]) => [what, count / PICTURES]));
    assertEquals(counts as object, each, `${name} on ${task}`);
    assert(counts[least] > 0, `${name} on ${task}`);
  }
});

Deno.test("every method of the register is counted here", () => {
  assertEquals(Object.keys(FEW_STEPS).toSorted(), Object.keys(SAMPLERS).toSorted());
});

Deno.test("counts of methods whose steps are known by heart", async () => {
  const none = { nfe: 0, vjp: 0, forward: 0, adjoint: 0, pseudoInverse: 0, spectral: 0 };
  const countsOf = async (name: SamplerName, options: object = {}): Promise<object> =>
    (await run(name, AVERAGE, options)).counts;
  assertEquals(await countsOf("pseudo_inverse"), { ...none, pseudoInverse: 1 });
  // Of every step the network, its gradient, and A with its transpose.
  assertEquals(await countsOf("dps", { steps: 7 }), { ...none, nfe: 7, vjp: 7, forward: 7, adjoint: 7 });
  // Every step replaces the range part: A and A^+ once.
  assertEquals(await countsOf("ddnm", { steps: 7, travelLength: 1, travelRepeat: 1 }), {
    ...none,
    nfe: 7,
    forward: 7,
    pseudoInverse: 7,
  });
  // Three particles are three evaluations for one picture.
  assertEquals((await run("ddsmc", AVERAGE)).counts.nfe, 4 * 3);
});

Deno.test("what a run decides by its data is counted as it happens, below what is announced", async () => {
  // Noise so large that the first prediction agrees with the measurement.
  const { counts, computed, nfe, announced } = await run("sitcom", AVERAGE, {}, 100);
  assertEquals([counts.nfe, nfe, computed.nfe / PICTURES], [3, 3, 3]);
  assertEquals(announced, 9);
});

Deno.test("the blur that nobody knows is counted too, though the degradation of the problem is not asked", async () => {
  const operator = createOperator("identity", SHAPE);
  const { counts, nfe, announced, computed } = await run("gibbs_ddrm", operator);
  assertEquals([counts.nfe, nfe, computed.nfe / PICTURES], [announced, announced, announced]);
  // Of 4 steps 2 draw the kernel once, in 2 steps of Langevin's, each with A and its transpose; and every state, the first
  // among them, is embedded in what A makes of a picture.
  const updates = counts.nfe - 4;
  assertEquals([counts.vjp, counts.forward, counts.adjoint], [0, 1 + 4 + updates + 2 * updates, 2 * updates]);
  // V^T of x0, eps and three noises, U^T Y and V of every state; V^T z, U^T Y and V of the first.
  assertEquals(counts.spectral, 3 + 7 * (4 + updates));
});
