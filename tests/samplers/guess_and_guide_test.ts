/** Guess & Guide where its data step has a closed form: operators with one singular value besides 0. */
import { assertEquals } from "@std/assert";
import { elementCount, ReferenceRuntime, type Tensor } from "../../engine/mod.ts";
import { createOperator, type LinearOperator } from "../../operators/mod.ts";
import type { Progress } from "../../samplers/mod.ts";
import { assertClose } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { restored, start } from "./few_steps.ts";
import { gaussianModel } from "./gaussian_model.ts";

const SHAPE = [8, 8, 3];
const COUNT = elementCount(SHAPE);
const KNOWN = randomValues(COUNT, 3);

/** An operator, its rank, and the number of measured values that it reads. */
interface Case {
  readonly operator: LinearOperator;
  readonly rank: number;
}

const CASES: readonly Case[] = [
  { operator: createOperator("sr_average", SHAPE, { scale: 2 }), rank: 48 },
  { operator: createOperator("colorize", SHAPE), rank: 64 },
  { operator: createOperator("inpaint", SHAPE, { missing: 0.5, seed: 3 }), rank: 96 },
  { operator: createOperator("identity", SHAPE), rank: 192 },
];

async function applied(map: (x: Tensor) => Tensor, x: Float32Array, shape: readonly number[]): Promise<Float32Array> {
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage<"x", never, "y">("map", ({ x }) => ({ y: map(x) }));
  return await (await stage({ x: runtime.upload(x, [1, ...shape]) }, {})).y.read();
}

/** The image nearest to the known one with |y - A u| at most sigma sqrt(rank), of y within the range of A. */
async function nearest({ operator, rank }: Case, y: Float32Array, sigmaY: number): Promise<Float32Array> {
  const back = (r: Float32Array): Promise<Float32Array> =>
    applied((r) => operator.pseudoInverse(r), r, operator.measurementShape);
  const forward = (x: Float32Array): Promise<Float32Array> => applied((x) => operator.forward(x), x, SHAPE);
  const seen = await forward(KNOWN);
  const missing = (await forward(await back(y))).map((value, i) => value - seen[i]!);
  const length = Math.hypot(...missing);
  const share = Math.max(0, 1 - sigmaY * Math.sqrt(rank) / length);
  const pull = await back(missing);
  return KNOWN.map((value, i) => value + share * pull[i]!);
}

Deno.test("the prediction is moved no further than until the measurement is as far as its noise", async () => {
  for (const each of CASES) {
    const { operator } = each;
    const size = elementCount(operator.measurementShape);
    const model = gaussianModel(KNOWN, 0, SHAPE);
    for (const sigmaY of [0, 0.1, 0.5, 5]) {
      // Two samples at different distances.
      const [near, far] = [randomValues(size, 5), randomValues(size, 6).map((value) => 2 * value)];
      for (const dataSteps of [1, 4]) {
        const run = start({
          name: "guess_and_guide",
          options: { t0: 300, guesses: 2, steps: 3, dataSteps, clipDenoised: false },
          ...{ model, operator, sigmaY, y: Float32Array.from([...near, ...far]), seeds: [1, 2] },
        });
        const { value } = await run.next();
        const image = await (value as Progress).x0.read();
        await run.return(undefined as never);
        const what = `${operator.name}, noise ${sigmaY}, ${dataSteps} steps`;
        assertClose(image.slice(0, COUNT), await nearest(each, near, sigmaY), 1e-4, `${what}, near`);
        assertClose(image.slice(COUNT), await nearest(each, far, sigmaY), 1e-4, `${what}, far`);
      }
    }
  }
});

Deno.test("below the noise of the measurement the prediction stays as it is", async () => {
  const model = gaussianModel(KNOWN, 0, SHAPE);
  for (const { operator } of CASES) {
    const y = randomValues(elementCount(operator.measurementShape), 5);
    const options = { t0: 300, guesses: 1, steps: 3, dataSteps: 2, clipDenoised: false };
    const image = await restored({ name: "guess_and_guide", options, model, operator, y, sigmaY: 0.1, seeds: [1] });
    assertClose(image, KNOWN, 1e-4, operator.name);
  }
});

Deno.test("known pixels of an exact measurement are kept as they are", async () => {
  const { operator } = CASES[2]!;
  const truth = randomValues(COUNT, 8);
  const y = await applied((x) => operator.forward(x), truth, SHAPE);
  const model = gaussianModel(new Float32Array(COUNT).fill(0.1), 0.04, SHAPE);
  const options = { guesses: 2, steps: 4, dataSteps: 1 };
  const image = await restored({ name: "guess_and_guide", options, model, operator, y, seeds: [4] });
  const seen = await applied((x) => operator.forward(x), image, SHAPE);
  assertClose(seen, y, 1e-6, "known pixels");
  assertEquals(image.length, COUNT);
});
