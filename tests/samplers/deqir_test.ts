/** DeqIR: the fixed point is the run of steps, one after the other, and Anderson's weights solve their small system. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { type Progress, type Sampler, SAMPLERS, seededNoise } from "../../samplers/mod.ts";
import { mixingWeights } from "../../samplers/methods/parallel/anderson.ts";
import { assertClose } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { restored } from "./few_steps.ts";
import { gaussianModel } from "./gaussian_model.ts";

const SHAPE = [8, 8, 3];
const MODEL = gaussianModel(randomValues(192, 3), 0.2, SHAPE);
const STEPS = 6;
const OPERATOR = createOperator("sr_average", SHAPE, { scale: 2 });
const Y = randomValues(48, 5);

/** What DeqIR makes in so many sweeps: the last state of each, with the evaluations so far. */
async function sweeps(options: object, y = Y, seeds = [7]): Promise<readonly (readonly [Float32Array, number])[]> {
  const runtime = new ReferenceRuntime();
  const chosen = SAMPLERS.deqir as Sampler<object>;
  const upload = runtime.upload(y, [seeds.length, ...OPERATOR.measurementShape]);
  const problem = { model: MODEL, operator: OPERATOR, y: upload, sigmaY: 0 };
  const all: object = { steps: STEPS, ...options };
  const run = chosen.restore(runtime, problem, { ...all, noise: seededNoise(seeds) });
  const made: (readonly [Float32Array, number])[] = [];
  let left = 1;
  for await (const { xt, nfe, step, steps } of run as AsyncIterable<Progress>) {
    made.push([await xt.read(), nfe]);
    left = steps - step;
  }
  assertEquals(left, 0, "the last sweep says that it is the last");
  return made;
}

Deno.test("the weights of a mixture have the sum 1 and make the mixed residual least", () => {
  const gram = [[4, 1, 0.5], [1, 2, -0.3], [0.5, -0.3, 3]];
  const alpha = mixingWeights(gram, 0.1);
  assertAlmostEquals(alpha.reduce((sum, weight) => sum + weight), 1, 1e-12);
  const slopes = gram.map((row, i) => row.reduce((sum, value, j) => sum + value * alpha[j]!, 0.1 * alpha[i]!));
  for (const slope of slopes) assertAlmostEquals(slope, slopes[0]!, 1e-12);
  assertEquals(mixingWeights([[7]], 0), [1]);
});

Deno.test("the states that DeqIR comes to are those of DDNM without fresh noise, one after the other", async () => {
  const options = { sweeps: 40, history: 5, tolerance: 1e-6, eta: 0 };
  const serial = await restored({
    ...{ name: "ddnm", options: { steps: STEPS, eta: 0 }, model: MODEL, operator: OPERATOR } as const,
    ...{ y: Y, seeds: [7] },
  });
  const made = await sweeps(options);
  assertClose(made.at(-1)![0], serial, 1e-4, "fixed point");
  assert(made.length < 40, `${made.length} sweeps`);
  assertEquals(made.map(([, nfe]) => nfe), made.map((_, i) => STEPS * (i + 1)));
});

Deno.test("sweeps end where the states do not change any more, for every image of a batch by itself", async () => {
  const options = { sweeps: 40, history: 3, tolerance: 1e-3 };
  const other = randomValues(48, 6).map((value) => 3 * value);
  const alone = [await sweeps(options), await sweeps(options, other, [8])];
  const both = (await sweeps(options, Float32Array.from([...Y, ...other]), [7, 8])).at(-1)![0];
  assertEquals(both.slice(0, 192), alone[0]!.at(-1)![0]);
  assertEquals(both.slice(192), alone[1]!.at(-1)![0]);
  assert(alone.every((made) => made.length < 40));
  assertEquals(
    (await sweeps({ ...options, tolerance: 1e9 })).length,
    3,
    "the third sweep is the first that is compared",
  );
});
