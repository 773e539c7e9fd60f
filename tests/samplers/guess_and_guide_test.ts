/** Guess & Guide where the result is known whatever the network says. */
import { elementCount, ReferenceRuntime, type Tensor } from "../../engine/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { assertClose } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { restored } from "./few_steps.ts";
import { gaussianModel } from "./gaussian_model.ts";

const SHAPE = [8, 8, 3];
const COUNT = elementCount(SHAPE);
const KNOWN = randomValues(COUNT, 3);
const OPERATORS = [
  createOperator("sr_average", SHAPE, { scale: 2 }),
  createOperator("sr_bicubic", SHAPE, { scale: 2 }),
  createOperator("inpaint", SHAPE, { missing: 0.5, seed: 3 }),
];

async function applied(map: (x: Tensor) => Tensor, x: Float32Array, shape: readonly number[]): Promise<Float32Array> {
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage<"x", never, "y">("map", ({ x }) => ({ y: map(x) }));
  return await (await stage({ x: runtime.upload(x, [1, ...shape]) }, {})).y.read();
}

Deno.test("an exact measurement is explained, and a mask keeps its pixels", async () => {
  const model = gaussianModel(new Float32Array(COUNT).fill(0.1), 0.04, SHAPE);
  for (const operator of OPERATORS) {
    const y = await applied((x) => operator.forward(x), randomValues(COUNT, 8), SHAPE);
    const options = { guesses: 2, steps: 4 };
    const image = await restored({ name: "guess_and_guide", options, model, operator, y, seeds: [4] });
    assertClose(await applied((x) => operator.forward(x), image, SHAPE), y, 1e-5, operator.name);
  }
});

Deno.test("of a noisy measurement the result is a prediction, without a data step behind it", async () => {
  const model = gaussianModel(KNOWN, 0, SHAPE);
  for (const operator of OPERATORS) {
    const y = randomValues(elementCount(operator.measurementShape), 5);
    const options = { guesses: 1, steps: 3, clipDenoised: false };
    const image = await restored({ name: "guess_and_guide", options, model, operator, y, sigmaY: 0.1, seeds: [1] });
    assertClose(image, KNOWN, 1e-4, operator.name);
  }
});
